namespace Matchpoint.Peers.Measuring;

/// <summary>
/// Measures the stores in turn, round after round, so that what else the machine does falls on all of them. In every round each starts anew with
/// an empty directory, is warmed up by the writes of the keys that are read later, and goes before the next one starts.
/// </summary>
/// <param name="directory">Where the directories of the stores go.</param>
/// <param name="seconds">How long each measurement takes.</param>
/// <param name="say">Hears what is being measured.</param>
internal sealed class Rounds(string directory, double seconds, Action<string> say)
{
    private const int FillingClients = 16;

    /// <summary>No store may take longer for a round.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    private static readonly int Clients = Workload.All.Max(static workload => workload.Clients);

    /// <summary>Counts the flushes of every store, in a run apart: being traced makes them slow.</summary>
    public async Task CountFlushesAsync(Results results, CancellationToken cancellation)
    {
        foreach (var peer in results.Peers)
        {
            await WithAsync(results, peer, async (open, own, patience) => results.Flushes[peer.Name] = await FlushCounter.CountAsync(open, own, patience), cancellation);
            if (results.Flushes.TryGetValue(peer.Name, out var count)) say($"{peer.Name}: per write by one client: {count}");
        }
    }

    /// <summary>Runs one round.</summary>
    public async Task RunAsync(Results results, CancellationToken cancellation)
    {
        foreach (var peer in results.Peers)
        {
            say(peer.Name);
            // Before every store: what else the machine does changes within a round.
            await results.Limits.MeasureAsync(directory, cancellation);
            await WithAsync(results, peer, (open, _, patience) => MeasureAsync(peer, open, results, patience), cancellation);
        }
    }

    private async Task MeasureAsync(IPeer peer, IOpenPeer open, Results results, CancellationToken cancellation)
    {
        var load = new PeerLoad(open);
        await load.FillAsync(FillingClients, cancellation);
        foreach (var workload in Workload.All.Where(workload => workload.IsFor(peer)))
        {
            // The first calls of a kind are compiled; they are nobody's result.
            await load.RunAsync(workload, TimeSpan.FromSeconds(seconds / 10), cancellation);
            var result = await load.RunAsync(workload, TimeSpan.FromSeconds(seconds), cancellation);
            results.Add(peer, workload, result);
            say($"  {workload.Title}: {result.PerSecond:0}/s, p50 {result.P50:0} us, p99 {result.P99:0} us");
        }
    }

    /// <summary>Does something with a store that was started for it. One that cannot be measured is left, and said; the others are measured all the same.</summary>
    private async Task WithAsync(Results results, IPeer peer, Func<IOpenPeer, string, CancellationToken, Task> action, CancellationToken cancellation)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        patience.CancelAfter(Patience);
        var own = Directory.CreateDirectory(Path.Combine(directory, peer.Name)).FullName;
        try
        {
            await using var open = await peer.OpenAsync(Directory.CreateDirectory(Path.Combine(own, "data")).FullName, Clients, patience.Token);
            await action(open, own, patience.Token);
        }
        catch (Exception error) when (!cancellation.IsCancellationRequested)
        {
            var reason = patience.IsCancellationRequested ? $"it did not come through within {Patience.TotalMinutes:0} minutes" : error.ToString();
            results.Leave(peer, reason);
            say($"{peer.Name} is left out from here on: {reason}");
        }
        finally
        {
            Directory.Delete(own, recursive: true);
        }
    }
}
