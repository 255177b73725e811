using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;

namespace Matchpoint.Fuzz.Targets;

/// <summary>
/// Records as they come from a disk or a feeder, and what they say. A record is taken exactly when it is, to the byte, the one that is written from its fields at its place; of one that is, no bit may
/// change. A payload that can be read is written again as it was. A fuzzer cannot guess checksums: whatever has a header is also sealed anew, and its payload looked at as if they had held.
/// </summary>
internal sealed class RecordTarget : IFuzzTarget
{
    /// <inheritdoc/>
    public string Name => "records";

    /// <inheritdoc/>
    public IEnumerable<byte[]> Seeds => SampleLog.Records().Append(SampleLog.Records().SelectMany(static record => record).ToArray());

    /// <inheritdoc/>
    public void Run(ReadOnlySpan<byte> input)
    {
        var rest = input;
        var (vlsn, before) = (Vlsn.First, SampleLog.Identity.Group.Genesis);
        while (!rest.IsEmpty)
        {
            if (RecordCodec.TryReadHeader(rest, out var header) is not null || header.Length > rest.Length) break;
            var record = rest[..header.Length];
            Judge(record, header, vlsn, before);
            Walk(record[RecordHeader.Size..], header.Vlsn);
            rest = rest[header.Length..];
            (vlsn, before) = (vlsn.Next, header.Fingerprint);
        }

        Walk(input, Vlsn.Of(1000));
    }

    private static void Judge(ReadOnlySpan<byte> record, in RecordHeader header, Vlsn expected, Fingerprint before)
    {
        var written = record.ToArray();
        var again = RecordCodec.Seal(written, header.Vlsn, header.Term, header.Timestamp, header.Kind, header.AckPolicy, before);
        Invariant.Holds(again with { Fingerprint = header.Fingerprint } == header, $"{header} is written as {again}.");
        var fault = RecordCodec.Check(record, header, expected, before);
        var isWritten = record.SequenceEqual(written) && header.Vlsn == expected;
        Invariant.Holds(fault is null == isWritten, $"record {header.Vlsn} in the place of {expected} is {(isWritten ? "" : "not ")}as it is written, and is judged: {fault?.ToString() ?? "sound"}.");
        Invariant.Holds(!isWritten || RecordCodec.CheckAlone(record, header, expected) is null, $"record {header.Vlsn} is sound, and is not by itself.");
        Invariant.Holds(RecordCodec.Check(written, again, header.Vlsn, before) is null, $"record {header.Vlsn} was written, and is not sound.");
        // Which bit it is, the input decides.
        var bit = (int)((header.Fingerprint.Value ^ (ulong)header.Timestamp) % (8UL * (ulong)written.Length));
        written[bit / 8] ^= (byte)(1 << (bit % 8));
        var isFound = RecordCodec.TryReadHeader(written, out var changed) is not null || changed.Length != written.Length || RecordCodec.CheckAlone(written, changed, header.Vlsn) is not null;
        Invariant.Holds(isFound, $"bit {bit} of record {header.Vlsn} was flipped, and nobody sees it.");
    }

    /// <summary>What was checked can be walked, adds up, and is written again as it was.</summary>
    private static void Walk(ReadOnlySpan<byte> payload, Vlsn vlsn)
    {
        if (!TransactionPayload.TryRead(payload, vlsn, out var transaction, out var fault))
        {
            Invariant.Holds(fault.Expected.Length > 0, "a fault says what was expected.");
            return;
        }

        var count = 0;
        var bytes = 0;
        var writer = new TransactionWriter(int.MaxValue);
        foreach (var operation in transaction)
        {
            Write(writer, operation);
            count++;
            bytes += operation.Key.Length + operation.Value.Length + operation.EndKey.Length;
        }

        Invariant.Holds(count == transaction.Count && bytes <= 2 * payload.Length, $"{transaction.Count} operations were announced, and there are {count} of {bytes} bytes.");
        Invariant.Holds(payload.SequenceEqual(writer.Payload(0, transaction.FirstPiece, transaction.PreviousPiece).Span), $"a payload of {count} operations is written as another.");
    }

    private static void Write(TransactionWriter writer, in Operation operation)
    {
        switch (operation.Kind)
        {
            case OperationKind.Put:
                writer.Put(operation.Key, operation.Value, operation.Database);
                break;
            case OperationKind.Delete:
                writer.Delete(operation.Key, operation.Database);
                break;
            case OperationKind.DeleteRange:
                writer.DeleteRange(operation.Key, operation.EndKey, operation.Database);
                break;
            default:
                throw Invariant.Unreachable(operation.Kind);
        }
    }
}
