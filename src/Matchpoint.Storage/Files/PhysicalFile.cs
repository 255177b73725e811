using Microsoft.Win32.SafeHandles;

namespace Matchpoint.Storage.Files;

/// <summary>An open file of the machine.</summary>
internal sealed class PhysicalFile(string path, SafeFileHandle handle, bool writable) : IFile
{
    /// <inheritdoc/>
    public string Path => path;

    /// <inheritdoc/>
    public long Length
    {
        get
        {
            try
            {
                return RandomAccess.GetLength(handle);
            }
            catch (IOException e)
            {
                throw DiskException.Refused(path, "asking for the length", e);
            }
        }
    }

    /// <inheritdoc/>
    public int Read(long position, Span<byte> buffer)
    {
        var filled = 0;
        try
        {
            // One call may return less than there is; only 0 is the end.
            while (filled < buffer.Length)
            {
                var read = RandomAccess.Read(handle, buffer[filled..], position + filled);
                if (read == 0) break;
                filled += read;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DiskException.Read(path, position + filled, buffer.Length - filled, e);
        }

        return filled;
    }

    /// <inheritdoc/>
    public void Write(long position, ReadOnlySpan<byte> bytes)
    {
        MustBeWritable();
        try
        {
            // It goes on after a short write by itself, until all is written or the system says why not.
            RandomAccess.Write(handle, bytes, position);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DiskException.Write(path, position, bytes.Length, LengthOrUnknown(), e);
        }
    }

    /// <inheritdoc/>
    public void SetLength(long length)
    {
        MustBeWritable();
        try
        {
            RandomAccess.SetLength(handle, length);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DiskException.Refused(path, $"setting the length to {length}", e);
        }
    }

    /// <inheritdoc/>
    public void Flush()
    {
        MustBeWritable();
        DiskFlush.File(handle, path);
    }

    /// <inheritdoc/>
    public void Dispose() => handle.Dispose();

    private void MustBeWritable()
    {
        if (!writable) throw new InvalidOperationException($"{path} was opened for reading.");
    }

    private long LengthOrUnknown()
    {
        try
        {
            return RandomAccess.GetLength(handle);
        }
        catch (IOException)
        {
            return -1;
        }
    }
}
