using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;

namespace Matchpoint.Streaming;

/// <summary>What a live fetch needs of its node.</summary>
internal interface IFetchHost
{
    /// <summary>Where deadlines come from.</summary>
    TimeProvider Time { get; }

    /// <summary>How long the feeder may be silent.</summary>
    TimeSpan SilenceTimeout { get; }

    /// <summary>Whether what is written is acknowledged before it is flushed.</summary>
    bool AcknowledgesUnflushed { get; }

    /// <summary>How far this node is, and whether it takes part in majorities.</summary>
    (Vlsn Written, Vlsn Flushed, Vlsn Applied, bool Counts) Progress { get; }

    /// <summary>The fetch is live: it wants to be woken when the log moves.</summary>
    void Begin(LiveFetch fetch);

    /// <summary>Appends records that were proved to be transactions; waits while there is no room.</summary>
    ValueTask AppendAsync(ReadOnlyMemory<byte> frame, CancellationToken cancellation);

    /// <summary>The feeder said how far it is.</summary>
    void OnHeartbeat(in Heartbeat heartbeat);

    /// <summary>The fetch has ended.</summary>
    void End(LiveFetch fetch);
}
