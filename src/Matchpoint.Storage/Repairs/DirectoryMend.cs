using Matchpoint.Protocol.Identities;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.Log;

namespace Matchpoint.Storage.Repairs;

/// <summary>
/// Makes a directory that cannot even be opened fit to be opened again: whose it is, or where its log and state lie, is gone or damaged. What it holds tells: the segments name their
/// group, and only one place holds positions. Only for a node with peers, which takes no part afterwards until it has caught up.
/// </summary>
internal static class DirectoryMend
{
    /// <summary>Neither file is ever as long; what is damaged may be longer, and as much of it is looked at and kept.</summary>
    private const int SmallFileBytes = 4096;

    private static readonly string[] Contents = ["", "copy-1", "copy-2"];

    /// <summary>Looks at a directory and mends what can be mended; what cannot is left for the opening to refuse.</summary>
    /// <param name="files">The way to the disk.</param>
    /// <param name="path">The directory.</param>
    /// <param name="holder">What its lock says meanwhile.</param>
    /// <param name="fresh">The identity that a new node would get.</param>
    /// <returns>What was done, one sentence each.</returns>
    /// <exception cref="DirectoryInUseException">Another process or node holds it.</exception>
    public static IReadOnlyList<string> Mend(IFileSystem files, string path, string holder, NodeIdentity fresh)
    {
        path = Path.GetFullPath(path);
        if (!files.DirectoryExists(path) || (IsIdentitySound(files, path) && WhyContentLost(files, path) is null)) return [];
        using var held = files.Lock(Path.Combine(path, "LOCK"), holder);
        var done = new List<string>();
        if (!IsIdentitySound(files, path) && IsOfGroup(files, path, fresh.Group))
        {
            var aside = Keep(files, path, "identity");
            fresh.Write(files, Path.Combine(path, "identity"));
            done.Add($"the file identity was gone or damaged{aside}: what the log holds is of this group, so the node got a new one");
        }

        if (WhyContentLost(files, path) is { } why && UsedContent(files, path) is { } copy)
        {
            var aside = Keep(files, path, "content");
            if (copy > 0)
            {
                ContentSwitch.Write(files, Path.Combine(path, "content"), copy);
            }
            else
            {
                files.Delete(Path.Combine(path, "content"));
                files.FlushDirectory(path);
            }

            done.Add($"the file content {why}{aside}: log and state lie in '{Path.Combine(path, Contents[copy])}', the only place that holds positions");
        }

        return done;
    }

    /// <summary>
    /// Takes note, durably, that this node cannot rely on what it has: it takes no part until it has caught up. A ballot that cannot be read is set aside.
    /// </summary>
    /// <returns>What was done to the ballot, in words; null when it was sound.</returns>
    public static string? Fence(DataDirectory directory)
    {
        string? done = null;
        try
        {
            BallotFile.Open(directory, hasRecords: true).DoubtLog();
        }
        catch (DamageException damage)
        {
            var aside = Aside.Move(directory, directory.BallotPath);
            BallotFile.Open(directory, hasRecords: true).ForgetLog();
            done = $"{damage.File} was damaged ({damage.What}) and is {aside} now";
        }

        return done;
    }

    private static bool IsIdentitySound(IFileSystem files, string path)
    {
        if (!DataDirectory.Exists(files, path)) return !Contents.Any(content => SegmentsOf(files, path, content).Any());
        try
        {
            NodeIdentity.Read(files, Path.Combine(path, "identity"));
            return true;
        }
        catch (DamageException)
        {
            return false;
        }
        catch (ForeignException)
        {
            // A flipped bit in its first bytes looks like this. What has them is of a newer format, and sound.
            return DurableFile.Read(files, Path.Combine(path, "identity"), SmallFileBytes).AsSpan().StartsWith("MPNODE\0\0"u8);
        }
    }

    private static bool IsOfGroup(IFileSystem files, string path, GroupId group)
    {
        var (found, holds) = (false, false);
        Span<byte> header = stackalloc byte[SegmentHeader.Size];
        foreach (var content in Contents)
        {
            foreach (var segment in SegmentsOf(files, path, content))
            {
                using var file = files.Open(segment, FileOpening.Read);
                if (!SegmentHeader.TryParseName(Path.GetFileName(segment), out var first)) continue;
                try
                {
                    SegmentHeader.Read(header[..file.Read(0, header)], segment, group, first);
                    found = true;
                }
                catch (DamageException)
                {
                    // It tells nothing; others may. One of which nothing was ever flushed held nothing: its first bytes were never written whole.
                    holds |= WasFlushed(files, Path.Combine(path, content, "positions"), first);
                }
                catch (ForeignException)
                {
                    return false;
                }
            }
        }

        // Where there is no record at all, there is none of another group either.
        return found || !holds;
    }

    private static bool WasFlushed(IFileSystem files, string positions, Lsn first)
    {
        try
        {
            return PositionsFile.Read(files, positions) is not { } known || known.Flushed > first;
        }
        catch (StorageException)
        {
            return true; // Nobody knows.
        }
    }

    private static string? WhyContentLost(IFileSystem files, string path)
    {
        var name = Path.Combine(path, "content");
        if (!files.FileExists(name)) return !HasPositions(files, path, "") && Contents.Any(content => HasPositions(files, path, content)) ? "was gone" : null;
        try
        {
            ContentSwitch.Read(files, name);
            return null;
        }
        catch (DamageException)
        {
            return "was damaged";
        }
    }

    /// <summary>The one place that holds positions; null where none or several do.</summary>
    private static int? UsedContent(IFileSystem files, string path)
    {
        var used = Enumerable.Range(0, Contents.Length).Where(copy => HasPositions(files, path, Contents[copy])).ToList();
        return used.Count == 1 ? used[0] : null;
    }

    private static bool HasPositions(IFileSystem files, string path, string content) => files.FileExists(Path.Combine(path, content, "positions"));

    private static IEnumerable<string> SegmentsOf(IFileSystem files, string path, string content)
    {
        var log = Path.Combine(path, content, "log");
        return files.DirectoryExists(log) ? files.ListFiles(log).Where(static name => SegmentHeader.TryParseName(name, out _)).Select(name => Path.Combine(log, name)) : [];
    }

    /// <summary>Keeps a copy of a file that is about to be replaced: until then it stays, so that whoever comes after a crash finds as much as this one.</summary>
    private static string Keep(IFileSystem files, string path, string name)
    {
        var from = Path.Combine(path, name);
        if (!files.FileExists(from)) return "";
        var damaged = Path.Combine(path, "damaged");
        files.CreateDirectory(damaged);
        files.FlushDirectory(path);
        var i = 1;
        while (files.FileExists(Path.Combine(damaged, $"{name}.{i}"))) i++;
        var to = Path.Combine(damaged, $"{name}.{i}");
        using (var file = files.Open(from, FileOpening.Read))
        {
            var bytes = new byte[Math.Min(file.Length, SmallFileBytes)];
            DurableFile.Replace(files, to, bytes.AsSpan(0, file.Read(0, bytes)));
        }

        return $" (what was there is {to} now)";
    }
}
