using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.Log;

namespace Matchpoint.Storage.Repairs;

/// <summary>
/// Makes a damaged segment anew, beside the old file: what is sound before the gap, the records that another node sent, and what is sound behind. It takes the place of the old file in one
/// durable step, and only with what is proved: the first record that came continues what lies before, and what lies behind continues the last one that came. Equal fingerprints mean equal
/// logs, so nothing else can have stood there. Where nothing sound lies behind, what is durable stays, and the rest of the gap is for somebody else to close; and as more may have gone than
/// anybody knows, the node is fenced before that step: after it the log looks whole.
/// </summary>
internal sealed class SegmentMend : IDisposable
{
    /// <summary>What the new file is called until it takes the old one's place; worth nothing after a crash.</summary>
    public const string Suffix = ".mend";

    private readonly DataDirectory _directory;
    private readonly LogGap _gap;
    private readonly IFile? _old;
    private readonly IFile _new;
    private LogPosition _position;
    private LogPosition _proved;
    private Vlsn _durable;

    private SegmentMend(DataDirectory directory, LogGap gap)
    {
        _directory = directory;
        _gap = gap;
        var files = directory.Files;
        files.Delete(gap.Path + Suffix);
        _old = files.FileExists(gap.Path) ? files.Open(gap.Path, FileOpening.Read) : null;
        try
        {
            _new = files.Open(gap.Path + Suffix, FileOpening.CreateNew);
        }
        catch
        {
            _old?.Dispose();
            throw;
        }
    }

    /// <summary>Where the new file stands: the next record that comes must continue it.</summary>
    public LogPosition Position => _position;

    /// <summary>Whether the gap is closed.</summary>
    public bool IsJoined { get; private set; }

    /// <summary>
    /// Whether what lies behind the gap is this node's own. Where nothing is, more may have gone than what was fetched: how far the log was flushed is known only as a lower bound.
    /// </summary>
    public bool MeetsOwn { get; private set; }

    /// <summary>What was done to a damaged ballot when the node was fenced, in words; null when it was sound, or the node was not fenced.</summary>
    public string? BallotMended { get; private set; }

    /// <summary>Begins, where another node says that its log stands before the gap.</summary>
    /// <param name="directory">The directory. Nobody writes its log meanwhile.</param>
    /// <param name="gap">The gap.</param>
    /// <param name="before">Where the other node's log stands before the gap.</param>
    /// <param name="durable">The last record that the other node knows to be durable.</param>
    /// <exception cref="ProtocolException">It is not where this node's log stands there.</exception>
    public static SegmentMend Begin(DataDirectory directory, LogGap gap, in LogPosition before, Vlsn durable)
    {
        if (before.End != gap.From) throw Refused("lsn", $"{gap.From}", $"{before.End}");
        if (gap.Before is { } known && known != before)
            throw Refused("what lies before", $"record {known.Vlsn} with fingerprint {known.Fingerprint}", $"record {before.Vlsn} with fingerprint {before.Fingerprint}");
        var mend = new SegmentMend(directory, gap);
        try
        {
            mend.Start(before, durable);
            return mend;
        }
        catch
        {
            mend.Dispose();
            throw;
        }
    }

    /// <summary>Takes in records that another node sent. What lies behind the end of the gap is not looked at.</summary>
    /// <exception cref="ProtocolException">A record does not continue what is there, or the last one does not lead to what lies behind the gap.</exception>
    public void Take(ReadOnlySpan<byte> records)
    {
        while (!records.IsEmpty && !IsJoined)
        {
            var fault = _position.TryAdvance(records, out var header, out var next);
            if (fault is not null) throw Refused($"{fault.FieldName} of a record behind {_position.Vlsn}", fault.Expected, fault.Found);
            if (header.Kind is RecordKind.Commit or RecordKind.Piece
                && !TransactionPayload.TryRead(records[RecordHeader.Size..header.Length], header.Vlsn, out _, out var payload))
                throw Refused($"{payload.FieldName} of record {header.Vlsn}", payload.Expected, payload.Found);
            _new.Write(FilePosition(_position.End), records[..header.Length]);
            _position = next;
            // What is durable is the same on every node: where the near end is proved, it may stay even if the far end cannot be.
            if (_gap.Before is not null && next.Vlsn <= _durable) _proved = next;
            records = records[header.Length..];
            Join();
        }
    }

    /// <summary>Puts the new file in the place of the old one, which is kept elsewhere. Where the gap could not be closed it ends before what is left of it.</summary>
    /// <returns>Where the damaged file is now; null where there was none.</returns>
    /// <exception cref="ProtocolException">Nothing that came is proved.</exception>
    public string? Finish()
    {
        if (!IsJoined)
        {
            if (_proved.End <= _gap.From) throw Refused("what lies behind", "a record that continues them here, or durable ones", $"records up to {_position.Vlsn}; durable is up to {_durable}");
            _position = _proved;
            _new.SetLength(FilePosition(_proved.End));
            KeepRest(_old?.Length ?? 0); // Behind what is left of the gap there may be records that nobody else has.
        }

        var files = _directory.Files;
        _new.Flush();
        _new.Dispose();
        _old?.Dispose();
        if (!MeetsOwn) BallotMended = DirectoryMend.Fence(_directory);
        var aside = Aside.Copy(_directory, _gap.Path);
        files.Delete(IndexFile.PathOf(_gap.Path)); // It is made anew from the segment.
        files.Rename(_gap.Path + Suffix, _gap.Path);
        files.FlushDirectory(_directory.LogPath);
        return aside;
    }

    /// <summary>Removes what unfinished mends have left.</summary>
    public static void RemoveLeftOver(DataDirectory directory)
    {
        foreach (var name in directory.Files.ListFiles(directory.LogPath).Where(static name => name.EndsWith(Suffix, StringComparison.Ordinal)))
            directory.Files.Delete(Path.Combine(directory.LogPath, name));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _new.Dispose();
        _old?.Dispose();
    }

    private static ProtocolException Refused(string field, string expected, string found) => new("a range of the log", field, expected, found);

    private void Start(in LogPosition before, Vlsn durable)
    {
        (_position, _proved, _durable) = (before, before, durable);
        Span<byte> header = stackalloc byte[SegmentHeader.Size];
        SegmentHeader.Write(header, _directory.Identity.Group, _gap.SegmentBefore ?? (before.End == _gap.First ? before : throw Refused("lsn", $"{_gap.First}", $"{before.End}")));
        if (_old is not null) Aside.Copy(_old, _new, FilePosition(before.End));
        _new.Write(0, header);
    }

    private long FilePosition(Lsn lsn) => SegmentHeader.Size + lsn.DistanceFrom(_gap.First);

    /// <summary>Looks whether what lies behind the records so far continues them.</summary>
    private void Join()
    {
        if (_gap.After is { } after)
        {
            if (_position.End < after.End) return;
            if (_position != after) throw Refused("what lies behind", $"record {after.Vlsn} with fingerprint {after.Fingerprint}", $"record {_position.Vlsn} with fingerprint {_position.Fingerprint}");
            IsJoined = MeetsOwn = true;
            return;
        }

        if (ContinuesHere())
        {
            TakeOwn();
            IsJoined = MeetsOwn = true;
        }
        // Nothing of our own is left to prove it.
        else if (_position.End == _gap.To && _position.Vlsn <= _durable) IsJoined = true;
    }

    /// <summary>Whether the old file holds a sound record behind the last one that came.</summary>
    private bool ContinuesHere()
    {
        if (_old is null) return false;
        Span<byte> bytes = stackalloc byte[RecordHeader.Size];
        var at = FilePosition(_position.End);
        if (_old.Read(at, bytes) < bytes.Length || RecordCodec.TryReadHeader(bytes, out var header) is not null || header.Vlsn != _position.Vlsn.Next) return false;
        var record = new byte[header.Length];
        return _old.Read(at, record) == record.Length && _position.TryAdvance(record, out _, out _) is null;
    }

    /// <summary>Takes over what the old file holds behind the gap, up to its end or to the next damaged place.</summary>
    private void TakeOwn()
    {
        var at = FilePosition(_position.End);
        var limit = _old!.Length;
        using (var scanner = new RecordScanner(_old, limit, _position, at, chained: true))
        {
            while (scanner.MoveNext()) _new.Write(scanner.RecordAt, scanner.Record);
            _position = scanner.Position;
        }

        KeepRest(limit);
    }

    /// <summary>The bytes behind are kept as they are: opening the log, or the next look at it, decides what they are.</summary>
    private void KeepRest(long limit)
    {
        var buffer = new byte[64 * 1024];
        for (var position = FilePosition(_position.End); position < limit;)
        {
            var read = _old!.Read(position, buffer.AsSpan(0, (int)Math.Min(buffer.Length, limit - position)));
            if (read == 0) break;
            _new.Write(position, buffer.AsSpan(0, read));
            position += read;
        }
    }
}
