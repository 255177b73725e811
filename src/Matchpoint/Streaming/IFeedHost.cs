using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;

namespace Matchpoint.Streaming;

/// <summary>What a live feed needs of its node.</summary>
internal interface IFeedHost
{
    /// <summary>Where deadlines come from.</summary>
    TimeProvider Time { get; }

    /// <summary>The highest record known to be durable.</summary>
    Vlsn Durable { get; }

    /// <summary>How often the feed makes itself heard when nothing happens.</summary>
    TimeSpan HeartbeatInterval { get; }

    /// <summary>
    /// What a heartbeat says of when it was sent: on the primary its clock now; on a replica what it last heard from its own feeder, so that a feed
    /// never claims to have heard the primary
    /// later than it did. Null when there is nothing to be said.
    /// </summary>
    long? HeartbeatStamp { get; }

    /// <summary>The feed is live: it wants to be woken when the log moves.</summary>
    void Begin(LiveFeed feed);

    /// <summary>A replica said how far it is: the one that is fed, or one further on that it feeds.</summary>
    /// <param name="reign">The term as of whose primary it is fed: it holds the records of that one.</param>
    /// <param name="replica">Its name.</param>
    /// <param name="progress">What it said.</param>
    void OnAcknowledge(Term reign, string replica, in Acknowledge progress);

    /// <summary>The feed has ended.</summary>
    void End(LiveFeed feed);
}
