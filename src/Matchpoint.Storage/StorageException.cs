namespace Matchpoint.Storage;

/// <summary>What is on disk cannot be used as it is. The message says what, where, expected, found and what to do.</summary>
internal class StorageException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>Bytes on disk are not what was written. Nothing behind them was used.</summary>
/// <param name="file">The file's path.</param>
/// <param name="position">Where in the file, in bytes.</param>
/// <param name="what">Which thing is damaged: <c>record 17: CRC-32C</c>.</param>
/// <param name="expected">What should stand there.</param>
/// <param name="found">What stands there.</param>
/// <param name="advice">What to do about it.</param>
internal sealed class DamageException(string file, long position, string what, string expected, string found, string advice)
    : StorageException($"{file} at byte {position}: {what}: expected {expected}, found {found}. {advice}")
{
    /// <summary>What to do when a file of a node with peers is damaged.</summary>
    public const string RestoreAdvice =
        "The file is left as it is. Restore this directory from a peer or a backup; "
        + "`matchpoint log verify` lists every damaged place.";

    /// <summary>The file's path.</summary>
    public string File { get; } = file;

    /// <summary>Where in the file, in bytes.</summary>
    public long Position { get; } = position;

    /// <summary>Which thing is damaged.</summary>
    public string What { get; } = what;

    /// <summary>What should stand there.</summary>
    public string Expected { get; } = expected;

    /// <summary>What stands there.</summary>
    public string Found { get; } = found;
}

/// <summary>The state cannot be used, and the log does not reach back so far that it could be built anew from it.</summary>
internal sealed class StateLostException(string message) : StorageException(message);

/// <summary>The directory or a file in it is not ours to use: not made by Matchpoint, of another group, or of a newer format.</summary>
internal sealed class ForeignException(string message) : StorageException(message);

/// <summary>
/// A write or a flush failed, so nobody knows any more what is on the device: the log takes no more records until it is opened
/// again, and nothing that waited is acknowledged.
/// </summary>
internal sealed class LogPoisonedException(string message, Exception inner) : StorageException(message, inner);

/// <summary>The log was cut below what a reader holds: what it wants to read was undone.</summary>
internal sealed class LogCutException(string message) : StorageException(message);
