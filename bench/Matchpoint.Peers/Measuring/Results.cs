using Matchpoint.Cli.Bench;

namespace Matchpoint.Peers.Measuring;

/// <summary>What was measured, round by round.</summary>
internal sealed class Results
{
    private readonly Dictionary<(string Peer, Workload Workload), List<LoadResult>> _loads = [];

    private readonly Dictionary<string, string> _left = new(StringComparer.Ordinal);

    /// <summary>All stores that were asked for, in the order of the tables.</summary>
    public required IReadOnlyList<IPeer> Asked { get; init; }

    /// <summary>Those of them that are measured.</summary>
    public IReadOnlyList<IPeer> Peers => [.. Asked.Where(peer => !_left.ContainsKey(peer.Name))];

    /// <summary>Those that are not, by their names, and why.</summary>
    public IReadOnlyDictionary<string, string> Left => _left;

    /// <summary>What the machine did by itself.</summary>
    public MachineLimits Limits { get; } = new();

    /// <summary>The flushes of each store that were counted; empty when they were not.</summary>
    public Dictionary<string, FlushCount> Flushes { get; } = new(StringComparer.Ordinal);

    /// <summary>Goes on without a store.</summary>
    public void Leave(IPeer peer, string reason) => _left[peer.Name] = reason;

    /// <summary>Takes up what a load reached.</summary>
    public void Add(IPeer peer, Workload workload, LoadResult result)
    {
        if (!_loads.TryGetValue((peer.Name, workload), out var rounds)) _loads[(peer.Name, workload)] = rounds = [];
        rounds.Add(result);
    }

    /// <summary>What a store typically reached per second; null where it was not measured.</summary>
    public Typical? PerSecond(IPeer peer, Workload workload) => Of(peer, workload, static load => load.PerSecond);

    /// <summary>How long half of them took at most, in microseconds.</summary>
    public Typical? P50(IPeer peer, Workload workload) => Of(peer, workload, static load => load.P50);

    /// <summary>How long ninety-nine of a hundred took at most, in microseconds.</summary>
    public Typical? P99(IPeer peer, Workload workload) => Of(peer, workload, static load => load.P99);

    private Typical? Of(IPeer peer, Workload workload, Func<LoadResult, double> figure) =>
        _loads.TryGetValue((peer.Name, workload), out var rounds) ? Typical.Of(rounds.Select(figure)) : null;
}
