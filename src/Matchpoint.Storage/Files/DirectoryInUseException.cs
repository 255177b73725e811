namespace Matchpoint.Storage.Files;

/// <summary>Another process, or another node in this one, holds the directory.</summary>
/// <param name="path">The lock file.</param>
/// <param name="holder">What the holder wrote into it.</param>
internal sealed class DirectoryInUseException(string path, string holder)
    : IOException($"{path}: the directory is in use by {holder}. Stop it first, or use another directory.")
{
    /// <summary>The directory.</summary>
    public string Directory { get; } = Path.GetDirectoryName(path) ?? path;

    /// <summary>What the holder wrote into the lock file.</summary>
    public string Holder { get; } = holder;
}
