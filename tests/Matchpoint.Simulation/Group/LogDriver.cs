using Matchpoint.Simulation.World;
using Matchpoint.Storage.Log;

namespace Matchpoint.Simulation.Group;

/// <summary>Drains a log as a disk of some speed would let its thread do it.</summary>
internal sealed class LogDriver(RecordLog log, Scheduler scheduler, IOwner owner, Func<TimeSpan> latency) : ILogDriver
{
    private bool _isQueued;
    private bool _isWritten;
    private bool _isDisposed;

    /// <inheritdoc/>
    public void Wake()
    {
        if (_isQueued || _isDisposed) return;
        _isQueued = true;
        scheduler.After(latency(), owner, Drain);
    }

    /// <inheritdoc/>
    public void Dispose() => _isDisposed = true;

    private void Drain()
    {
        _isQueued = false;
        if (_isDisposed) return;
        // First it is written, a while later it is on the device.
        _isWritten = !_isWritten && log.HasWork;
        log.Drain(mayFlush: !_isWritten);
        if (log.HasWork) Wake();
    }
}
