namespace Matchpoint.Storage.Log;

/// <summary>
/// The log's own threads: one writes and flushes what was appended, one flushes complete segments beside it. While a flush is
/// under way the next batch collects by itself: the slower the disk, the larger the batches.
/// </summary>
internal sealed class LogPump : ILogDriver
{
    /// <summary>So long nothing must be appended before complete segments are flushed: flushing them competes with writing.</summary>
    private static readonly TimeSpan IdleBeforeFlush = TimeSpan.FromMilliseconds(100);

    private readonly RecordLog _log;
    private readonly SegmentStore _store;
    private readonly Thread _writer;
    private readonly Thread _flusher;
    private readonly SemaphoreSlim _work = new(0);
    private readonly SemaphoreSlim _segments = new(0);
    private int _writerSleeps;
    private volatile bool _stopping;

    /// <summary>Starts the threads.</summary>
    public LogPump(RecordLog log, SegmentStore store)
    {
        _log = log;
        _store = store;
        _writer = new Thread(Write) { IsBackground = true, Name = "matchpoint log writer" };
        _flusher = new Thread(FlushSegments) { IsBackground = true, Name = "matchpoint segment flusher" };
        _writer.Start();
        _flusher.Start();
    }

    /// <inheritdoc/>
    /// <remarks>It costs a read while the writer is busy anyway.</remarks>
    public void Wake()
    {
        if (Volatile.Read(ref _writerSleeps) == 1 && Interlocked.Exchange(ref _writerSleeps, 0) == 1) _work.Release();
    }

    /// <summary>Stops the threads, letting a batch under way finish.</summary>
    public void Dispose()
    {
        _stopping = true;
        Interlocked.Exchange(ref _writerSleeps, 0);
        _work.Release();
        _segments.Release();
        _writer.Join();
        _flusher.Join();
        Interlocked.Exchange(ref _writerSleeps, 0); // Nobody wakes a writer that is gone.
        _work.Dispose();
        _segments.Dispose();
    }

    private void Write()
    {
        while (!_stopping)
        {
            while (!_stopping && _log.Drain())
            {
                if (_store.HasTooManyUnflushed) WakeFlusher();
            }

            // Announce the sleep first, look again, then sleep: work that came in between is seen by one side or the other.
            Interlocked.Exchange(ref _writerSleeps, 1);
            if (_stopping || (_log.HasWork && Interlocked.Exchange(ref _writerSleeps, 0) == 1)) continue;
            if (_work.Wait(IdleBeforeFlush)) continue;
            if (_store.HasUnflushed) WakeFlusher();
            _work.Wait();
        }
    }

    private void WakeFlusher()
    {
        if (_segments.CurrentCount == 0) _segments.Release();
    }

    private void FlushSegments()
    {
        while (true)
        {
            _segments.Wait();
            if (_stopping) return;
            try
            {
                _store.FlushCompleteSegments();
            }
            catch (Exception error)
            {
                _log.Poison(error, "flush a complete segment");
                return;
            }
        }
    }
}
