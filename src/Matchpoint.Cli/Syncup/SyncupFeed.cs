using Matchpoint.Cli.Terminal;
using Matchpoint.Node;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Syncup;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.Log;
using Matchpoint.Syncup;
using Matchpoint.Transport;

namespace Matchpoint.Cli.Syncup;

/// <summary><c>syncup feed</c>.</summary>
internal sealed class SyncupFeed
{
    private readonly TaskCompletionSource _served = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public required string Data { get; init; }

    public required Endpoint Listen { get; init; }

    public bool Once { get; init; }

    public bool IsConfirmed { get; init; }

    public bool Json { get; init; }

    public required IConnectionSecurity Security { get; init; }

    /// <summary>Serves until it is interrupted, or one replica was served.</summary>
    public async Task<int> RunAsync(CancellationToken cancellation)
    {
        using var directory = DataDirectory.Open(PhysicalFiles.Instance, Data, Holder.Describe("syncup feed"));
        using var log = RecordLog.Open(directory);
        foreach (var sentence in log.OpenReport.Sentences()) Console.Error.WriteLine($"note: {sentence}");
        var services = new Dictionary<string, ServiceHandler>
        {
            [Services.Syncup] = (channel, stopping) => ServeAsync(channel, 1, log, stopping),
            [Services.Stream] = (channel, stopping) => ServeAsync(channel, 2, log, stopping),
        };
        services = Admission.ForNodes(services);
        await using var listener = await ServiceListener.StartAsync(Listen, services, Report, new ListenerOptions { Security = Security });
        if (Json) Terminal.Json.Print(new { listening = listener.LocalEndpoint.ToString(), last = log.Written.Value, term = log.Appended.Term.Value });
        else Console.Out.WriteLine($"feeding records up to {log.Written} (term {log.Appended.Term}) on {listener.LocalEndpoint}");
        try
        {
            await _served.Task.WaitAsync(cancellation);
        }
        catch (OperationCanceledException)
        {
            Console.Error.WriteLine("interrupted: stopping");
        }

        return ExitCode.Success;
    }

    private async Task ServeAsync(Channel channel, byte version, RecordLog log, CancellationToken stopping)
    {
        try
        {
            var self = SyncupPeer.ForTheTool(Environment.MachineName);
            var primaryTerm = IsConfirmed ? log.Appended.Term : Term.None;
            ISyncupObserver observer = Json ? NoObserver.Instance : new LineObserver(Console.Out, "feeder", "replica");
            var outcome = await new FeederSession(channel, version, log, self, primaryTerm, observer).RunAsync(stopping);
            Console.Out.WriteLine(outcome switch
            {
                FeederOutcome.Streaming streaming => $"{channel.Peer} has all records from {streaming.Start} on",
                FeederOutcome.Restoring => $"{channel.Peer} needs a full copy",
                FeederOutcome.Failed failed => $"{channel.Peer}: session ended: {failed.Reason}",
                _ => throw Protocol.Invariant.Unreachable(outcome),
            });
        }
        finally
        {
            if (Once) _served.TrySetResult();
        }
    }

    private static void Report(string peer, Exception error) => Console.Error.WriteLine($"{peer}: {error.Message}");
}
