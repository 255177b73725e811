using Matchpoint.Storage.Backups;

namespace Matchpoint.Backups;

/// <summary>Tells how far a backup is: not too often, and at its end.</summary>
internal sealed class BackupMeter(BackupTarget target, TimeProvider time, IProgress<BackupProgress>? progress)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(200);

    private readonly long _began = time.GetTimestamp();
    private TimeSpan _toldAt = -Interval;

    /// <summary>More of it is there.</summary>
    public void Moved()
    {
        var now = time.GetElapsedTime(_began);
        if (target.Present < target.TotalBytes && now - _toldAt < Interval) return;
        _toldAt = now;
        var rate = now > TimeSpan.Zero ? target.Present / now.TotalSeconds : 0;
        TimeSpan? left = rate > 0 ? TimeSpan.FromSeconds((target.TotalBytes - target.Present) / rate) : null;
        progress?.Report(new BackupProgress(target.Present, target.TotalBytes, target.Written, rate, left));
    }
}
