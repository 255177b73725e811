using Matchpoint.Node;

namespace Matchpoint.Copies;

/// <summary>
/// What transfers do to a node's commits: hears each flush of the log, knows how long they take when nothing is transferred, and tells the <see cref="CopyPacer"/>s of the transfers that are under
/// way. One for each opening of a node; any thread may call it.
/// </summary>
/// <param name="clock">The node's clock.</param>
internal sealed class CopyPacing(NodeClock clock)
{
    /// <summary>So many flushes without <see cref="Pause"/> between them are commits that come one after another: single ones pay little, and a copy is not held up for them.</summary>
    public const int Run = 8;

    /// <summary>After so long without a flush nobody commits.</summary>
    public static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(250);

    /// <summary>A flush that takes no longer is never slow: then the rest of a commit takes most of its time.</summary>
    public static readonly TimeSpan Quick = TimeSpan.FromMilliseconds(1);

    /// <summary>What is slow where it is not known how long a flush takes.</summary>
    public static readonly TimeSpan Unknown = TimeSpan.FromMilliseconds(10);

    private const int Remembered = 1024;
    private const int Enough = 64;
    private const double SlowOverUsual = 1.5;

    private static readonly TimeSpan GrowthInterval = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private readonly TimeSpan[] _usual = new TimeSpan[Remembered];
    private readonly List<CopyPacer> _pacers = [];
    private long _count;
    private int _run;
    private TimeSpan _flushedAt;
    private (TimeSpan Since, long Bytes) _written;
    private double _growth;

    /// <summary>The same parts, with a log that tells of its writes and flushes here too.</summary>
    public NodeParts Hear(NodeParts parts) => parts with
    {
        Log = parts.Log with
        {
            Wrote = bytes =>
            {
                parts.Log.Wrote?.Invoke(bytes);
                Wrote(bytes);
            },
            Flushed = took =>
            {
                parts.Log.Flushed?.Invoke(took);
                Flushed(took);
            },
        },
    };

    /// <summary>The log was flushed.</summary>
    /// <param name="took">How long it took.</param>
    public void Flushed(TimeSpan took)
    {
        lock (_gate)
        {
            var now = clock.Now;
            _run = now - _flushedAt > Pause ? 1 : Math.Min(_run + 1, Run);
            _flushedAt = now;
            // What they take beside a transfer is not what they take.
            if (_pacers.Count == 0) _usual[_count++ % Remembered] = took;
            if (_run < Run) return;
            foreach (var pacer in _pacers) pacer.Flushed(took, now);
        }
    }

    /// <summary>Bytes were written to the log.</summary>
    public void Wrote(int bytes)
    {
        lock (_gate)
        {
            Measure_Locked(clock.Now);
            _written.Bytes += bytes;
        }
    }

    /// <summary>A transfer begins.</summary>
    /// <param name="most">The operator's rate in bytes per second; null for as many as go.</param>
    public CopyPacer Begin(long? most)
    {
        lock (_gate)
        {
            var now = clock.Now;
            var pacer = new CopyPacer(most, Bound_Locked(), now);
            if (_run == Run && now - _flushedAt <= Pause) pacer.Flushed(TimeSpan.Zero, now);
            _pacers.Add(pacer);
            return pacer;
        }
    }

    /// <summary>A transfer has ended.</summary>
    public void End(CopyPacer pacer)
    {
        lock (_gate) _pacers.Remove(pacer);
    }

    /// <summary>How long so many bytes of a transfer must wait before they are sent.</summary>
    public TimeSpan WaitFor(CopyPacer pacer, int bytes)
    {
        lock (_gate)
        {
            var now = clock.Now;
            Measure_Locked(now);
            if (now - _flushedAt > Pause) pacer.Quiet();
            return pacer.WaitFor(bytes, _growth, now);
        }
    }

    /// <summary>The 99th percentile of what flushes take, and half as much again.</summary>
    private TimeSpan Bound_Locked()
    {
        if (_count < Enough) return Unknown;
        var known = _usual[..(int)Math.Min(_count, Remembered)];
        Array.Sort(known);
        var slow = known[known.Length * 99 / 100] * SlowOverUsual;
        return slow > Quick ? slow : Quick;
    }

    private void Measure_Locked(TimeSpan now)
    {
        var time = now - _written.Since;
        if (time < GrowthInterval) return;
        _growth = _written.Bytes / time.TotalSeconds;
        _written = (now, 0);
    }
}
