using System.CommandLine;
using System.Globalization;
using Matchpoint.Cli.Bench;
using Matchpoint.Peers.Alone;
using Matchpoint.Peers.Measuring;
using Matchpoint.Peers.Report;

namespace Matchpoint.Peers;

/// <summary>The program: measures Matchpoint beside its peers, prints tables and draws them.</summary>
internal static class PeersCommand
{
    private static readonly Option<int> Rounds = new("--rounds") { Description = "How often each store is measured; the median counts.", DefaultValueFactory = static _ => 3 };
    private static readonly Option<double> Seconds = new("--seconds") { Description = "How long each measurement takes.", DefaultValueFactory = static _ => 2 };
    private static readonly Option<string?> Peers = new("--peers")
    {
        Description = "Which are measured, as a,b,c; all where none is named: " + string.Join(", ", PeerList.All.Select(static peer => peer.Name)),
    };

    private static readonly Option<string?> Parent = new("--dir") { Description = "An existing directory on the disk to be measured; the temporary one where none is named." };
    private static readonly Option<string> Out = new("--out")
    {
        Description = "Where the plots are written; the tables are printed.",
        DefaultValueFactory = static _ => Path.Combine("artifacts", "peers"),
    };

    private static readonly Option<bool> NoFlushes = new("--no-flushes") { Description = "Do not count the flushes of each store under strace first." };

    /// <summary>Builds the command.</summary>
    public static RootCommand Create()
    {
        Rounds.Validators.Add(static result =>
        {
            if (result.GetValueOrDefault<int>() < 1) result.AddError("--rounds: expected 1 or more");
        });
        Seconds.Validators.Add(static result =>
        {
            if (result.GetValueOrDefault<double>() is not (>= 0.1 and <= 600)) result.AddError("--seconds: expected a number from 0.1 to 600");
        });
        Peers.Validators.Add(static result =>
        {
            var unknown = Named(result.GetValueOrDefault<string?>()).Except(PeerList.All.Select(static peer => peer.Name));
            foreach (var name in unknown) result.AddError($"--peers: there is no {name}");
        });
        var command = new RootCommand("Measures Matchpoint beside its peers, on this machine.") { Rounds, Seconds, Peers, Parent, Out, NoFlushes, Garnet() };
        command.SetAction(RunAsync);
        return command;
    }

    private static Command Garnet()
    {
        var port = new Argument<int>("port");
        var directory = new Argument<string>("directory");
        var garnet = new Command(GarnetPeer.Command, "Is a server of Garnet, for this program itself.") { port, directory };
        garnet.Hidden = true;
        garnet.SetAction((parsed, cancellation) => GarnetPeer.ServeAsync(parsed.GetValue(port), parsed.GetValue(directory)!, cancellation));
        return garnet;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellation)
    {
        var parent = parsed.GetValue(Parent) ?? Path.GetTempPath();
        var directory = Directory.CreateDirectory(Path.Combine(parent, $"matchpoint-peers-{Environment.ProcessId}")).FullName;
        try
        {
            var results = Asked(parsed.GetValue(Peers));
            var missing = results.Left.Count;
            var load = Load();
            await RunAsync(results, directory, parsed, cancellation);
            Console.WriteLine($"{MachineText(load)}\n\n{Tables.Of(results)}");
            Draw(results, parsed.GetValue(Out)!);
            return results.Left.Count == missing ? 0 : 1;
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static async Task RunAsync(Results results, string directory, ParseResult parsed, CancellationToken cancellation)
    {
        var rounds = new Rounds(directory, parsed.GetValue(Seconds), static text => Console.Error.WriteLine(text));
        if (!parsed.GetValue(NoFlushes))
        {
            if (FlushCounter.Missing() is { } missing) Console.Error.WriteLine($"Flushes are not counted: {missing}");
            else await rounds.CountFlushesAsync(results, cancellation);
        }

        for (var round = 1; round <= parsed.GetValue(Rounds); round++)
        {
            Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"round {round} of {parsed.GetValue(Rounds)}"));
            await rounds.RunAsync(results, cancellation);
        }
    }

    /// <summary>Those that were asked for; what those lack that cannot be measured here is said.</summary>
    private static Results Asked(string? names)
    {
        var wanted = Named(names);
        var results = new Results { Asked = [.. PeerList.All.Where(peer => wanted.Length == 0 || wanted.Contains(peer.Name))] };
        foreach (var peer in results.Asked)
        {
            if (peer.Missing() is not { } missing) continue;
            results.Leave(peer, missing);
            Console.Error.WriteLine($"{peer.Name} is left out: {missing}");
        }

        return results;
    }

    private static string[] Named(string? names) => (names ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private static void Draw(Results results, string directory)
    {
        Directory.CreateDirectory(directory);
        var groups = results.Peers.Where(static peer => peer.Facts.Copies > 1).ToList();
        var alone = results.Peers.Where(static peer => peer.Facts.Copies == 1).ToList();
        if (groups.Count > 0)
        {
            Draw(results, directory, "peers-writes.svg", "Writes, three copies", groups, static workload => workload.Work == Work.Write);
            Draw(results, directory, "peers-reads.svg", "Reads, three copies", groups, static workload => workload.Work != Work.Write);
        }

        if (alone.Count > 0) Draw(results, directory, "peers-alone.svg", "Writes and reads, one copy", alone, static workload => workload.Work != Work.LinearizableRead);
    }

    private static void Draw(Results results, string directory, string name, string title, List<IPeer> peers, Func<Workload, bool> isShown)
    {
        var path = Path.Combine(directory, name);
        File.WriteAllText(path, Plot.Of(results, title, peers, [.. Workload.All.Where(isShown)]));
        Console.Error.WriteLine($"drawn: {path}");
    }

    private static string MachineText(string loadBefore)
    {
        var machine = Machine.Here();
        const double giga = 1 << 30;
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{machine.MeasuredAt:yyyy-MM-dd HH:mm} UTC, {machine.System}, {machine.Processors} processors, {machine.MemoryBytes / giga:0.0} GiB of memory, {machine.Runtime}; ")
            + $"load averages over 1, 5 and 15 minutes: {loadBefore} when it began, {Load()} when it ended.";
    }

    private static string Load() => File.Exists("/proc/loadavg") ? string.Join(", ", File.ReadAllText("/proc/loadavg").Split(' ')[..3]) : "unknown";
}
