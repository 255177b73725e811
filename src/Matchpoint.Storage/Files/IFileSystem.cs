namespace Matchpoint.Storage.Files;

/// <summary>
/// The one narrow way to the disk. Paths are absolute or relative to the process, with <c>/</c> or the platform's separator.
/// Three implementations: the real one here, an in-memory and a faulty one beside the tests. All failures of the device
/// are <see cref="IOException"/> (or <see cref="UnauthorizedAccessException"/> where the system says so), with the path in
/// the message; nothing fails without throwing. Where the reason is known it is a <see cref="DiskException"/>, which tells a
/// full disk from a failed one.
/// </summary>
/// <remarks>
/// What is durable when: a file's bytes and length after <see cref="IFile.Flush"/> returned; a name made, replaced or removed
/// after <see cref="FlushDirectory"/> of its directory returned. Until then a crash may keep or lose any part of it,
/// in any order. After a failed flush the unflushed bytes are gone for good: flushing again proves nothing.
/// A new directory is a name in the directory above, which wants its own flush. A rename between two directories wants a
/// flush of both. The lock's file is never flushed: what it says dies with the process.
/// </remarks>
internal interface IFileSystem
{
    /// <summary>Opens a file.</summary>
    /// <exception cref="FileNotFoundException">It must exist and does not.</exception>
    /// <exception cref="DirectoryNotFoundException">It would be made, and its directory is not there.</exception>
    /// <exception cref="IOException">It must be new and is there; or the device failed.</exception>
    IFile Open(string path, FileOpening opening);

    /// <summary>Whether a file of this name is there.</summary>
    bool FileExists(string path);

    /// <summary>Whether a directory of this name is there.</summary>
    bool DirectoryExists(string path);

    /// <summary>The names (without the directory) of the files in a directory, in ordinal order.</summary>
    /// <exception cref="DirectoryNotFoundException">There is no such directory.</exception>
    IReadOnlyList<string> ListFiles(string directory);

    /// <summary>Makes a directory and those above it; nothing happens when it is there.</summary>
    void CreateDirectory(string path);

    /// <summary>Removes a directory that is empty; nothing happens when it is not there.</summary>
    /// <exception cref="IOException">Something is in it.</exception>
    void DeleteDirectory(string path);

    /// <summary>Removes a file; nothing happens when it is not there.</summary>
    void Delete(string path);

    /// <summary>Gives a file another name in one step, replacing a file that has it. Never by copying.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="DirectoryNotFoundException">There is no directory for the new name.</exception>
    void Rename(string from, string to);

    /// <summary>Makes the names in a directory durable.</summary>
    void FlushDirectory(string path);

    /// <summary>
    /// Takes the lock of a directory for this process, as long as the result is not disposed; a crash releases it.
    /// </summary>
    /// <param name="path">The lock file. Its text says who holds the lock.</param>
    /// <param name="holder">What it shall say, for whoever is turned away.</param>
    /// <exception cref="DirectoryInUseException">Somebody holds it: another process, or another node in this one.</exception>
    IDisposable Lock(string path, string holder);

    /// <summary>
    /// Which start of the machine this is: what was written before and not flushed is still there as long as it is the same. Empty where that is not
    /// known.
    /// </summary>
    Guid BootId { get; }

    /// <summary>Who holds the lock now, as the holder wrote it; null when nobody does.</summary>
    string? LockHolder(string path);
}

/// <summary>How a file is opened.</summary>
internal enum FileOpening
{
    /// <summary>For reading; it must exist.</summary>
    Read,

    /// <summary>For reading and writing; it must exist.</summary>
    ReadWrite,

    /// <summary>For reading and writing; it must not exist.</summary>
    CreateNew,

    /// <summary>For reading and writing; made when it is not there.</summary>
    OpenOrCreate,
}

/// <summary>An open file, read and written at positions. Reads may run beside one writer.</summary>
internal interface IFile : IDisposable
{
    /// <summary>The name it was opened by.</summary>
    string Path { get; }

    /// <summary>Its length in bytes.</summary>
    long Length { get; }

    /// <summary>Fills the buffer from a position; returns fewer bytes than asked for only at the end of the file.</summary>
    int Read(long position, Span<byte> buffer);

    /// <summary>Writes all the bytes at a position, making the file longer where needed. When it throws, any part of them may
    /// stand in the file.</summary>
    /// <exception cref="DiskException">The disk is full, failed or takes no changes.</exception>
    /// <exception cref="InvalidOperationException">The file was opened for reading; so for the other changes and the flush.</exception>
    void Write(long position, ReadOnlySpan<byte> bytes);

    /// <summary>Cuts the file, or makes it longer with zeros.</summary>
    void SetLength(long length);

    /// <summary>Returns when everything written before is on the device. See the remarks of <see cref="IFileSystem"/>.</summary>
    /// <exception cref="DiskException">It may not be, and will not be: do not flush again, reopen.</exception>
    void Flush();
}
