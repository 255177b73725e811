using System.IO.Pipelines;

namespace Matchpoint.Transport;

/// <summary>What carries the bytes of a channel both ways: a pair of pipes in memory, a socket.</summary>
internal abstract class ByteCarrier
{
    /// <summary>Bytes from the peer.</summary>
    public abstract PipeReader Input { get; }

    /// <summary>Bytes to the peer.</summary>
    public abstract PipeWriter Output { get; }

    /// <summary>The peer as a person knows it.</summary>
    public abstract string Peer { get; }

    /// <summary>Sends no more; the peer sees the end behind what was sent, and may still send.</summary>
    public abstract void CloseOutput();

    /// <summary>Drops the connection at once, whatever is under way. May be called again.</summary>
    public abstract void Abort();
}
