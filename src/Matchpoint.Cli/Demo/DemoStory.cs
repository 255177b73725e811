using Matchpoint.Cli.Syncup;
using Matchpoint.Cli.Terminal;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Syncup;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.Log;
using Matchpoint.Storage.Rollbacks;
using Matchpoint.Syncup;
using Matchpoint.Transport;

namespace Matchpoint.Cli.Demo;

/// <summary>
/// Two nodes share a history. B was the primary and was cut off from the others while it still took writes; A became the primary and took others. B comes back.
/// Everything is real: the files, the TCP connection, the machines.
/// </summary>
internal sealed class DemoStory(string directory, DemoStage stage)
{
    private readonly string _feederPath = Path.Combine(directory, "node-a");
    private readonly string _replicaPath = Path.Combine(directory, "node-b");

    /// <summary>Tells the story; fails when the logs are not equal at the end.</summary>
    public async Task<int> RunAsync(CancellationToken cancellation)
    {
        await stage.SceneAsync("Two nodes share a history, then grow apart", directory, cancellation);
        WriteHistories();
        ReplicaResult result;
        using (var feeder = DemoLog.Open(_feederPath))
        using (var replica = DemoLog.Open(_replicaPath))
        {
            using (var a = feeder.Log.View())
            using (var b = replica.Log.View())
                stage.SideBySide(a, b);
            stage.Line("[grey]green: shared   yellow: only on A   red: only on B[/]");
            result = await SyncupAsync(feeder, replica, cancellation);
        }

        await stage.SceneAsync("What was decided, and what was undone", "Nothing is dropped in silence: every undone operation is in this file.", cancellation);
        foreach (var line in ReportText.Lines(result)) stage.Line($"  {Spectre.Console.Markup.Escape(line)}");
        using (var data = DataDirectory.OpenReadOnly(PhysicalFiles.Instance, _replicaPath))
            stage.Export(Path.Combine(data.RollbacksPath, result.Export!), RollbackStore.Operations(data, result.Export!));
        return await ProveAsync(cancellation);
    }

    private void WriteHistories()
    {
        using (var shared = DemoLog.Open(_feederPath))
        {
            shared.Reign(1)
                .Commit(1, AckPolicy.Majority, "account/ann", "100")
                .Commit(1, AckPolicy.Majority, "account/bob", "50")
                .Reign(2)
                .LargeTransaction(2, AckPolicy.Majority, "stock/bolts", "12000", "stock/nuts", "11800", "stock/washers", "40000")
                .Commit(2, AckPolicy.Majority, "account/ann", "80", "account/bob", "70");
        }

        CopyDirectory(_feederPath, _replicaPath);
        using (var b = DemoLog.Open(_replicaPath))
        {
            b.Reign(3)
                .Commit(3, AckPolicy.Majority, "order/17", "3 boxes of bolts")
                .Commit(3, AckPolicy.None, "sensor/oven", "182 C")
                .LargeTransaction(3, AckPolicy.Majority, "price/bolts", "0.12", "price/nuts", "0.08", "price/washers", "0.02")
                .Commit(3, AckPolicy.Majority, "order/18", "1 box of nuts");
        }

        using var a = DemoLog.Open(_feederPath);
        a.Reign(4)
            .Commit(4, AckPolicy.Majority, "order/17", "5 boxes of washers")
            .Commit(4, AckPolicy.Majority, "account/bob", "65")
            .Reign(5)
            .Commit(5, AckPolicy.Majority, "order/18", "2 boxes of bolts");
    }

    private async Task<ReplicaResult> SyncupAsync(DemoLog feeder, DemoLog replica, CancellationToken cancellation)
    {
        var services = new Dictionary<string, ServiceHandler>
        {
            [Services.Syncup] = (channel, stopping) => FeedAsync(channel, 1, feeder.Log, stopping),
            [Services.Stream] = (channel, stopping) => FeedAsync(channel, 2, feeder.Log, stopping),
        };
        await using var listener = await ServiceListener.StartAsync(
            new Endpoint("127.0.0.1", 0), services, (peer, error) => stage.Line($"[red]{Spectre.Console.Markup.Escape($"{peer}: {error.Message}")}[/]"));

        await stage.SceneAsync(
            "Version 1 would ask for one record at a time", $"A dry run over TCP, {listener.LocalEndpoint}: nothing is changed.", cancellation);
        await JoinAsync(listener.LocalEndpoint, 1, replica.Log, decideOnly: true, cancellation);

        await stage.SceneAsync(
            "Version 2 knows it from the hello",
            "B tells where each of its terms ends; A answers with the record where the logs part and the one behind it: equal, then different. No extra round trip.",
            cancellation);
        return await JoinAsync(listener.LocalEndpoint, 2, replica.Log, decideOnly: false, cancellation);
    }

    private async Task<ReplicaResult> JoinAsync(Endpoint feeder, byte version, RecordLog log, bool decideOnly, CancellationToken cancellation)
    {
        await using var channel = await TcpChannels.ConnectAsync(feeder, TimeSpan.FromSeconds(5), TimeProvider.System, cancellation);
        var self = SyncupPeer.ForTheTool("node B");
        return await new ReplicaSession(channel, version, log, self, RollbackLimit.Default, decideOnly, stage).RunAsync(cancellation);
    }

    private static async Task FeedAsync(Channel channel, byte version, RecordLog log, CancellationToken stopping)
    {
        var self = SyncupPeer.ForTheTool("node A");
        await new FeederSession(channel, version, log, self, log.Appended.Term, NoObserver.Instance).RunAsync(stopping);
    }

    private async Task<int> ProveAsync(CancellationToken cancellation)
    {
        await stage.SceneAsync("Proof", "Every byte of both logs is read again and compared.", cancellation);
        using var feeder = DataDirectory.OpenReadOnly(PhysicalFiles.Instance, _feederPath);
        using var replica = DataDirectory.OpenReadOnly(PhysicalFiles.Instance, _replicaPath);
        var isSound = LogVerifier.Verify(feeder, cancellation).Damage.Count == 0 && LogVerifier.Verify(replica, cancellation).Damage.Count == 0;
        using var a = LogView.Look(feeder);
        using var b = LogView.Look(replica);
        stage.SideBySide(a, b);
        if (!isSound || !AreEqual(a, b))
        {
            stage.Line("[bold red]The logs differ. This must not be: please report it.[/]");
            return ExitCode.Damaged;
        }

        stage.Line($"[bold green]The logs are byte-identical: {a.Last} records, {a.End.End} bytes, fingerprint {a.End.Fingerprint}.[/]");
        if (stage.IsKept) stage.Line($"[grey]The logs are in {Spectre.Console.Markup.Escape(directory)}. Try: matchpoint log dump, log verify, rollbacks list.[/]");
        return ExitCode.Success;
    }

    private static bool AreEqual(LogView a, LogView b)
    {
        if (a.End != b.End) return false;
        Span<byte> left = new byte[64 * 1024];
        Span<byte> right = new byte[64 * 1024];
        for (var at = Lsn.Zero; at < a.End.End;)
        {
            if (!a.TryCopy(at, left, out var length) || !b.TryCopy(at, right, out var other) || length != other) return false;
            if (!left[..length].SequenceEqual(right[..other])) return false;
            at = at.Plus(length);
        }

        return true;
    }

    private static void CopyDirectory(string from, string to)
    {
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            var copy = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
    }
}
