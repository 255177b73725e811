using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;

namespace Matchpoint.Storage.Log;

/// <summary>
/// Records that were appended and wait to be written, as the bytes they will be on disk. Two buffers take turns: one collects while the
/// other is written. Guarded by the log's lock.
/// </summary>
internal sealed class PendingRecords
{
    private readonly int _limit;
    private byte[] _collecting;
    private byte[] _writing;

    /// <summary>Nothing pending behind a position.</summary>
    /// <param name="end">Where the log stands.</param>
    /// <param name="lastSync">Its last sync point.</param>
    /// <param name="limit">So many bytes may wait; one record is always taken.</param>
    public PendingRecords(LogPosition end, Vlsn lastSync, int limit)
    {
        Pieces = new PieceRuns(lastSync, end.Vlsn);
        _limit = limit;
        End = end;
        _collecting = new byte[limit];
        _writing = new byte[limit];
    }

    /// <summary>Where the log stands behind the last record, written or not.</summary>
    public LogPosition End { get; private set; }

    /// <summary>Which of the last records are inner pieces.</summary>
    public PieceRuns Pieces { get; }

    /// <summary>How many bytes wait.</summary>
    public int Count { get; private set; }

    /// <summary>Whether so many bytes more may wait.</summary>
    public bool HasRoom(int bytes) => Count == 0 || Count + bytes <= _limit;

    /// <summary>Adds a record of this node's own.</summary>
    public RecordHeader Add(Term term, long timestamp, RecordKind kind, AckPolicy policy, ReadOnlySpan<byte> payload)
    {
        Invariant.Holds(term >= End.Term, $"a record of term {term} cannot follow one of term {End.Term}.");
        var record = Reserve(RecordHeader.Size + payload.Length);
        payload.CopyTo(record[RecordHeader.Size..]);
        var header = RecordCodec.Seal(record, End.Vlsn.Next, term, timestamp, kind, policy, End.Fingerprint);
        End = End.After(header);
        Pieces.Add(header);
        return header;
    }

    /// <summary>Adds records that another node wrote, all of them or, when one does not continue the log, none.</summary>
    public RecordFault? AddCopies(ReadOnlySpan<byte> records)
    {
        var position = End;
        for (var rest = records; !rest.IsEmpty;)
        {
            var fault = position.TryAdvance(rest, out var header, out position);
            if (fault is not null)
            {
                Pieces.CutAfter(End.Vlsn);
                return fault;
            }

            Pieces.Add(header);
            rest = rest[header.Length..];
        }

        records.CopyTo(Reserve(records.Length));
        End = position;
        return null;
    }

    /// <summary>Hands out what waits, to be written before this is called again; collecting goes on in the other buffer.</summary>
    public ReadOnlyMemory<byte> Take()
    {
        var taken = _collecting.AsMemory(0, Count);
        (_collecting, _writing, Count) = (_writing, _collecting, 0);
        if (_collecting.Length > _limit) _collecting = new byte[_limit]; // One huge record is no reason to hold its room for ever.
        return taken;
    }

    /// <summary>The log was cut: it goes on behind another position.</summary>
    public void ContinueFrom(LogPosition end)
    {
        Invariant.Holds(Count == 0, $"{Count} bytes wait to be written while the log is cut.");
        End = end;
        Pieces.CutAfter(end.Vlsn);
    }

    private Span<byte> Reserve(int bytes)
    {
        // Only a record above the limit does not fit, and only while nothing else waits.
        if (Count + bytes > _collecting.Length) _collecting = new byte[bytes];
        var reserved = _collecting.AsSpan(Count, bytes);
        Count += bytes;
        return reserved;
    }
}
