using Matchpoint.Protocol.Identities;

namespace Matchpoint.Protocol.Messages;

/// <summary>
/// What a feeder of version 2 says about the matchpoint before it was asked: its entry at c, the end of the highest
/// term that both logs hold, and its entry at c + 1. The second one lets the replica see that c is the highest common
/// record; a thinned list of terms or an untrue term could otherwise hide a higher one.
/// </summary>
/// <param name="At">The entry at c; null when there is no answer.</param>
/// <param name="Next">The entry at c + 1; null exactly when c is the feeder's last record or there is no answer.</param>
internal readonly record struct SyncupAnswer(LogEntry? At, LogEntry? Next)
{
    /// <summary>No common term, or version 1.</summary>
    public static SyncupAnswer None => default;

    internal int EncodedLength => 1 + (At is null ? 0 : LogEntry.Size) + (Next is null ? 0 : LogEntry.Size);

    internal static SyncupAnswer Read(ref MessageReader reader, ushort version, Vlsn first, Vlsn last)
    {
        var count = reader.ReadByte("answer");
        if (version == 1 && count != 0) throw reader.Fault("answer", "0 in version 1", $"{count}");
        if (count > 2) throw reader.Fault("answer", "0 to 2", $"{count}");
        if (count == 0) return None;

        var at = LogEntry.Read(ref reader, "answer.");
        if (at.Vlsn < first || at.Vlsn > last) throw reader.Fault("answer.vlsn", $"{first} to {last}", $"{at.Vlsn}");
        var expected = at.Vlsn < last ? 2 : 1;
        if (count != expected) throw reader.Fault("answer", $"{expected} with c at {at.Vlsn} of {first} to {last}", $"{count}");
        if (count == 1) return new SyncupAnswer(at, null);

        var next = LogEntry.Read(ref reader, "answer.next.");
        if (next.Vlsn != at.Vlsn.Next) throw reader.Fault("answer.next.vlsn", $"{at.Vlsn.Next}", $"{next.Vlsn}");
        return new SyncupAnswer(at, next);
    }

    internal void Write(ref MessageWriter writer)
    {
        Invariant.Holds(At is not null || Next is null, "an answer has c + 1 without c.");
        writer.WriteByte((byte)((At is null ? 0 : 1) + (Next is null ? 0 : 1)));
        At?.Write(ref writer);
        Next?.Write(ref writer);
    }
}
