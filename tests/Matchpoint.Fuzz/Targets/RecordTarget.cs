using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;

namespace Matchpoint.Fuzz.Targets;

/// <summary>
/// Records as they come from a disk or a feeder, and what they say. A fuzzer cannot guess checksums: the payload of whatever header there is, is looked at as if they had held.
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
            if (RecordCodec.CheckAlone(record, header, vlsn) is null) RecordCodec.Check(record, header, vlsn, before);
            Walk(record[RecordHeader.Size..], header.Vlsn);
            rest = rest[header.Length..];
            (vlsn, before) = (vlsn.Next, header.Fingerprint);
        }

        Walk(input, Vlsn.Of(1000));
    }

    /// <summary>What was checked can be walked, and adds up.</summary>
    private static void Walk(ReadOnlySpan<byte> payload, Vlsn vlsn)
    {
        if (!TransactionPayload.TryRead(payload, vlsn, out var transaction, out var fault))
        {
            Invariant.Holds(fault.Expected.Length > 0, "a fault says what was expected.");
            return;
        }

        var count = 0;
        var bytes = 0;
        foreach (var operation in transaction)
        {
            count++;
            bytes += operation.Key.Length + operation.Value.Length + operation.EndKey.Length;
        }

        Invariant.Holds(count == transaction.Count && bytes <= 2 * payload.Length, $"{transaction.Count} operations were announced, and there are {count} of {bytes} bytes.");
    }
}
