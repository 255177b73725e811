using System.IO.Pipelines;

namespace Matchpoint.Transport;

/// <summary>
/// What carries the bytes of a channel both ways: a pair of pipes in memory, a socket. The channel above it uses <see cref="Input"/> from one task at a time and
/// <see cref="Output"/> from one task at a time; only <see cref="Abort"/> may come from anywhere.
/// </summary>
internal abstract class ByteCarrier
{
    /// <summary>Bytes from the peer.</summary>
    public abstract PipeReader Input { get; }

    /// <summary>Bytes to the peer.</summary>
    public abstract PipeWriter Output { get; }

    /// <summary>The peer as a person knows it.</summary>
    public abstract string Peer { get; }

    /// <summary>
    /// The longest frame that may be left lying in <see cref="Input"/> while the session looks at it. Where what was not yet taken holds up the peer, a longer one
    /// is copied out: else two sessions that answer each other before they receive again would wait for each other.
    /// </summary>
    public virtual int MostHeldBytes => int.MaxValue;

    /// <summary>Whether the peer dropped the connection. A carrier whose reads and writes fail by themselves never says so.</summary>
    public virtual bool IsReset => false;

    /// <summary>Sends no more; the peer sees the end behind what was sent, and may still send.</summary>
    public abstract void CloseOutput();

    /// <summary>Lets go of the connection; what was sent still arrives.</summary>
    public abstract void Close();

    /// <summary>
    /// Drops the connection at once, whatever is under way and whatever has not arrived: the peer's waits end. It does not complete the pipes: their memory may
    /// be in use by the tasks that are interrupted. May be called again, and after <see cref="Close"/>.
    /// </summary>
    public abstract void Abort();
}
