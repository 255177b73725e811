using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using Matchpoint.Protocol.Identities;

namespace Matchpoint.Protocol.Records;

/// <summary>
/// The payload of <see cref="RecordKind.Commit"/> and <see cref="RecordKind.Piece"/>, read in place: how the record hangs
/// together with the other pieces of its transaction, and its operations. Little-endian:
/// <code>
///  0 i64 first piece     VLSN of the transaction's first record, -1 in that record itself
///  8 i64 previous piece  VLSN of the transaction's record before this one, -1 in the first
/// 16 u32 count           operations in this record
/// 20     operations: u8 kind, u8 reserved 0, u16 database, u32 key length, u32 second length, key, second
/// </code>
/// The second is the value of a put, the end of a range, empty for a delete. Pieces of several transactions may
/// interleave, and a cut may leave the first pieces of a transaction whose commit it removed: they never take effect.
/// </summary>
internal readonly ref struct TransactionPayload
{
    /// <summary>Bytes before the operations.</summary>
    public const int HeaderSize = 20;

    /// <summary>Bytes of an operation before its key.</summary>
    public const int OperationHeaderSize = 12;

    private readonly ReadOnlySpan<byte> _operations;

    private TransactionPayload(Vlsn first, Vlsn previous, int count, ReadOnlySpan<byte> operations)
    {
        FirstPiece = first;
        PreviousPiece = previous;
        Count = count;
        _operations = operations;
    }

    /// <summary>The transaction's first record; null in that record itself.</summary>
    public Vlsn FirstPiece { get; }

    /// <summary>The transaction's record before this one; null in the first.</summary>
    public Vlsn PreviousPiece { get; }

    /// <summary>How many operations this record holds.</summary>
    public int Count { get; }

    /// <summary>
    /// Reads a payload and checks all of it: after this the operations can be walked without another check.
    /// </summary>
    public static bool TryRead(
        ReadOnlySpan<byte> payload, Vlsn vlsn, out TransactionPayload transaction, [NotNullWhen(false)] out RecordFault? fault)
    {
        transaction = default;
        if (payload.Length < HeaderSize)
        {
            fault = RecordFault.Field("payload length", $"{HeaderSize} or more", payload.Length);
            return false;
        }

        var rawFirst = BinaryPrimitives.ReadInt64LittleEndian(payload);
        var rawPrevious = BinaryPrimitives.ReadInt64LittleEndian(payload[8..]);
        if (!Vlsn.TryCreate(rawFirst, out var first) || first >= vlsn)
        {
            fault = RecordFault.Field("first piece", $"-1, or 1 to below {vlsn}", rawFirst);
            return false;
        }

        if (!Vlsn.TryCreate(rawPrevious, out var previous) || previous >= vlsn || previous < first || previous.IsNull != first.IsNull)
        {
            fault = RecordFault.Field("previous piece", first.IsNull ? "-1" : $"{first} to below {vlsn}", rawPrevious);
            return false;
        }

        var count = BinaryPrimitives.ReadUInt32LittleEndian(payload[16..]);
        var operations = payload[HeaderSize..];
        fault = CheckOperations(operations, count);
        if (fault is not null) return false;
        transaction = new TransactionPayload(first, previous, (int)count, operations);
        return true;
    }

    /// <summary>Writes the part before the operations.</summary>
    public static void WriteHeader(Span<byte> payload, Vlsn first, Vlsn previous, int count)
    {
        BinaryPrimitives.WriteInt64LittleEndian(payload, first.Value);
        BinaryPrimitives.WriteInt64LittleEndian(payload[8..], previous.Value);
        BinaryPrimitives.WriteUInt32LittleEndian(payload[16..], (uint)count);
    }

    /// <summary>Walks the operations in order.</summary>
    public Enumerator GetEnumerator() => new(_operations);

    private static RecordFault? CheckOperations(ReadOnlySpan<byte> bytes, uint count)
    {
        var rest = bytes;
        for (uint i = 0; i < count; i++)
        {
            if (rest.Length < OperationHeaderSize)
                return RecordFault.Field($"operation {i}", $"{OperationHeaderSize} or more bytes", rest.Length);
            var kind = rest[0];
            if (kind is < (byte)OperationKind.Put or > (byte)OperationKind.DeleteRange)
                return RecordFault.Field($"operation {i} kind", "1 to 3", kind);
            if (rest[1] != 0) return RecordFault.Field($"operation {i} reserved", "0", rest[1]);
            var key = BinaryPrimitives.ReadUInt32LittleEndian(rest[4..]);
            var second = BinaryPrimitives.ReadUInt32LittleEndian(rest[8..]);
            if (key > Limits.KeyBytes) return RecordFault.Field($"operation {i} key length", $"0 to {Limits.KeyBytes}", key);
            var most = (OperationKind)kind switch
            {
                OperationKind.Put => Limits.ValueBytes,
                OperationKind.Delete => 0,
                OperationKind.DeleteRange => Limits.KeyBytes,
                _ => throw Invariant.Unreachable(kind),
            };
            if (second > most) return RecordFault.Field($"operation {i} second length", $"0 to {most}", second);
            var size = OperationHeaderSize + (int)key + (int)second;
            if (rest.Length < size) return RecordFault.Field($"operation {i}", $"{size} bytes", rest.Length);
            rest = rest[size..];
        }

        return rest.IsEmpty ? null : RecordFault.Field("bytes behind the operations", "0", rest.Length);
    }

    /// <summary>Walks operations that were checked before.</summary>
    public ref struct Enumerator(ReadOnlySpan<byte> operations)
    {
        private ReadOnlySpan<byte> _rest = operations;
        private ReadOnlySpan<byte> _current;

        /// <summary>The operation at hand.</summary>
        public readonly Operation Current
        {
            get
            {
                var key = (int)BinaryPrimitives.ReadUInt32LittleEndian(_current[4..]);
                return new Operation(
                    (OperationKind)_current[0],
                    BinaryPrimitives.ReadUInt16LittleEndian(_current[2..]),
                    _current.Slice(OperationHeaderSize, key),
                    _current[(OperationHeaderSize + key)..]);
            }
        }

        /// <summary>Goes to the next operation; false behind the last.</summary>
        public bool MoveNext()
        {
            if (_rest.IsEmpty) return false;
            var size = OperationHeaderSize
                + (int)BinaryPrimitives.ReadUInt32LittleEndian(_rest[4..])
                + (int)BinaryPrimitives.ReadUInt32LittleEndian(_rest[8..]);
            _current = _rest[..size];
            _rest = _rest[size..];
            return true;
        }
    }
}
