namespace Matchpoint.Simulation.Files;

/// <summary>
/// The names of a file system in memory, with the errors that the real one would give. Paths are compared by their
/// ordinal parts; the empty path (the process's directory) and the root are always there. Not safe for threads.
/// </summary>
/// <typeparam name="T">What a name stands for.</typeparam>
internal sealed class NameTable<T>
    where T : class
{
    private readonly SortedDictionary<string, T> _files = new(StringComparer.Ordinal);
    private readonly HashSet<string> _directories = new(StringComparer.Ordinal);

    /// <summary>All files, by path.</summary>
    public IEnumerable<KeyValuePair<string, T>> Files => _files;

    /// <summary>All directories but the two that are always there.</summary>
    public IEnumerable<string> Directories => _directories;

    /// <summary>One form for every way to write a path.</summary>
    public static string Normalize(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (IsNormal(path)) return path;
        var parts = new List<string>();
        foreach (var part in path.Replace(Path.DirectorySeparatorChar, '/').Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (part == "..") { if (parts.Count > 0) parts.RemoveAt(parts.Count - 1); }
            else if (part != ".") parts.Add(part);
        }

        return (Path.IsPathRooted(path) ? "/" : "") + string.Join('/', parts);
    }

    /// <summary>Whether a path has that form for certain; nearly all have, and are not taken apart.</summary>
    private static bool IsNormal(string path) =>
        Path.DirectorySeparatorChar == '/' && path.Length > 1 && path[0] == '/' && path[^1] != '/'
            && !path.Contains("//", StringComparison.Ordinal) && !path.Contains("/.", StringComparison.Ordinal);

    /// <summary>The directory of a normalized path.</summary>
    public static string DirectoryOf(string normalized)
    {
        var slash = normalized.LastIndexOf('/');
        return slash switch { < 0 => "", 0 => "/", _ => normalized[..slash] };
    }

    /// <summary>The last part of a normalized path.</summary>
    public static string NameOf(string normalized) => normalized[(normalized.LastIndexOf('/') + 1)..];

    public bool HasFile(string path) => _files.ContainsKey(Normalize(path));

    public bool HasDirectory(string path) => IsDirectory(Normalize(path));

    /// <summary>What the name stands for, or null.</summary>
    public T? Find(string path)
    {
        var name = Normalize(path);
        if (IsDirectory(name)) throw new UnauthorizedAccessException($"{path} is a directory.");
        return _files.GetValueOrDefault(name);
    }

    /// <summary>What the name stands for.</summary>
    public T Get(string path) => Find(path) ?? throw new FileNotFoundException($"{path}: there is no such file.", path);

    /// <summary>Gives a thing a name that nothing has.</summary>
    public void Add(string path, T file)
    {
        MustBeFree(path);
        _files.Add(Normalize(path), file);
    }

    /// <summary>Throws what <see cref="Add"/> would.</summary>
    public void MustBeFree(string path)
    {
        var name = Normalize(path);
        MustHaveParent(path, name);
        if (_files.ContainsKey(name) || IsDirectory(name)) throw new IOException($"{path}: there already.");
    }

    /// <summary>Gives a thing a name, whatever had it before, its directory there or not.</summary>
    public void Put(string path, T file) => _files[Normalize(path)] = file;

    public bool Remove(string path)
    {
        Find(path);
        return _files.Remove(Normalize(path));
    }

    public void Move(string from, string to)
    {
        var file = MustMove(from, to);
        _files.Remove(Normalize(from));
        _files[Normalize(to)] = file;
    }

    /// <summary>Throws what <see cref="Move"/> would; returns what would be moved.</summary>
    public T MustMove(string from, string to)
    {
        var file = Get(from);
        MustHaveParent(to, Normalize(to));
        Find(to);
        return file;
    }

    public IReadOnlyList<string> List(string directory)
    {
        var name = Normalize(directory);
        MustBeDirectory(directory);
        return [.. _files.Keys.Where(path => DirectoryOf(path) == name).Select(NameOf)];
    }

    /// <summary>Makes a directory and those above it; returns the new ones, the highest first.</summary>
    public IReadOnlyList<string> AddDirectory(string path)
    {
        var made = MissingDirectories(path);
        _directories.UnionWith(made);
        return made;
    }

    public void RemoveDirectory(string path)
    {
        var name = Normalize(path);
        if (_files.Keys.Concat(_directories).Any(other => DirectoryOf(other) == name)) throw new IOException($"{path}: not empty.");
        _directories.Remove(name);
    }

    /// <summary>What <see cref="AddDirectory"/> would make.</summary>
    public IReadOnlyList<string> MissingDirectories(string path)
    {
        var made = new List<string>();
        for (var name = Normalize(path); !IsDirectory(name); name = DirectoryOf(name))
        {
            if (_files.ContainsKey(name)) throw new IOException($"{path}: {name} is a file.");
            made.Insert(0, name);
        }

        return made;
    }

    public void MustBeDirectory(string path)
    {
        if (!HasDirectory(path)) throw new DirectoryNotFoundException($"{path}: there is no such directory.");
    }

    private bool IsDirectory(string normalized) => normalized is "" or "/" || _directories.Contains(normalized);

    private void MustHaveParent(string path, string normalized)
    {
        if (!IsDirectory(DirectoryOf(normalized))) throw new DirectoryNotFoundException($"{path}: its directory is not there.");
    }
}
