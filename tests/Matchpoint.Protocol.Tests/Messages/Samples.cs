using Matchpoint.Protocol.Elections;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;
using Matchpoint.Protocol.Records;

namespace Matchpoint.Protocol.Tests.Messages;

/// <summary>One value of every message, and how to read a frame of each opcode.</summary>
internal static class Samples
{
    public static readonly LogEntry Seven = new(Vlsn.Of(7), new Lsn(0x1234), new Fingerprint(0xABCD), IsSync: true);

    public static readonly LogEntry Eight = new(Vlsn.Of(8), new Lsn(0x1300), new Fingerprint(0xBCDE), IsSync: false);

    public static ReplicaHello ReplicaHello => new(
        1, 2, new GroupId(new Guid("00112233-4455-6677-8899-aabbccddeeff")), new NodeId(new Guid("0f0e0d0c-0b0a-0908-0706-050403020100")),
        "nœud", new Term(5), Vlsn.Of(3), Vlsn.Of(9), 1_700_000_000_000_000,
        [new TermEnd(new Term(4), Vlsn.Of(9), new Fingerprint(0xAA)), new TermEnd(new Term(2), Vlsn.Of(6), new Fingerprint(0xBB))]);

    public static FeederHello FeederHello => new(
        2, ReplicaHello.Group, ReplicaHello.Node, "b", new Term(5), new Term(4), Vlsn.Of(1), Vlsn.Of(9), -1, Vlsn.Null,
        new SyncupAnswer(Seven, Eight));

    public static Acknowledge Acknowledge => new(Vlsn.Of(9), Vlsn.Of(7), Vlsn.Null, 0x1234, Counts: true);

    public static Poll Poll => new(ReplicaHello.Group, ReplicaHello.Node, "a", PollKind.Vote, false, new Term(5), new Term(4), Vlsn.Of(9), "a:700", 0x1122334455667788);

    public static PollAnswer PollAnswer => new("b", new Term(5), false, Standing.BallotLost, "a", new Term(5), "no", "a:700", true);

    public static ReadIndexRequest ReadIndexRequest => new(ReplicaHello.Group, ReplicaHello.Node);

    public static CopyRequest CopyRequest => new(1, ReplicaHello.Group, ReplicaHello.Node, "nœud", new Term(5), Vlsn.Of(7));

    public static HoldAnswer HoldAnswer => new(Vlsn.Of(7), ["nœud", "b"]);

    public static CopyOffer CopyOffer => new(ReplicaHello.Node.Value, Vlsn.Of(7), Vlsn.Of(9),
    [
        new CopyFile("log/a", 3, [Digest(1, 2)]),
        new CopyFile("state/b", Limits.ChunkBytes + 1, [Digest(3, 4), Digest(5, 6)]),
        new CopyFile("state/c", 0, []),
    ]);

    public static RangeRequest RangeRequest => new(1, ReplicaHello.Group, ReplicaHello.Node, "nœud", new Lsn(0x1234), new Lsn(0x5678));

    public static RangeOffer RangeOffer => new(new LogPosition(Vlsn.Of(7), new Lsn(0x1234), new Fingerprint(0xABCD), new Term(5)), new Lsn(0x5678), Vlsn.Of(9));

    public static IEnumerable<IMessage> All =>
    [
        new EntryRequest(Vlsn.Of(7)),
        new EntryRequest(Vlsn.Null),
        new Entry(Seven),
        default(EntryNotFound),
        new AlternateMatchpoint(Seven),
        new StartStream(Vlsn.Of(8)),
        new RestoreRequest(Vlsn.Of(3)),
        default(RestoreResponse),
        ReplicaHello,
        ReplicaHello with { First = Vlsn.Null, Last = Vlsn.Null, Terms = [] },
        FeederHello,
        FeederHello with { Answer = SyncupAnswer.None },
        FeederHello with { Last = Vlsn.Of(7), Answer = new SyncupAnswer(Seven, null) },
        new Probe([Vlsn.Of(1), Vlsn.Of(7), Vlsn.Of(long.MaxValue)]),
        new ProbeAnswer([new ProbedEntry(Vlsn.Of(7), Seven), new ProbedEntry(Vlsn.Of(9), null)]),
        new Heartbeat(Vlsn.Of(9), Vlsn.Of(7), -5),
        Acknowledge,
        new RelayedAcknowledge("nœud", Acknowledge),
        Poll,
        Poll with { Kind = PollKind.Look, IsBootstrap = true, Last = Vlsn.Null, LastTerm = Term.None },
        PollAnswer,
        PollAnswer with { Granted = true, Primary = "", PrimaryTerm = Term.None, Reason = "", PrimaryAddress = "", IsStranger = false },
        ReadIndexRequest,
        new ReadIndexAnswer(true, Vlsn.Of(9), ""),
        new ReadIndexAnswer(false, Vlsn.Null, "nœud"),
        CopyRequest,
        CopyRequest with { NeededFrom = Vlsn.Null },
        CopyOffer,
        CopyOffer with { Files = [] },
        new ChunkRequest(1, 2),
        new HoldRequest(CopyRequest),
        new HoldRequest(CopyRequest with { NeededFrom = Vlsn.Null }),
        HoldAnswer,
        new HoldAnswer(Vlsn.Null, []),
        default(CopyBusy),
        RangeRequest,
        RangeOffer,
        RangeOffer with { Before = new LogPosition(Vlsn.Null, Lsn.Zero, new Fingerprint(1), Term.None), Durable = Vlsn.Null },
    ];

    private static ChunkDigest Digest(ulong upper, ulong lower) => new(new UInt128(upper, lower));

    /// <summary>Reads any frame and writes it again.</summary>
    public static byte[] DecodeAndEncode(ReadOnlySpan<byte> frame)
    {
        switch (Opcodes.Of(frame))
        {
            case Opcode.EntryRequest: return EntryRequest.Decode(frame).ToBytes();
            case Opcode.Entry: return Entry.Decode(frame).ToBytes();
            case Opcode.EntryNotFound: return EntryNotFound.Decode(frame).ToBytes();
            case Opcode.AlternateMatchpoint: return AlternateMatchpoint.Decode(frame).ToBytes();
            case Opcode.StartStream: return StartStream.Decode(frame).ToBytes();
            case Opcode.RestoreRequest: return RestoreRequest.Decode(frame).ToBytes();
            case Opcode.RestoreResponse: return RestoreResponse.Decode(frame).ToBytes();
            case Opcode.ReplicaHello: return Protocol.Messages.ReplicaHello.Decode(frame).ToBytes();
            case Opcode.FeederHello: return Protocol.Messages.FeederHello.Decode(frame).ToBytes();
            case Opcode.Probe: return Probe.Decode(frame).ToBytes();
            case Opcode.ProbeAnswer: return ProbeAnswer.Decode(frame).ToBytes();
            case Opcode.Heartbeat: return Heartbeat.Decode(frame).ToBytes();
            case Opcode.Acknowledge: return Protocol.Messages.Acknowledge.Decode(frame).ToBytes();
            case Opcode.RelayedAcknowledge: return RelayedAcknowledge.Decode(frame).ToBytes();
            case Opcode.Poll: return Protocol.Messages.Poll.Decode(frame).ToBytes();
            case Opcode.PollAnswer: return Protocol.Messages.PollAnswer.Decode(frame).ToBytes();
            case Opcode.ReadIndexRequest: return Protocol.Messages.ReadIndexRequest.Decode(frame).ToBytes();
            case Opcode.ReadIndexAnswer: return ReadIndexAnswer.Decode(frame).ToBytes();
            case Opcode.CopyRequest: return Protocol.Messages.CopyRequest.Decode(frame).ToBytes();
            case Opcode.CopyOffer: return Protocol.Messages.CopyOffer.Decode(frame).ToBytes();
            case Opcode.ChunkRequest: return ChunkRequest.Decode(frame).ToBytes();
            case Opcode.HoldRequest: return HoldRequest.Decode(frame).ToBytes();
            case Opcode.HoldAnswer: return Protocol.Messages.HoldAnswer.Decode(frame).ToBytes();
            case Opcode.CopyBusy: return CopyBusy.Decode(frame).ToBytes();
            case Opcode.RangeRequest: return Protocol.Messages.RangeRequest.Decode(frame).ToBytes();
            case Opcode.RangeOffer: return Protocol.Messages.RangeOffer.Decode(frame).ToBytes();
            case Opcode.Chunk:
                var chunk = Chunk.Decode(frame);
                var head = new byte[Chunk.HeadSize];
                Chunk.EncodeHead(head, chunk.File, chunk.Index);
                return [.. head, .. chunk.Bytes];
            case Opcode.LogBytes:
                var bytes = LogBytes.Decode(frame);
                var written = new byte[LogBytes.HeaderSize + bytes.Records.Length];
                LogBytes.WriteHeader(written, bytes.Start);
                bytes.Records.CopyTo(written.AsSpan(LogBytes.HeaderSize));
                return written;
            default: throw new ProtocolException("frame", "opcode", "one of these", $"{frame[0]}");
        }
    }
}
