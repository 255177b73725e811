using System.Collections.Immutable;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;

namespace Matchpoint.Protocol.Syncup;

/// <summary>
/// What a syncup machine wants done. The driver performs the effects of a step in their order, and gives back the input
/// that each one names before the next step of the dialogue.
/// </summary>
internal abstract record SyncupEffect
{
    private SyncupEffect()
    {
    }

    /// <summary>Send a message. A <see cref="StartStream"/> comes only after <see cref="SyncupInput.CutDurable"/>, or when
    /// there was nothing to cut.</summary>
    public sealed record Send(IMessage Message) : SyncupEffect;

    /// <summary>Send the <see cref="FeederHello"/> with this answer. Always the feeder's first message.</summary>
    public sealed record SendHello(SyncupAnswer Answer) : SyncupEffect;

    /// <summary>Read own entries; all of them are inside the range. Answer: <see cref="SyncupInput.EntriesRead"/>, or
    /// <see cref="SyncupInput.LogFaulted"/> when one of them cannot be read.</summary>
    public sealed record ReadEntries(ImmutableArray<Vlsn> Vlsns) : SyncupEffect;

    /// <summary>Find the highest own sync point at or below a record. Answer: <see cref="SyncupInput.SyncPointFound"/>.</summary>
    public sealed record FindSyncPoint(Vlsn AtOrBelow) : SyncupEffect;

    /// <summary>Find the newest of the listed terms of which this log holds records, and where they end in it
    /// (<see cref="TermList.NewestCommon"/>). Answer: <see cref="SyncupInput.CommonTermFound"/>.</summary>
    public sealed record FindCommonTerm(ImmutableArray<TermEnd> Listed) : SyncupEffect;

    /// <summary>Count what lies above a record, all of it when null. Answer: <see cref="SyncupInput.Counted"/>.</summary>
    public sealed record CountAbove(Vlsn Matchpoint) : SyncupEffect;

    /// <summary>Say whether this is still the newest term that this node knows of: the feeder said that it is confirmed
    /// in it. Answer: <see cref="SyncupInput.FeederChecked"/>.</summary>
    public sealed record ConfirmFeeder(Term PrimaryTerm) : SyncupEffect;

    /// <summary>Write every operation above a record to the export and flush it; nothing is cut before it is durable.
    /// Answer: <see cref="SyncupInput.ExportDurable"/>.</summary>
    public sealed record ExportUndone(Vlsn Matchpoint) : SyncupEffect;

    /// <summary>Cut the log behind a record, everything when null, durably: intent, truncation, intent cleared. Comes only
    /// after the export is durable. Answer: <see cref="SyncupInput.CutDurable"/>.</summary>
    public sealed record CutAfter(Vlsn Matchpoint) : SyncupEffect;

    /// <summary>Close the connection now, so that the peer need not wait it out.</summary>
    public sealed record Close(string Reason) : SyncupEffect;

    /// <summary>Show how far the replica is; nothing depends on it.</summary>
    public sealed record Show(SyncupStep Step) : SyncupEffect;
}

/// <summary>The effects of a step, in order. The driver clears it and gives it to the next step.</summary>
internal sealed class EffectList
{
    private readonly List<SyncupEffect> _effects = [];

    /// <summary>How many there are.</summary>
    public int Count => _effects.Count;

    /// <summary>The effect at a place.</summary>
    public SyncupEffect this[int index] => _effects[index];

    /// <summary>Appends one.</summary>
    public void Add(SyncupEffect effect) => _effects.Add(effect);

    /// <summary>Forgets all.</summary>
    public void Clear() => _effects.Clear();

    /// <summary>Walks them in order.</summary>
    public List<SyncupEffect>.Enumerator GetEnumerator() => _effects.GetEnumerator();
}
