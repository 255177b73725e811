using System.Diagnostics;
using System.Globalization;
using Matchpoint.Simulation.Checkers;
using Matchpoint.Simulation.Clients;
using Matchpoint.Simulation.Group;
using Matchpoint.Simulation.Schedules;

namespace Matchpoint.Simulation;

/// <summary>Runs schedules by their numbers: one, told event by event, or many.</summary>
internal static class Program
{
    private const string Usage = """
        usage: run [--from SEED] [--count N] [--minutes M] [--first]   many schedules; ends with 1 when one broke a promise
               seed SEED [--edn FILE]                                  one schedule, told as it happens; its transactions as EDN for Elle,
                                                                       and each register's operations beside them for Knossos: history.edn, history.r0.edn to history.r7.edn
        """;

    private static async Task<int> Main(string[] args)
    {
        switch (args)
        {
            case ["run", .. var options]:
                return await RunManyAsync(options);
            case ["seed", var seed, .. var options] when ulong.TryParse(seed, CultureInfo.InvariantCulture, out var number):
                return await RunOneAsync(number, Option(options, "--edn"));
            default:
                await Console.Error.WriteLineAsync(Usage);
                return 2;
        }
    }

    private static async Task<int> RunOneAsync(ulong seed, string? edn)
    {
        var schedule = new Schedule(seed, Console.WriteLine);
        var result = await schedule.RunAsync();
        Console.WriteLine(Summary(result));
        if (result.Violation is not null) Console.WriteLine(result.Violation);
        if (edn is not null) await WriteEdnAsync(edn, schedule.History);
        return result.Violation is null ? 0 : 1;
    }

    private static async Task WriteEdnAsync(string path, History history)
    {
        await File.WriteAllTextAsync(path, Edn.OfTransactions(history.Operations));
        for (var register = 0; register < SimulatedClient.Registers; register++)
        {
            var ending = string.Create(CultureInfo.InvariantCulture, $"r{register}{Path.GetExtension(path)}");
            await File.WriteAllTextAsync(Path.ChangeExtension(path, ending), Edn.OfRegister(history.OfRegisters, register));
        }
    }

    private static async Task<int> RunManyAsync(string[] options)
    {
        var first = ulong.Parse(Option(options, "--from") ?? "0", CultureInfo.InvariantCulture);
        var count = ulong.Parse(Option(options, "--count") ?? (Option(options, "--minutes") is null ? "1000" : "1000000000"), CultureInfo.InvariantCulture);
        var minutes = double.Parse(Option(options, "--minutes") ?? "1000000", CultureInfo.InvariantCulture);
        var began = Stopwatch.StartNew();
        var virtualTime = TimeSpan.Zero;
        var copies = default(CopyFigures);
        var figures = new RunFigures();
        long events = 0, operations = 0, faults = 0, undone = 0, reigns = 0;
        var (undecided, trace) = (0, new LastLines());
        ulong done = 0, failed = 0;
        while (done < count && began.Elapsed.TotalMinutes < minutes)
        {
            trace.Clear();
            var result = await new Schedule(first + done++, trace.Add).RunAsync();
            undecided += result.Undecided;
            (events, operations, faults, undone, reigns) = (events + result.Events, operations + result.Operations, faults + result.Faults, undone + result.Undone, reigns + result.Reigns);
            figures.Add(result);
            (virtualTime, copies) = (virtualTime + result.Time, copies + result.Copies);
            if (result.Violation is null) continue;
            failed++;
            Console.WriteLine(Summary(result));
            Console.WriteLine($"  {result.Violation.Message}");
            Console.WriteLine(trace);
            Console.WriteLine($"  again: dotnet run -c Release --project tests/Matchpoint.Simulation -- seed {result.Seed}");
            if (options.Contains("--first")) break;
        }

        var processor = Process.GetCurrentProcess().TotalProcessorTime;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"seeds {first} to {first + done - 1}: {done} schedules of {virtualTime.TotalSeconds / done:0} virtual seconds, {failed} failed, {undecided} registers undecided; "
                + $"{events} events, {faults} faults, {reigns} reigns, {operations} operations, {undone} records undone, {copies}; "
                + $"{began.Elapsed.TotalSeconds:0.0} s, {done / processor.TotalMinutes:0} schedules per core-minute"));
        Console.WriteLine(figures);
        return failed == 0 ? 0 : 1;
    }

    private static string? Option(string[] options, string name) => Array.IndexOf(options, name) is var at and >= 0 && at + 1 < options.Length ? options[at + 1] : null;

    private static string Summary(ScheduleResult result) => string.Create(
        CultureInfo.InvariantCulture,
        $"seed {result.Seed}: {result.Settings.Size} nodes, {result.Time.TotalSeconds:0.0} virtual s, {result.Events} events, {result.Faults} faults, {result.Operations} operations, "
            + $"{result.Acknowledged} acknowledged, {result.Reigns} reigns, {result.Undone} undone, {result.Copies}, hash {result.Hash:x16}");
}
