using System.Collections.Immutable;
using Matchpoint.Protocol.Messages;

namespace Matchpoint.Storage.Copies;

/// <summary>
/// The digests of a state's sorted files, so that the next picture need not read all of it again before its first chunk goes out. Such a file never changes and its name is never given again as
/// long as the state is open; of each chunk that is sent the digest is taken anew, and what the disk has changed since is found. Holds those of one picture. Not for two threads at once.
/// </summary>
internal sealed class KnownDigests
{
    private Dictionary<string, CopyFile> _known = new(StringComparer.Ordinal);

    /// <summary>The description of a file whose digests are known; null when it must be read.</summary>
    public CopyFile? TryGet(string name, long length) => _known.TryGetValue(name, out var file) && file.Length == length ? file : null;

    /// <summary>Remembers the files of a picture, and no others.</summary>
    public void Remember(ImmutableArray<CopyFile> files) =>
        _known = files.Where(static file => file.Name.StartsWith("state/", StringComparison.Ordinal) && file.Name.EndsWith(".sst", StringComparison.Ordinal))
            .ToDictionary(static file => file.Name, StringComparer.Ordinal);

    /// <summary>A file was not what it was known as: all are read again.</summary>
    public void Forget() => _known.Clear();
}
