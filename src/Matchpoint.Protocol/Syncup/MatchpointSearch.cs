using Matchpoint.Protocol.Identities;

namespace Matchpoint.Protocol.Syncup;

/// <summary>What a search found.</summary>
internal abstract record SearchResult
{
    /// <summary>The highest sync point that both logs hold with equal place and fingerprint.</summary>
    internal sealed record Matched(Vlsn Matchpoint) : SearchResult;

    /// <summary>Nothing is shared, and nothing held was ever committed; the feeder holds record 1.</summary>
    internal sealed record StartAtOne : SearchResult;

    /// <summary>Nothing is shared that both still keep.</summary>
    internal sealed record NothingShared(string Reason) : SearchResult;

    /// <summary>The feeder broke the protocol.</summary>
    internal sealed record PeerFault(string Reason) : SearchResult;
}

/// <summary>The part of a replica's syncup that the protocol versions do differently: finding the matchpoint.</summary>
internal abstract class MatchpointSearch(LogRange range)
{
    /// <summary>What the own log holds.</summary>
    protected LogRange Range { get; } = range;

    /// <summary>What was compared.</summary>
    public Comparisons Comparisons { get; } = new();

    /// <summary>Messages exchanged there and back beyond the hello.</summary>
    public int RoundTrips { get; protected set; }

    /// <summary>The record that was asked for last: what a restore request names.</summary>
    public Vlsn LastAsked { get; protected set; }

    /// <summary>What was found; null while it searches.</summary>
    public SearchResult? Result { get; protected set; }

    /// <summary>Begins.</summary>
    public abstract void Start(List<SyncupEffect> effects);

    /// <summary>Goes on with a message or an answer of the own log.</summary>
    public abstract void Step(SyncupInput input, List<SyncupEffect> effects);

    /// <summary>The feeder may not send this.</summary>
    protected void Fault(string reason) => Result = new SearchResult.PeerFault(reason);
}
