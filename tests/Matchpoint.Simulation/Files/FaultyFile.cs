using Matchpoint.Storage.Files;

namespace Matchpoint.Simulation.Files;

/// <summary>An open file of a <see cref="FaultyFiles"/>.</summary>
internal sealed class FaultyFile(FaultyFiles files, string path, CachedFile file, bool writable) : IFile
{
    private bool _disposed;

    /// <inheritdoc/>
    public string Path => path;

    /// <inheritdoc/>
    public long Length => files.Length(Open());

    /// <inheritdoc/>
    public int Read(long position, Span<byte> buffer) => files.Read(path, Open(), position, buffer);

    /// <inheritdoc/>
    public void Write(long position, ReadOnlySpan<byte> bytes) => files.Write(path, Writable(), position, bytes);

    /// <inheritdoc/>
    public void SetLength(long length) => files.SetLength(path, Writable(), length);

    /// <inheritdoc/>
    public void Flush() => files.Flush(path, Writable());

    /// <inheritdoc/>
    public void Dispose() => _disposed = true;

    private CachedFile Open()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return file;
    }

    private CachedFile Writable() => writable ? Open() : throw new InvalidOperationException($"{path} was opened for reading.");
}
