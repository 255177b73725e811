using System.CommandLine;
using System.Globalization;
using Matchpoint.Cli.Terminal;
using Spectre.Console;

namespace Matchpoint.Cli.Bench;

/// <summary><c>matchpoint bench</c>: measured figures beside what the machine can do.</summary>
internal static class BenchCommand
{
    private const double Mega = 1e6;

    /// <summary>Builds the command.</summary>
    public static Command Create() => new("bench", "Measure, beside what the machine can do in the same run.")
    {
        Bench("limits", "What the disk, the loopback and RocksDB do by themselves.", setup => new LimitsBench(setup).RunAsync),
        Bench("log", "The log: append, verify, open.", setup => new LogBench(setup).RunAsync),
        Bench("commit", "Commits of a group of three, synced and not, by 1, 8 and 64 writers.", setup => new CommitBench(setup).RunAsync),
        Bench("catchup", "A replica that was away catches up; one whose log has grown apart rejoins.", setup => new CatchupBench(setup).RunAsync),
        Bench("failover", "Three processes; the primary is killed, or stopped: when are writes accepted again?", setup => new FailoverBench(setup).RunAsync),
        Bench("read", "Gets and scans beside bare RocksDB.", setup => new ReadBench(setup).RunAsync),
        Bench("restore", "Full copies: how fast, what is sent again, how well they keep their rate, what they do to commits, joins under load.", setup => new RestoreBench(setup).RunAsync),
        Bench("transfer", "The primary is handed over under load: how long are writes blocked?", setup => new TransferBench(setup).RunAsync),
        Bench("syncup", "Syncup on a log of ten million records with one million diverged.", setup => new SyncupBench(setup).RunAsync),
    };

    private static Command Bench(string name, string description, Func<BenchSetup, Func<CancellationToken, Task<IReadOnlyList<Figure>>>> bench)
    {
        var runs = new Option<int>("--runs") { Description = "How often each figure is measured; the best counts.", DefaultValueFactory = _ => 3 };
        runs.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() < 1) result.AddError("--runs: expected 1 or more");
        });
        var scale = new Option<double>("--scale") { Description = "Share of the full size, above 0 to 1.", DefaultValueFactory = _ => 1 };
        scale.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<double>() is not (> 0 and <= 1)) result.AddError("--scale: expected a number above 0, at most 1");
        });
        var directory = new Option<string?>("--dir") { Description = "An existing directory on the disk to be measured; the temporary one where none is named." };
        var json = Options.Json();
        var command = new Command(name, description) { runs, scale, directory, json };
        command.SetAction((parsed, cancellation) => Options.RunAsync(
            parsed.GetValue(json),
            () => RunAsync(bench, parsed.GetValue(directory), parsed.GetValue(runs), parsed.GetValue(scale), parsed.GetValue(json), cancellation)));
        return command;
    }

    private static async Task<int> RunAsync(
        Func<BenchSetup, Func<CancellationToken, Task<IReadOnlyList<Figure>>>> bench, string? parent, int runs, double scale, bool json, CancellationToken cancellation)
    {
        if (parent is not null && !Directory.Exists(parent)) throw new UsageException($"--dir: {parent} is not a directory");
        var directory = Path.Combine(parent ?? Path.GetTempPath(), $"matchpoint-bench-{Environment.ProcessId}");
        Directory.CreateDirectory(directory);
        try
        {
            var setup = new BenchSetup(directory, runs, scale, TimeProvider.System, text => Console.Error.WriteLine(text));
            var figures = await bench(setup)(cancellation);
            if (json) Json.Print(new { machine = Machine.Here(), figures });
            else Print(figures);
            return ExitCode.Success;
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static void Print(IReadOnlyList<Figure> figures)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings());
        if (Console.IsOutputRedirected) console.Profile.Width = 120;
        var table = new Table { Border = TableBorder.Simple };
        table.AddColumns("figure");
        table.AddColumn(new TableColumn("best").RightAligned());
        table.AddColumn("unit");
        table.AddColumn(new TableColumn("limit").RightAligned());
        table.AddColumn(new TableColumn("ratio").RightAligned());
        table.AddColumn(new TableColumn("p50 us").RightAligned());
        table.AddColumn(new TableColumn("p99 us").RightAligned());
        table.AddColumn("runs");
        foreach (var figure in figures)
        {
            table.AddRow(
                figure.Name, Number(figure.Value), figure.Unit, figure.Limit is { } limit ? Number(limit) : "",
                figure.Ratio is { } ratio ? ratio.ToString("0.00", CultureInfo.InvariantCulture) : "",
                figure.P50 is { } p50 ? Number(p50) : "", figure.P99 is { } p99 ? Number(p99) : "", string.Join("  ", figure.Runs.Select(Number)));
        }

        console.Write(table);
    }

    private static string Number(double value) => value switch
    {
        >= Mega => (value / Mega).ToString("N1", CultureInfo.InvariantCulture) + " M",
        >= 100 => value.ToString("N0", CultureInfo.InvariantCulture),
        _ => value.ToString("0.####", CultureInfo.InvariantCulture),
    };
}
