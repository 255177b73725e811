using System.Diagnostics;
using System.Globalization;

namespace Matchpoint.Fuzz;

/// <summary>Gives bytes to everything that takes bytes from outside.</summary>
internal static class Program
{
    private const string Usage = """
        usage: list                             the targets
               seeds DIR                        writes good input for each target to DIR/TARGET
               replay TARGET PATH ...           gives it files, or all files of a directory
               mutate TARGET SECONDS [SEED]     changes good input blindly
               afl TARGET                       for afl-fuzz, which fuzz.sh runs: guided by coverage
        """;

    private static int Main(string[] args)
    {
        switch (args)
        {
            case ["list"]:
                foreach (var target in FuzzTargets.All) Console.WriteLine(target.Name);
                return 0;
            case ["seeds", var directory]:
                foreach (var target in FuzzTargets.All) WriteSeeds(target, Path.Combine(directory, target.Name));
                return 0;
            case ["replay", var name, .. var paths] when Find(name) is { } target:
                foreach (var path in paths.SelectMany(static path => Directory.Exists(path) ? Directory.GetFiles(path) : [path])) Replay(target, path);
                return 0;
            case ["mutate", var name, var seconds, .. var rest] when Find(name) is { } target:
                Mutate(target, double.Parse(seconds, CultureInfo.InvariantCulture), rest is [var seed] ? int.Parse(seed, CultureInfo.InvariantCulture) : 1);
                return 0;
            case ["afl", var name] when Find(name) is { } target:
                SharpFuzz.Fuzzer.OutOfProcess.Run(stream =>
                {
                    using var copy = new MemoryStream();
                    stream.CopyTo(copy);
                    target.Run(copy.ToArray());
                });
                return 0;
            default:
                Console.Error.WriteLine(Usage);
                return 2;
        }
    }

    private static IFuzzTarget? Find(string name) => FuzzTargets.All.FirstOrDefault(target => target.Name == name);

    private static void WriteSeeds(IFuzzTarget target, string directory)
    {
        Directory.CreateDirectory(directory);
        var number = 0;
        foreach (var seed in target.Seeds) File.WriteAllBytes(Path.Combine(directory, string.Create(CultureInfo.InvariantCulture, $"seed-{number++:000}")), seed);
    }

    private static void Replay(IFuzzTarget target, string path)
    {
        Console.WriteLine(path);
        target.Run(File.ReadAllBytes(path));
    }

    private static void Mutate(IFuzzTarget target, double seconds, int seed)
    {
        var mutator = new Mutator(seed);
        var inputs = target.Seeds.ToList();
        var began = Stopwatch.StartNew();
        long runs = 0;
        for (; began.Elapsed.TotalSeconds < seconds; runs++)
        {
            var input = mutator.Change(inputs);
            try
            {
                target.Run(input);
            }
            catch (Exception)
            {
                Console.Error.WriteLine($"{target.Name}: run {runs} of seed {seed} with {Convert.ToHexString(input)}");
                throw;
            }
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{target.Name}: {runs} inputs in {began.Elapsed.TotalSeconds:0} s"));
    }
}
