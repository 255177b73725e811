using Matchpoint.Node;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;
using Matchpoint.Storage.Copies;

namespace Matchpoint.Copies;

/// <summary>
/// A picture whose member went before it had all: it is kept for some minutes, so that the member goes on with the same one, and lacks only the chunks that had not arrived. There is one at most.
/// </summary>
internal sealed class CopyPicture(NodeClock clock) : IDisposable
{
    /// <summary>How long a picture waits for its member. It holds on to files that the state has replaced meanwhile.</summary>
    public static readonly TimeSpan Patience = LogRetention.HoldSilence;

    private readonly Lock _gate = new();
    private (CopySource Source, NodeId Node)? _kept;
    private ITimer? _timer;
    private bool _isDisposed;

    /// <summary>Keeps a picture for a member, instead of the one that was kept before.</summary>
    public void Keep(CopySource source, NodeId node)
    {
        CopySource? replaced;
        lock (_gate)
        {
            replaced = _isDisposed ? source : _kept?.Source;
            if (!_isDisposed)
            {
                _kept = (source, node);
                _timer ??= clock.Time.CreateTimer(static self => ((CopyPicture)self!).Drop(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
                _timer.Change(Patience, Timeout.InfiniteTimeSpan);
            }
        }

        replaced?.Dispose();
    }

    /// <summary>The picture that was kept for a member, if it still serves it; one that does not is given up.</summary>
    public CopySource? Take(in CopyRequest request)
    {
        (CopySource Source, NodeId Node)? kept;
        lock (_gate)
        {
            kept = _kept;
            _kept = null;
        }

        if (kept is not { } picture) return null;
        if (picture.Node == request.Node && picture.Source.Offer.Last.Next >= request.NeededFrom) return picture.Source;
        picture.Source.Dispose();
        return null;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_gate) _isDisposed = true;
        Drop();
        _timer?.Dispose();
    }

    private void Drop()
    {
        CopySource? dropped;
        lock (_gate)
        {
            dropped = _kept?.Source;
            _kept = null;
        }

        dropped?.Dispose();
    }
}
