using Matchpoint.Storage.Files;

namespace Matchpoint.Storage.Tests.Log;

/// <summary>Files that tell a test before each effect, so that it can do something in the very middle.</summary>
internal sealed class HookedFiles(IFileSystem inner) : IFileSystem
{
    public Action<string> Before { get; set; } = _ => { };

    public IFile Open(string path, FileOpening opening)
    {
        Tell("open", path);
        return new Hooked(this, inner.Open(path, opening));
    }

    public Guid BootId => inner.BootId;

    public bool FileExists(string path) => inner.FileExists(path);

    public bool DirectoryExists(string path) => inner.DirectoryExists(path);

    public IReadOnlyList<string> ListFiles(string directory) => inner.ListFiles(directory);

    public void CreateDirectory(string path) => inner.CreateDirectory(path);

    public void DeleteDirectory(string path) => inner.DeleteDirectory(path);

    public void Delete(string path)
    {
        Tell("delete", path);
        inner.Delete(path);
    }

    public void Rename(string from, string to)
    {
        Tell("rename", from);
        inner.Rename(from, to);
    }

    public void FlushDirectory(string path)
    {
        Tell("flush dir", path);
        inner.FlushDirectory(path);
    }

    public IDisposable Lock(string path, string holder) => inner.Lock(path, holder);

    public string? LockHolder(string path) => inner.LockHolder(path);

    private void Tell(string what, string path) => Before($"{what} {Path.GetFileName(path)}");

    private sealed class Hooked(HookedFiles owner, IFile file) : IFile
    {
        public string Path => file.Path;

        public long Length => file.Length;

        public int Read(long position, Span<byte> buffer) => file.Read(position, buffer);

        public void Write(long position, ReadOnlySpan<byte> bytes)
        {
            owner.Tell("write", Path);
            file.Write(position, bytes);
        }

        public void SetLength(long length)
        {
            owner.Tell("set length", Path);
            file.SetLength(length);
        }

        public void Flush()
        {
            owner.Tell("flush", Path);
            file.Flush();
        }

        public void Dispose() => file.Dispose();
    }
}
