using Matchpoint.Cli.Terminal;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Syncup;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.Log;
using Matchpoint.Syncup;
using Matchpoint.Transport;

namespace Matchpoint.Cli.Syncup;

/// <summary><c>syncup join</c>.</summary>
internal sealed class SyncupJoin
{
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(10);

    public required string Data { get; init; }

    public required Endpoint Feeder { get; init; }

    public byte Version { get; init; }

    public RollbackLimit Limit { get; init; }

    public bool DryRun { get; init; }

    public required string Group { get; init; }

    public bool Json { get; init; }

    public required IConnectionSecurity Security { get; init; }

    /// <summary>Joins, and reports.</summary>
    public async Task<int> RunAsync(CancellationToken cancellation)
    {
        await using var channel = await TcpChannels.ConnectAsync(Feeder, ConnectTimeout, TimeProvider.System, cancellation, Security);
        using var directory = DataDirectory.Open(
            PhysicalFiles.Instance, Data, Holder.Describe("syncup join"), new NodeIdentity(GroupId.FromName(Group), new NodeId(Guid.NewGuid())));
        using var log = RecordLog.Open(directory);
        foreach (var sentence in log.OpenReport.Sentences()) Console.Error.WriteLine($"note: {sentence}");
        var self = SyncupPeer.ForTheTool(Environment.MachineName);
        ISyncupObserver observer = Json ? NoObserver.Instance : new LineObserver(Console.Out, "replica", "feeder");
        var result = await new ReplicaSession(channel, Version, log, self, Limit, DryRun, observer).RunAsync(cancellation);
        if (Json)
        {
            Terminal.Json.Print(ReportText.Json(result));
        }
        else
        {
            foreach (var line in ReportText.Lines(result)) Console.Out.WriteLine(line);
            var end = log.Appended;
            Console.Out.WriteLine($"result       {ReportText.Ending(result)}");
            Console.Out.WriteLine($"log          up to record {end.Vlsn}, term {end.Term}, fingerprint {end.Fingerprint}");
        }

        return ReportText.ExitCodeOf(result.Outcome);
    }
}
