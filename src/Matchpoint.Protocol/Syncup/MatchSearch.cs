using System.Collections.Immutable;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;

namespace Matchpoint.Protocol.Syncup;

/// <summary>What a search for the matchpoint came to.</summary>
internal abstract record SearchResult
{
    private SearchResult()
    {
    }

    /// <summary>The highest sync point that both logs hold with equal LSN and fingerprint; null stands before the first
    /// record: both hold VLSN 1, or the replica holds nothing that was committed and the feeder holds VLSN 1.</summary>
    public sealed record Matched(Vlsn Matchpoint) : SearchResult;

    /// <summary>No sync point that both still hold is shared.</summary>
    /// <param name="Candidate">The last record at which a match was looked for.</param>
    public sealed record NothingShared(Vlsn Candidate) : SearchResult;
}

/// <summary>
/// The replica's search for the matchpoint: the one part of syncup in which the versions differ. Each step returns the
/// result, or null while the search goes on. Its memory does not depend on the length of the logs.
/// </summary>
internal abstract class MatchSearch(LogRange log)
{
    /// <summary>What was compared.</summary>
    public ComparisonLog Comparisons { get; } = new();

    /// <summary>Questions that the feeder answered.</summary>
    public int RoundTrips { get; private set; }

    /// <summary>Whether a question is open: only then may the feeder speak.</summary>
    public bool AwaitsPeer { get; private set; }

    /// <summary>The record that the search is at.</summary>
    public abstract Vlsn At { get; }

    /// <summary>The own log.</summary>
    protected LogRange Log => log;

    /// <summary>Whether nothing that was committed lies before what the own log holds.</summary>
    protected bool HasBeginning => log.LastTransactionEnd.IsNull || log.First == Vlsn.First;

    /// <summary>Begins.</summary>
    public abstract SearchResult? Begin(EffectList effects);

    /// <summary>The own entries that were asked for.</summary>
    public abstract SearchResult? OnEntries(ImmutableArray<LogEntry> own, EffectList effects);

    /// <summary>The own sync point that was asked for; null when there is none.</summary>
    public abstract SearchResult? OnSyncPoint(Vlsn syncPoint, EffectList effects);

    /// <summary>The feeder's answer.</summary>
    /// <exception cref="ProtocolException">It answers something else than was asked.</exception>
    public SearchResult? OnMessage(IMessage message, EffectList effects)
    {
        if (!AwaitsPeer) throw new ProtocolException($"{message.Opcode}", "turn", "no message, nothing was asked", "a message");
        AwaitsPeer = false;
        RoundTrips++;
        return OnAnswer(message, effects);
    }

    /// <summary>The answer to the one open question.</summary>
    protected abstract SearchResult? OnAnswer(IMessage message, EffectList effects);

    /// <summary>Asks the feeder.</summary>
    protected void Ask(IMessage question, EffectList effects)
    {
        Invariant.Holds(!AwaitsPeer, "a question is asked while another one is open.");
        AwaitsPeer = true;
        effects.Add(new SyncupEffect.Send(question));
    }
}
