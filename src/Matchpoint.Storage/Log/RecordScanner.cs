using System.Buffers;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Records;
using Matchpoint.Storage.Files;

namespace Matchpoint.Storage.Log;

/// <summary>
/// Walks the records of one segment file forward and proves each: CRC, number, chain, term. It stops at the first byte that is not a
/// sound record and says why. Memory: one pooled buffer, no allocation per record.
/// </summary>
internal sealed class RecordScanner : IDisposable
{
    private const int BufferBytes = 256 * 1024;

    private readonly IFile _file;
    private readonly long _limit;
    private byte[] _buffer;
    private int _start;
    private int _count;
    private long _bufferAt;
    private bool _chained;
    private RecordHeader _header;

    /// <summary>Begins at the start of a segment, where the chain before it is known.</summary>
    /// <param name="file">The segment file.</param>
    /// <param name="limit">The position in the file at which to stop.</param>
    /// <param name="before">Where the log stands before the first record.</param>
    public RecordScanner(IFile file, long limit, in LogPosition before)
        : this(file, limit, before, SegmentHeader.Size, chained: true)
    {
    }

    /// <summary>Begins at a record inside a segment; unless the chain before it is known, the first record is proved by its CRC alone.</summary>
    public RecordScanner(IFile file, long limit, in LogPosition before, long at, bool chained)
    {
        _file = file;
        _limit = limit;
        _bufferAt = at;
        _chained = chained;
        Position = before;
        _buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
    }

    /// <summary>Where the log stands behind the current record; before the first, where it began.</summary>
    public LogPosition Position { get; private set; }

    /// <summary>The current record's header.</summary>
    public ref readonly RecordHeader Header => ref _header;

    /// <summary>The current record's position in the file.</summary>
    public long RecordAt { get; private set; }

    /// <summary>The position in the file behind the current record.</summary>
    public long NextAt => _bufferAt + _start;

    /// <summary>What is wrong with the bytes at <see cref="NextAt"/>; null at a clean end.</summary>
    public RecordFault? Fault { get; private set; }

    /// <summary>The current record's bytes, valid until the next step.</summary>
    public ReadOnlySpan<byte> Record => _buffer.AsSpan(_start - _header.Length, _header.Length);

    /// <summary>The current record's payload, valid until the next step.</summary>
    public ReadOnlySpan<byte> Payload => _buffer.AsSpan(_start - _header.PayloadLength, _header.PayloadLength);

    /// <summary>Goes to the next record. False at the end, or at a fault.</summary>
    public bool MoveNext()
    {
        if (Fault is not null || NextAt >= _limit) return false;
        Ensure(RecordHeader.Size);
        var bytes = _buffer.AsSpan(_start, _count - _start);
        Fault = RecordCodec.TryReadHeader(bytes, out var header);
        if (Fault is null && bytes.Length < header.Length)
        {
            Ensure(header.Length);
            bytes = _buffer.AsSpan(_start, _count - _start);
        }

        LogPosition next = default;
        if (Fault is null)
        {
            Fault = _chained ? Position.TryAdvance(bytes, out header, out next) : AdoptFirst(bytes, header, out next);
        }

        if (Fault is not null) return false;
        _chained = true;
        _header = header;
        RecordAt = NextAt;
        _start += header.Length;
        Position = next;
        return true;
    }

    /// <summary>Whether every byte from the fault (or the end of the records) to the limit is zero: room made ahead, not a record.</summary>
    public bool RestIsZero()
    {
        for (var at = NextAt; at < _limit;)
        {
            var read = _file.Read(at, _buffer.AsSpan(0, (int)Math.Min(_buffer.Length, _limit - at)));
            if (read == 0) break;
            if (_buffer.AsSpan(0, read).ContainsAnyExcept((byte)0)) return false;
            at += read;
        }

        return true;
    }

    /// <summary>Gives the buffer back.</summary>
    public void Dispose()
    {
        var buffer = _buffer;
        _buffer = [];
        if (buffer.Length > 0) ArrayPool<byte>.Shared.Return(buffer);
    }

    private RecordFault? AdoptFirst(ReadOnlySpan<byte> bytes, in RecordHeader header, out LogPosition next)
    {
        next = Position.After(header);
        if (bytes.Length < header.Length) return RecordFault.Truncated(bytes.Length, header.Length);
        return RecordCodec.CheckAlone(bytes[..header.Length], header, Position.Vlsn.Next);
    }

    /// <summary>Has at least so many bytes in the buffer from the next record on, unless the file or the limit ends before.</summary>
    private void Ensure(int bytes)
    {
        if (_count - _start >= bytes) return;
        Invariant.Holds(bytes <= Limits.RecordBytes, $"a record of {bytes} bytes is asked for.");
        var target = _buffer;
        if (bytes > _buffer.Length) target = ArrayPool<byte>.Shared.Rent(bytes);
        _buffer.AsSpan(_start, _count - _start).CopyTo(target);
        if (target != _buffer)
        {
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = target;
        }

        _bufferAt += _start;
        _count -= _start;
        _start = 0;
        while (_count < _buffer.Length && _bufferAt + _count < _limit)
        {
            var room = (int)Math.Min(_buffer.Length - _count, _limit - _bufferAt - _count);
            var read = _file.Read(_bufferAt + _count, _buffer.AsSpan(_count, room));
            if (read == 0) break;
            _count += read;
        }
    }
}
