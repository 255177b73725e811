namespace Matchpoint.Simulation.Files;

/// <summary>
/// The bytes of a file in memory: pages, of which those that were never written cost nothing. One lock per file, so
/// reads and writes of one position are whole, as they are on a disk.
/// </summary>
internal sealed class Pages
{
    private const int PageBytes = 4096;

    private readonly Lock _lock = new();
    private readonly List<byte[]?> _pages = [];
    private long _length;

    public long Length
    {
        get { lock (_lock) return _length; }
    }

    public int Read(long position, Span<byte> buffer)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(position);
        lock (_lock)
        {
            var count = (int)Math.Clamp(_length - position, 0, buffer.Length);
            for (var done = 0; done < count;)
            {
                var (page, offset) = Locate(position + done);
                var part = buffer.Slice(done, Math.Min(PageBytes - offset, count - done));
                if (_pages[page] is { } bytes) bytes.AsSpan(offset, part.Length).CopyTo(part);
                else part.Clear();
                done += part.Length;
            }

            return count;
        }
    }

    public void Write(long position, ReadOnlySpan<byte> bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(position);
        if (bytes.IsEmpty) return;
        lock (_lock)
        {
            if (position + bytes.Length > _length) Resize_Locked(position + bytes.Length);
            for (var done = 0; done < bytes.Length;)
            {
                var (page, offset) = Locate(position + done);
                var part = bytes.Slice(done, Math.Min(PageBytes - offset, bytes.Length - done));
                part.CopyTo((_pages[page] ??= new byte[PageBytes]).AsSpan(offset));
                done += part.Length;
            }
        }
    }

    public void SetLength(long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        lock (_lock) Resize_Locked(length);
    }

    public Pages Copy()
    {
        var copy = new Pages();
        lock (_lock)
        {
            foreach (var page in _pages) copy._pages.Add((byte[]?)page?.Clone());
            copy._length = _length;
        }

        return copy;
    }

    private static (int Page, int Offset) Locate(long position) => ((int)(position / PageBytes), (int)(position % PageBytes));

    private void Resize_Locked(long length)
    {
        var pages = (int)((length + PageBytes - 1) / PageBytes);
        if (pages < _pages.Count) _pages.RemoveRange(pages, _pages.Count - pages);
        while (_pages.Count < pages) _pages.Add(null);

        // Behind the end of a shortened file only zeros may show when it grows again.
        var (last, used) = Locate(length);
        if (length < _length && used != 0) _pages[last]?.AsSpan(used).Clear();
        _length = length;
    }
}
