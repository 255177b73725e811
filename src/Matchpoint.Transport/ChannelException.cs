using Matchpoint.Protocol.Messages;

namespace Matchpoint.Transport;

/// <summary>The channel is of no use any more, or was of none in time.</summary>
internal abstract class ChannelException(string message, Exception? inner = null) : IOException(message, inner);

/// <summary>The connection is closed: the peer said goodbye, or went without a word, or this side closed it.</summary>
internal sealed class ChannelClosedException : ChannelException
{
    /// <summary>The peer said goodbye.</summary>
    public ChannelClosedException(string peer, Goodbye goodbye)
        : base($"{peer} closed the connection: {(goodbye.Reason.Length > 0 ? goodbye.Reason : goodbye.Code.ToString())}")
    {
        Goodbye = goodbye;
    }

    /// <summary>The connection broke off.</summary>
    public ChannelClosedException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }

    /// <summary>What the peer said; null when it said nothing.</summary>
    public Goodbye? Goodbye { get; }
}

/// <summary>The peer did not do its part before the deadline.</summary>
internal sealed class ChannelTimeoutException(string peer, string awaited, TimeSpan deadline)
    : ChannelException($"{peer}: waited {deadline.TotalSeconds:0.###} s for {awaited}");

/// <summary>No connection could be made.</summary>
internal sealed class ConnectException(string message, Exception? inner = null) : ChannelException(message, inner);
