using Matchpoint.Storage.Files;

namespace Matchpoint.Client;

/// <summary>Answers what concerns the node itself: how it is, what it remembers, what was undone here.</summary>
internal sealed class JournalAnswers(MatchpointNode node)
{
    private const int BytesPerPart = 256 * 1024;

    /// <summary>The one answer.</summary>
    /// <exception cref="FormatException">Nothing of that name can be asked.</exception>
    public ClientAnswer Answer(string op) => op switch
    {
        "overview" => new ClientAnswer { Overview = node.Journal.Overview() },
        "journal" => new ClientAnswer { Journal = node.Journal.Page() },
        _ => throw new FormatException($"operation \"{op}\" is not known here: is the tool newer than the node?"),
    };

    /// <summary>An export, as it lies on the disk, in parts.</summary>
    /// <exception cref="FormatException">There is none of that name.</exception>
    public IEnumerable<ClientAnswer> Export(string? name)
    {
        using var directory = node.Journal.OpenDirectory();
        // Only what is listed can be asked for: a name is no path.
        if (name is null || !directory.Files.DirectoryExists(directory.RollbacksPath) || !directory.Files.ListFiles(directory.RollbacksPath).Contains(name))
            throw new FormatException($"there is no export \"{name}\" on node '{node.Options.Name}': its journal names them.");
        using var file = directory.Files.Open(Path.Combine(directory.RollbacksPath, name), FileOpening.Read);
        var buffer = new byte[BytesPerPart];
        long at = 0;
        while (file.Read(at, buffer) is > 0 and var read)
        {
            at += read;
            yield return new ClientAnswer { IsLast = false, Value = buffer[..read] };
        }

        yield return new ClientAnswer();
    }
}
