namespace Matchpoint.Protocol.Messages;

/// <summary>The first byte of every frame: what the rest is.</summary>
internal enum Opcode : byte
{
    /// <summary>Version 1, replica: which record do you hold under this VLSN?</summary>
    EntryRequest = 1,

    /// <summary>Version 1, feeder: this one.</summary>
    Entry = 2,

    /// <summary>Version 1, feeder: none.</summary>
    EntryNotFound = 3,

    /// <summary>Version 1, feeder: my log ends before; this is my last sync point.</summary>
    AlternateMatchpoint = 4,

    /// <summary>Replica: send your records from here on.</summary>
    StartStream = 5,

    /// <summary>Replica: our logs share nothing that is still kept; I need a full copy.</summary>
    RestoreRequest = 6,

    /// <summary>Feeder: I heard that.</summary>
    RestoreResponse = 7,

    /// <summary>Replica: who I am and what I hold.</summary>
    ReplicaHello = 16,

    /// <summary>Feeder: who I am, what I hold, and where our logs part by your terms.</summary>
    FeederHello = 17,

    /// <summary>Either: I close, and this is why.</summary>
    Goodbye = 18,

    /// <summary>Version 2, replica: which records do you hold under these VLSNs?</summary>
    Probe = 19,

    /// <summary>Version 2, feeder: these.</summary>
    ProbeAnswer = 20,

    /// <summary>Feeder: records as they stand on disk.</summary>
    LogBytes = 21,

    /// <summary>Feeder: how far my log reaches, and what is durable.</summary>
    Heartbeat = 22,

    /// <summary>Replica: how far I have appended and flushed.</summary>
    Acknowledge = 23,
}
