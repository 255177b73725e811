using System.Globalization;

namespace Matchpoint.Cli.Terminal;

/// <summary>
/// Shows how far something is that moves many bytes: bytes, rate, time left. On a terminal in one line that is written over; redirected, in plain lines now and then, and at the end.
/// </summary>
internal sealed class TransferProgress(string what, bool quiet) : IProgress<BackupProgress>
{
    private static readonly TimeSpan LineInterval = TimeSpan.FromSeconds(5);

    private readonly long _began = TimeProvider.System.GetTimestamp();
    private readonly bool _isPlain = Console.IsOutputRedirected;
    private TimeSpan _toldAt;
    private int _width;

    /// <summary>So many bytes of so many, where nobody else keeps count.</summary>
    public void Report(long bytes, long total)
    {
        var time = TimeProvider.System.GetElapsedTime(_began);
        if (bytes < total && time - _toldAt < (_isPlain ? LineInterval : TimeSpan.FromMilliseconds(200))) return;
        var rate = time > TimeSpan.Zero ? bytes / time.TotalSeconds : 0;
        Report(new BackupProgress(bytes, total, bytes, rate, rate > 0 ? TimeSpan.FromSeconds((total - bytes) / rate) : null));
    }

    /// <inheritdoc/>
    public void Report(BackupProgress value)
    {
        if (quiet) return;
        var isEnd = value.Bytes >= value.TotalBytes;
        var time = TimeProvider.System.GetElapsedTime(_began);
        if (_isPlain && !isEnd && time - _toldAt < LineInterval) return;
        _toldAt = time;
        var share = value.TotalBytes > 0 ? 100.0 * value.Bytes / value.TotalBytes : 100;
        var left = value.Left is { } rest && !isEnd ? string.Create(CultureInfo.InvariantCulture, $", {rest.TotalSeconds:0} s left") : "";
        var line = string.Create(
            CultureInfo.InvariantCulture, $"{what}: {share:0} %, {Show.Bytes(value.Bytes)} of {Show.Bytes(value.TotalBytes)}, {Show.Bytes(value.BytesPerSecond)}/s{left}");
        if (_isPlain)
        {
            Console.Out.WriteLine(line);
            return;
        }

        Console.Out.Write('\r' + line.PadRight(_width));
        _width = line.Length;
        if (isEnd) Console.Out.WriteLine();
    }
}
