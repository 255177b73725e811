using Matchpoint.Storage.Files;

namespace Matchpoint.Simulation.Files;

/// <summary>An open file in memory. Its bytes outlive its name, as on a disk.</summary>
internal sealed class MemoryFile(string path, Pages pages, bool writable) : IFile
{
    private bool _disposed;

    /// <inheritdoc/>
    public string Path => path;

    /// <inheritdoc/>
    public long Length => Open().Length;

    /// <inheritdoc/>
    public int Read(long position, Span<byte> buffer) => Open().Read(position, buffer);

    /// <inheritdoc/>
    public void Write(long position, ReadOnlySpan<byte> bytes) => Writable().Write(position, bytes);

    /// <inheritdoc/>
    public void SetLength(long length) => Writable().SetLength(length);

    /// <inheritdoc/>
    public void Flush() => Writable();

    /// <inheritdoc/>
    public void Dispose() => _disposed = true;

    private Pages Open()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return pages;
    }

    private Pages Writable() => writable ? Open() : throw new InvalidOperationException($"{path} was opened for reading.");
}
