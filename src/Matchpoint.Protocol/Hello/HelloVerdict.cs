using Matchpoint.Protocol.Messages;

namespace Matchpoint.Protocol.Hello;

/// <summary>Why a peer was not let in.</summary>
internal enum RefusalReason
{
    /// <summary>The peer's log belongs to another group.</summary>
    WrongGroup,

    /// <summary>No protocol version is spoken by both.</summary>
    NoCommonVersion,

    /// <summary>The peer has the node id that this node has itself.</summary>
    OwnNode,

    /// <summary>The peer's clock and ours are too far apart.</summary>
    ClockSkew,

    /// <summary>The feeder holds no records at all: it could feed nothing, and a search against it would end in a restore.</summary>
    NothingToFeed,

    /// <summary>The group has no member of that name.</summary>
    UnknownNode,

    /// <summary>Another node of that name is connected, or this node has that name itself.</summary>
    NameTaken,

    /// <summary>The feeder is not the primary of the current term, nor fed by it.</summary>
    NotPrimary,

    /// <summary>The peer says that it is one member, and its certificate is for another, or for a client.</summary>
    WrongCertificate,
}

/// <summary>What became of a hello.</summary>
internal abstract record HelloVerdict
{
    private HelloVerdict()
    {
    }

    /// <summary>The peer is let in.</summary>
    /// <param name="Version">The version spoken from here on.</param>
    public sealed record Admitted(ushort Version) : HelloVerdict;

    /// <summary>The peer is not let in.</summary>
    /// <param name="Reason">Why.</param>
    /// <param name="Sentence">Why in words, with both values; it goes to both sides.</param>
    public sealed record Refused(RefusalReason Reason, string Sentence) : HelloVerdict
    {
        /// <summary>What is said to the peer.</summary>
        public GoodbyeCode Code => Reason switch
        {
            RefusalReason.UnknownNode => GoodbyeCode.NotAMember,
            RefusalReason.NothingToFeed or RefusalReason.NotPrimary => GoodbyeCode.NotNow,
            _ => GoodbyeCode.Refused,
        };
    }
}
