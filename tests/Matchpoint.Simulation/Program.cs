using System.Diagnostics;
using System.Globalization;
using Matchpoint.Simulation.Schedules;

namespace Matchpoint.Simulation;

/// <summary>Runs schedules by their numbers.</summary>
internal static class Program
{
    private static async Task<int> Main(string[] args)
    {
        var first = args.Length > 0 ? ulong.Parse(args[0], CultureInfo.InvariantCulture) : 0;
        var count = args.Length > 1 ? ulong.Parse(args[1], CultureInfo.InvariantCulture) : 1;
        var stopwatch = Stopwatch.StartNew();
        var failed = 0;
        long events = 0;
        for (var seed = first; seed < first + count; seed++)
        {
            var lines = new List<string>();
            var result = await new Schedule(seed, count == 1 ? lines.Add : null).RunAsync();
            events += result.Events;
            if (count == 1 || result.Violation is not null)
                Console.WriteLine($"{seed}: {result.Time.TotalSeconds:0.0} s, {result.Events} events, {result.Faults} faults, {result.Operations} operations, {result.Acknowledged} acknowledged, {result.Reigns} reigns, {result.Undone} undone, hash {result.Hash:x}");
            if (count == 1) foreach (var line in lines) Console.WriteLine(line);
            if (result.Violation is null) continue;
            failed++;
            Console.WriteLine(count == 1 ? result.Violation : result.Violation.Message);
        }

        Console.WriteLine($"{count} schedules, {failed} failed, {events} events, {stopwatch.Elapsed.TotalSeconds:0.0} s, CPU {Process.GetCurrentProcess().TotalProcessorTime.TotalSeconds:0.0} s");
        return failed == 0 ? 0 : 1;
    }
}
