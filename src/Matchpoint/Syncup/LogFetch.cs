using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Membership;
using Matchpoint.Protocol.Messages;
using Matchpoint.Protocol.Records;
using Matchpoint.Storage.Log;
using Matchpoint.Transport;

namespace Matchpoint.Syncup;

/// <summary>
/// Takes in the records that a feeder sends. Each is proved (CRC, number, fingerprint chain, term, payload) before it is appended; the first that
/// does not continue the own log ends the session, and
/// nothing of it is kept.
/// </summary>
internal sealed class LogFetch(Channel channel, RecordLog log, ISyncupObserver observer)
{
    /// <summary>Receives from a record on until the feeder says how far its log reaches and all of that is on the device.</summary>
    public async Task ReceiveAsync(Vlsn from, CancellationToken cancellation)
    {
        Invariant.Holds(from == log.Appended.Vlsn.Next, $"the stream starts at {from}, and the log ends at {log.Appended.Vlsn}.");
        channel.MaxFrameBytes = Limits.FrameBytes;
        while (true)
        {
            var frame = await channel.ReceiveAsync(Limits.MessageTimeout, cancellation).ConfigureAwait(false);
            switch ((Opcode)frame.Span[0])
            {
                case Opcode.LogBytes:
                    await AppendAsync(frame, cancellation).ConfigureAwait(false);
                    break;
                case Opcode.Heartbeat:
                    if (await AcknowledgeAsync(Heartbeat.Decode(frame.Span), cancellation).ConfigureAwait(false)) return;
                    break;
                case var other:
                    throw new ProtocolException("stream", "opcode", $"{(byte)Opcode.LogBytes} or {(byte)Opcode.Heartbeat}", $"{(byte)other}");
            }
        }
    }

    private async ValueTask AppendAsync(ReadOnlyMemory<byte> frame, CancellationToken cancellation)
    {
        var before = log.Appended;
        while (!TryAppend(frame, before))
            await log.WaitForRoomAsync(cancellation).ConfigureAwait(false);
        var after = log.Appended;
        observer.OnRecords(sent: false, after.Vlsn.DistanceFrom(before.Vlsn), after.End.DistanceFrom(before.End));
    }

    private bool TryAppend(ReadOnlyMemory<byte> frame, in LogPosition before)
    {
        var sent = LogBytes.Decode(frame.Span);
        if (sent.Start != before.End) throw new ProtocolException(nameof(LogBytes), "lsn", $"{before.End}", $"{sent.Start}");
        CheckPayloads(sent.Records, before);
        if (log.TryAppendCopies(sent.Records, FlushPolicy.Write, out var fault)) return true;
        return fault is null
            ? false
            : throw new ProtocolException(nameof(LogBytes), $"{fault.FieldName} of a record behind {before.Vlsn}", fault.Expected, fault.Found);
    }

    /// <summary>A transaction that cannot be read could never be applied, nor exported and undone: it must not come in, however sound its record is.</summary>
    public static void CheckPayloads(ReadOnlySpan<byte> records, in LogPosition before)
    {
        // Where the records themselves are not sound the log refuses them, and says why.
        for (var rest = records; RecordCodec.TryReadHeader(rest, out var header) is null && header.Length <= rest.Length; rest = rest[header.Length..])
        {
            if (header.Kind == RecordKind.Membership && RosterCodec.TryDecode(rest[RecordHeader.Size..header.Length], out var why) is null)
                throw new ProtocolException(nameof(LogBytes), $"members in a record behind {before.Vlsn}", "a roster", why ?? "");
            if (header.Kind is not (RecordKind.Commit or RecordKind.Piece)) continue;
            if (!TransactionPayload.TryRead(rest[RecordHeader.Size..header.Length], header.Vlsn, out _, out var fault))
                throw new ProtocolException(nameof(LogBytes), $"{fault.FieldName} of a record behind {before.Vlsn}", fault.Expected, fault.Found);
        }
    }

    private async ValueTask<bool> AcknowledgeAsync(Heartbeat heartbeat, CancellationToken cancellation)
    {
        observer.OnMessage(sent: false, heartbeat);
        var last = log.Appended.Vlsn;
        if (heartbeat.Last < last) throw new ProtocolException(nameof(Heartbeat), "last", $"{last} or more", $"{heartbeat.Last}");
        log.NoteDurable(Vlsn.Min(heartbeat.Durable, last));
        await log.WaitAsync(last, FlushPolicy.Sync, cancellation).ConfigureAwait(false);
        var acknowledge = new Acknowledge(last, last, Vlsn.Null, heartbeat.SentAt, Counts: false);
        observer.OnMessage(sent: true, acknowledge);
        channel.Write(acknowledge);
        await channel.FlushAsync(Limits.MessageTimeout, cancellation).ConfigureAwait(false);
        return last == heartbeat.Last;
    }
}
