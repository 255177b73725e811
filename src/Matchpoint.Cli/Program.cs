using System.Globalization;
using Matchpoint.Cli.Bench;

var directory = Directory.CreateDirectory(args[0]).FullName;
foreach (var f in await new LogBench(directory, 3, TimeProvider.System).RunAsync(Console.WriteLine, default))
    Console.WriteLine($"{f.Name,-16} {f.Value.ToString("N4", CultureInfo.InvariantCulture),20} {f.Unit,-12} {f.Ratio:F3}  [{string.Join(' ', f.Runs.Select(r => r.ToString("G4")))}]");
