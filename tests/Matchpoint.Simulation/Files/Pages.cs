namespace Matchpoint.Simulation.Files;

/// <summary>
/// The bytes of a file in memory: pages, of which those that were never written cost nothing. One lock per file, so
/// reads and writes of one position are whole, as they are on a disk. A copy shares the pages until one side writes.
/// </summary>
internal sealed class Pages
{
    private const int PageBytes = 4096;

    private readonly Lock _lock = new();
    private readonly List<Page> _pages = [];
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
                if (_pages[page].Bytes is { } bytes) bytes.AsSpan(offset, part.Length).CopyTo(part);
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
                part.CopyTo(Own_Locked(page).AsSpan(offset));
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
            for (var i = 0; i < _pages.Count; i++) _pages[i] = _pages[i] with { Shared = true };
            copy._pages.AddRange(_pages);
            copy._length = _length;
        }

        return copy;
    }

    private static (int Page, int Offset) Locate(long position) => ((int)(position / PageBytes), (int)(position % PageBytes));

    private byte[] Own_Locked(int page)
    {
        var (bytes, shared) = _pages[page];
        if (bytes is not null && !shared) return bytes;
        bytes = (byte[]?)bytes?.Clone() ?? new byte[PageBytes];
        _pages[page] = new Page(bytes, Shared: false);
        return bytes;
    }

    private void Resize_Locked(long length)
    {
        var pages = (int)((length + PageBytes - 1) / PageBytes);
        if (pages < _pages.Count) _pages.RemoveRange(pages, _pages.Count - pages);
        while (_pages.Count < pages) _pages.Add(default);

        // Behind the end of a shortened file only zeros may show when it grows again.
        var (last, used) = Locate(length);
        if (length < _length && used != 0 && _pages[last].Bytes is not null) Own_Locked(last).AsSpan(used).Clear();
        _length = length;
    }

    private readonly record struct Page(byte[]? Bytes, bool Shared);
}
