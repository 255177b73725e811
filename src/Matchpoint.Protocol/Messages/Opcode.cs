namespace Matchpoint.Protocol.Messages;

/// <summary>The first byte of every frame's payload: which message it is.</summary>
internal enum Opcode : byte
{
    /// <summary>The replica asks for one record's entry (version 1).</summary>
    EntryRequest = 1,

    /// <summary>The feeder holds the record asked for (version 1).</summary>
    Entry = 2,

    /// <summary>The feeder does not hold the record asked for (version 1).</summary>
    EntryNotFound = 3,

    /// <summary>The record asked for lies above the feeder's last; this is its last sync point (version 1).</summary>
    AlternateMatchpoint = 4,

    /// <summary>The replica is ready for the stream.</summary>
    StartStream = 5,

    /// <summary>The replica shares nothing with the feeder and needs a full copy.</summary>
    RestoreRequest = 6,

    /// <summary>The feeder agrees to a full copy.</summary>
    RestoreResponse = 7,

    /// <summary>The replica introduces itself.</summary>
    ReplicaHello = 16,

    /// <summary>The feeder introduces itself and answers.</summary>
    FeederHello = 17,

    /// <summary>Either side ends the connection and says why.</summary>
    Goodbye = 18,

    /// <summary>The replica asks for many entries at once (version 2).</summary>
    Probe = 19,

    /// <summary>The feeder's entries for a probe (version 2).</summary>
    ProbeAnswer = 20,

    /// <summary>Whole records as they stand in the log.</summary>
    LogBytes = 21,

    /// <summary>The feeder is alive, and how far its log and the group are.</summary>
    Heartbeat = 22,

    /// <summary>How far the replica is.</summary>
    Acknowledge = 23,

    /// <summary>One node asks another in an election.</summary>
    Poll = 24,

    /// <summary>The answer to a poll.</summary>
    PollAnswer = 25,

    /// <summary>A replica asks how far it must be for a linearizable read.</summary>
    ReadIndexRequest = 26,

    /// <summary>The primary's answer to that.</summary>
    ReadIndexAnswer = 27,

    /// <summary>How far a replica is that the sender feeds.</summary>
    RelayedAcknowledge = 28,

    /// <summary>A client asks something; the body is JSON.</summary>
    ClientRequest = 29,

    /// <summary>The answer to a client, or a part of it; the body is JSON.</summary>
    ClientAnswer = 30,

    /// <summary>A node asks for a full copy.</summary>
    CopyRequest = 31,

    /// <summary>What a copy consists of.</summary>
    CopyOffer = 32,

    /// <summary>A node wants a chunk of a copy.</summary>
    ChunkRequest = 33,

    /// <summary>A chunk of a copy.</summary>
    Chunk = 34,

    /// <summary>A node that fetches a full copy asks its primary to keep the log behind it.</summary>
    HoldRequest = 35,

    /// <summary>The primary keeps it, and names donors.</summary>
    HoldAnswer = 36,

    /// <summary>One end of a copy reads what it has, and is alive.</summary>
    CopyBusy = 37,

    /// <summary>A node asks for a range of the log to mend its own with.</summary>
    RangeRequest = 48,

    /// <summary>Where the log stands before that range; the records follow.</summary>
    RangeOffer = 49,
}
