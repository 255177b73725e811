using Matchpoint.Protocol.Messages;

namespace Matchpoint.Transport;

/// <summary>The channel is of no use any more, or was of none in time.</summary>
internal abstract class ChannelException(string message, Exception? inner = null) : IOException(message, inner);

/// <summary>How a channel came to its end.</summary>
internal enum ChannelEnd
{
    /// <summary>The peer said why it closes.</summary>
    Goodbye,

    /// <summary>The peer closed behind a whole frame, and said nothing.</summary>
    Silent,

    /// <summary>The peer's bytes end in the middle of a frame.</summary>
    Cut,

    /// <summary>The connection broke: the peer dropped it, or the network did.</summary>
    Reset,

    /// <summary>This side closed or dropped it.</summary>
    Here,
}

/// <summary>The connection is closed: the peer said goodbye, or went without a word, or the network broke, or this side closed it.</summary>
internal sealed class ChannelClosedException(ChannelEnd end, string message, Goodbye? goodbye = null, Exception? inner = null)
    : ChannelException(message, inner)
{
    /// <summary>Which way it ended.</summary>
    public ChannelEnd End { get; } = end;

    /// <summary>What the peer said; null when it said nothing.</summary>
    public Goodbye? Goodbye { get; } = goodbye;
}

/// <summary>The peer did not do its part before the deadline. After a missed receive the channel may still be used; after a missed send it can only be closed.</summary>
internal sealed class ChannelTimeoutException(string peer, string awaited, TimeSpan deadline)
    : ChannelException($"{peer}: waited {deadline.TotalSeconds:0.###} s for {awaited}, in vain. The peer is stopped, overloaded or cut off.")
{
    /// <summary>What did not come.</summary>
    public string Awaited { get; } = awaited;

    /// <summary>How long it was waited for.</summary>
    public TimeSpan Deadline { get; } = deadline;
}

/// <summary>No connection could be made, or no listener opened.</summary>
internal sealed class ConnectException(string message, Exception? inner = null) : ChannelException(message, inner);

/// <summary>This side does not talk to the peer: it proved to be nobody, or somebody else than was meant. The peer was told why.</summary>
internal sealed class PeerRefusedException(string message, Exception? inner = null) : ChannelException(message, inner);

/// <summary>The end of a channel as it is remembered: every later use is told the same, each with an exception of its own.</summary>
internal sealed record Ending(ChannelEnd End, string Message, Goodbye? Goodbye = null, Exception? Cause = null)
{
    /// <summary>The peer said goodbye.</summary>
    public static Ending By(string peer, Goodbye goodbye) =>
        new(ChannelEnd.Goodbye, $"{peer} closed the connection ({goodbye.Code}){(goodbye.Reason.Length > 0 ? $": {goodbye.Reason}" : ".")}", goodbye);

    /// <summary>The connection broke.</summary>
    public static Ending Reset(string peer, Exception? cause) =>
        new(ChannelEnd.Reset, $"{peer}: the connection was lost: {cause?.Message ?? "the peer dropped it."}", Cause: cause);

    /// <summary>The exception that tells it.</summary>
    public ChannelClosedException ToException() => new(End, Message, Goodbye, Cause);
}
