using System.Collections.Immutable;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;

namespace Matchpoint.Protocol.Syncup;

/// <summary>One record looked at on both sides.</summary>
internal readonly record struct Comparison(LogEntry Own, LogEntry Feeder)
{
    /// <summary>Which record.</summary>
    public Vlsn Vlsn => Own.Vlsn;

    /// <summary>Whether both hold the same one.</summary>
    public bool IsEqual => Own.IsSameRecordAs(Feeder);
}

/// <summary>How far a replica's syncup is.</summary>
/// <param name="Phase">What it does.</param>
/// <param name="Vlsn">The record it is about; null when there is none.</param>
/// <param name="RoundTrips">Questions answered by the feeder so far.</param>
internal readonly record struct SyncupStep(ReplicaPhase Phase, Vlsn Vlsn, int RoundTrips);

/// <summary>What a replica's syncup found and did, for people: the log, the dashboard, an operator's question.</summary>
/// <param name="Version">The protocol version spoken.</param>
/// <param name="RoundTrips">Questions answered by the feeder.</param>
/// <param name="Comparisons">How many records were compared.</param>
/// <param name="Compared">The last of the comparisons, at most <see cref="ComparisonsKept"/>.</param>
/// <param name="T">The last transaction end.</param>
/// <param name="S">The last sync point.</param>
/// <param name="M">The matchpoint; null when none was found, or not yet.</param>
/// <param name="D">The highest record that this node ever knew to be durable.</param>
/// <param name="Decision">What was decided; null when the dialogue did not come so far.</param>
/// <param name="Undone">What lies above the matchpoint; zero where it was not counted.</param>
/// <param name="Start">Where the stream starts; null when it does not.</param>
/// <param name="Reason">The outcome in words.</param>
internal sealed record SyncupReport(
    ushort Version,
    int RoundTrips,
    long Comparisons,
    ImmutableArray<Comparison> Compared,
    Vlsn T,
    Vlsn S,
    Vlsn M,
    Vlsn D,
    RollbackDecision? Decision,
    UndoneCount Undone,
    Vlsn Start,
    string Reason)
{
    /// <summary>How many of the comparisons are kept.</summary>
    public const int ComparisonsKept = 64;

    /// <summary>The row of the decision table; null when no decision was made.</summary>
    public int? Row => Decision?.Row;
}

/// <summary>Collects comparisons in bounded room.</summary>
internal sealed class ComparisonLog
{
    private readonly Queue<Comparison> _kept = new(SyncupReport.ComparisonsKept);

    /// <summary>How many there were.</summary>
    public long Count { get; private set; }

    /// <summary>The last of them.</summary>
    public ImmutableArray<Comparison> Kept => [.. _kept];

    /// <summary>Compares the feeder's record with the own one.</summary>
    /// <exception cref="ProtocolException">The feeder's record has our fingerprint and yet is another kind of record:
    /// the fingerprint covers the kind, so one of the two is untrue.</exception>
    public bool IsEqual(string message, in LogEntry own, in LogEntry feeder)
    {
        Invariant.Holds(own.Vlsn == feeder.Vlsn, $"record {own.Vlsn} is compared with record {feeder.Vlsn}.");
        var comparison = new Comparison(own, feeder);
        if (_kept.Count == SyncupReport.ComparisonsKept) _kept.Dequeue();
        _kept.Enqueue(comparison);
        Count++;
        return !comparison.IsEqual || own.IsSync == feeder.IsSync
            ? comparison.IsEqual
            : throw new ProtocolException(message, "isSync", $"{own.IsSync} with fingerprint {own.Fingerprint}", $"{feeder.IsSync}");
    }
}
