using System.Buffers;
using System.Buffers.Binary;
using Matchpoint.Protocol.Identities;

namespace Matchpoint.Protocol.Records;

/// <summary>
/// Collects a transaction's operations and gives them out as the payloads of its records: one for a transaction of
/// ordinary size, several for a large one. Reusable after <see cref="Clear"/>; it keeps its buffer.
/// </summary>
internal sealed class TransactionWriter
{
    private readonly ArrayBufferWriter<byte> _bytes = new(256);
    private readonly List<(int Start, int Operations)> _pieces = [];
    private readonly int _pieceBytes;
    private Memory<byte> _sealed;

    /// <summary>A writer that begins a new piece when one has reached the given size.</summary>
    public TransactionWriter(int pieceBytes = Limits.PieceBytes) => _pieceBytes = pieceBytes;

    /// <summary>How many operations were collected.</summary>
    public int Operations { get; private set; }

    /// <summary>How many records the transaction takes: at least one, the commit.</summary>
    public int Records => Math.Max(1, _pieces.Count);

    /// <summary>Sets a key to a value.</summary>
    /// <exception cref="ArgumentException">The key or the value is over its limit.</exception>
    public void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, ushort database = 0) =>
        Add(OperationKind.Put, database, key, value, Limits.ValueBytes);

    /// <summary>Removes a key.</summary>
    /// <exception cref="ArgumentException">The key is over its limit.</exception>
    public void Delete(ReadOnlySpan<byte> key, ushort database = 0) => Add(OperationKind.Delete, database, key, [], 0);

    /// <summary>Removes the keys from one up to, but not including, another.</summary>
    /// <exception cref="ArgumentException">A key is over its limit.</exception>
    public void DeleteRange(ReadOnlySpan<byte> from, ReadOnlySpan<byte> to, ushort database = 0) =>
        Add(OperationKind.DeleteRange, database, from, to, Limits.KeyBytes);

    /// <summary>Forgets the collected operations.</summary>
    public void Clear()
    {
        _bytes.ResetWrittenCount();
        _pieces.Clear();
        _sealed = default;
        Operations = 0;
    }

    /// <summary>
    /// The payload of the transaction's record with this index, 0 first; the last one is the commit's. The caller appends
    /// them in order and says where the earlier ones went.
    /// </summary>
    /// <param name="index">Which record.</param>
    /// <param name="first">The VLSN of record 0; null while that is the one asked for.</param>
    /// <param name="previous">The VLSN of the record before this one.</param>
    public ReadOnlyMemory<byte> Payload(int index, Vlsn first, Vlsn previous)
    {
        if (_pieces.Count == 0) BeginPiece();
        if (_sealed.IsEmpty) _sealed = WrittenMemory();
        var (start, operations) = _pieces[index];
        var end = index + 1 < _pieces.Count ? _pieces[index + 1].Start : _sealed.Length;
        var payload = _sealed[start..end];
        TransactionPayload.WriteHeader(payload.Span, first, previous, operations);
        return payload;
    }

    private Memory<byte> WrittenMemory()
    {
        Invariant.Holds(
            System.Runtime.InteropServices.MemoryMarshal.TryGetArray(_bytes.WrittenMemory, out var array),
            "an ArrayBufferWriter has no array.");
        return array;
    }

    private void Add(OperationKind kind, ushort database, ReadOnlySpan<byte> key, ReadOnlySpan<byte> second, int most)
    {
        if (key.Length > Limits.KeyBytes)
            throw new ArgumentException($"A key of {key.Length} bytes is longer than the limit of {Limits.KeyBytes}.", nameof(key));
        if (second.Length > most)
        {
            var what = kind == OperationKind.Put ? "A value" : "A key";
            throw new ArgumentException($"{what} of {second.Length} bytes is longer than the limit of {most}.", nameof(second));
        }

        var size = TransactionPayload.OperationHeaderSize + key.Length + second.Length;
        if (_pieces.Count == 0 || _bytes.WrittenCount - _pieces[^1].Start + size > _pieceBytes && _pieces[^1].Operations > 0)
            BeginPiece();

        var operation = _bytes.GetSpan(size);
        operation[0] = (byte)kind;
        operation[1] = 0;
        BinaryPrimitives.WriteUInt16LittleEndian(operation[2..], database);
        BinaryPrimitives.WriteUInt32LittleEndian(operation[4..], (uint)key.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(operation[8..], (uint)second.Length);
        key.CopyTo(operation[TransactionPayload.OperationHeaderSize..]);
        second.CopyTo(operation[(TransactionPayload.OperationHeaderSize + key.Length)..]);
        _bytes.Advance(size);
        _pieces[^1] = (_pieces[^1].Start, _pieces[^1].Operations + 1);
        _sealed = default;
        Operations++;
    }

    private void BeginPiece()
    {
        _pieces.Add((_bytes.WrittenCount, 0));
        _bytes.GetSpan(TransactionPayload.HeaderSize)[..TransactionPayload.HeaderSize].Clear();
        _bytes.Advance(TransactionPayload.HeaderSize);
    }
}
