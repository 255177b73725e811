namespace Matchpoint.Simulation.Files;

/// <summary>
/// A device behind a cache, without faults: what reads see, what is durable, and the changes in between, in the order in
/// which they were made. Not safe for threads.
/// </summary>
/// <remarks>
/// A flush of a file makes its bytes and its length durable, not its name; a flush of a directory makes the names in it
/// durable, not the files' bytes, and the directory's own name only with a flush of the directory above. A rename between
/// two directories takes a flush of both; after one of them a power cut may show the file twice, or not at all.
/// </remarks>
internal sealed class CachedDisk
{
    private readonly Dictionary<string, CachedFile> _durableFiles = new(StringComparer.Ordinal);
    private readonly HashSet<string> _durableDirectories = new(StringComparer.Ordinal);
    private List<Unflushed> _unflushed = [];

    /// <summary>Starts with everything durable.</summary>
    public CachedDisk(MemoryFiles image)
    {
        var (files, directories) = image.Copy();
        foreach (var directory in directories) Names.AddDirectory(directory);
        _durableDirectories.UnionWith(directories);
        foreach (var (path, pages) in files) AddDurable(path, pages);
    }

    /// <summary>What reads see.</summary>
    public NameTable<CachedFile> Names { get; } = new();

    /// <summary>What a power cut would decide about.</summary>
    public IReadOnlyList<Unflushed> Unflushed => _unflushed;

    /// <summary>The bytes that the files take.</summary>
    public long Used => Names.Files.Sum(file => file.Value.Now.Length);

    /// <summary>A file that is durable from the start.</summary>
    public CachedFile AddDurable(string path, Pages pages)
    {
        var file = new CachedFile(pages, pages.Copy());
        Names.Add(path, file);
        _durableFiles.Add(NameTable<CachedFile>.Normalize(path), file);
        return file;
    }

    public CachedFile Create(string text, string path)
    {
        var file = new CachedFile(new Pages(), new Pages());
        Names.Add(path, file);
        Rename(text, new NameChange(NameTable<CachedFile>.Normalize(path), file));
        return file;
    }

    public void Delete(string text, string path)
    {
        Names.Remove(path);
        Rename(text, new NameChange(NameTable<CachedFile>.Normalize(path), null));
    }

    public void Rename(string text, string from, string to)
    {
        var file = Names.Get(from);
        Names.Move(from, to);
        Rename(text,
            new NameChange(NameTable<CachedFile>.Normalize(from), null),
            new NameChange(NameTable<CachedFile>.Normalize(to), file));
    }

    public void CreateDirectory(string text, string path)
    {
        Names.AddDirectory(path);
        _unflushed.Add(new Unflushed.Folder(text, NameTable<CachedFile>.Normalize(path), IsThere: true));
    }

    public void DeleteDirectory(string text, string path)
    {
        Names.RemoveDirectory(path);
        _unflushed.Add(new Unflushed.Folder(text, NameTable<CachedFile>.Normalize(path), IsThere: false));
    }

    public void Write(Unflushed.Bytes write)
    {
        if (write.Content.IsEmpty) return;
        write.File.Now.Write(write.Position, write.Content.Span);
        _unflushed.Add(write);
    }

    public void SetLength(string text, CachedFile file, long length)
    {
        file.Now.SetLength(length);
        _unflushed.Add(new Unflushed.Length(text, file, length));
    }

    public void Flush(CachedFile file)
    {
        foreach (var change in _unflushed.Where(change => IsOf(change, file))) Apply(change, file.Durable);
        Lose(file);
    }

    /// <summary>The device failed to take the file's changes: reads go on seeing them, and no flush will ever write them.</summary>
    public void Lose(CachedFile file) => _unflushed.RemoveAll(change => IsOf(change, file));

    public bool HasUnflushed(CachedFile file) => _unflushed.Exists(change => IsOf(change, file));

    public bool HasUnflushedNames(string path)
    {
        var directory = NameTable<CachedFile>.Normalize(path);
        return _unflushed.Exists(change => change switch
        {
            Unflushed.Folder folder => IsIn(directory, folder.Path),
            Unflushed.Names names => names.Changes.Any(name => IsIn(directory, name.Path)),
            _ => false,
        });
    }

    public void FlushDirectory(string path) => SettleDirectory(path, keep: true);

    /// <summary>As <see cref="Lose"/>, for the names in a directory.</summary>
    public void LoseDirectory(string path) => SettleDirectory(path, keep: false);

    /// <summary>Everything is durable, as after a flush of each file and directory.</summary>
    public void FlushAll()
    {
        foreach (var file in Names.Files.Select(file => file.Value).ToArray()) Flush(file);
        foreach (var directory in Names.Directories.Concat(["", "/"]).ToArray()) FlushDirectory(directory);
    }

    /// <summary>Turns bits of one byte wherever it stands: in the cache, on the device, and on the way there.</summary>
    public void Flip(CachedFile file, long position, byte bits)
    {
        // A test that damages nothing proves nothing.
        ArgumentOutOfRangeException.ThrowIfNegative(position);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(position, Math.Max(file.Now.Length, file.Durable.Length));
        foreach (var pages in new[] { file.Now, file.Durable })
        {
            var found = new byte[1];
            if (pages.Read(position, found) == 1) pages.Write(position, [(byte)(found[0] ^ bits)]);
        }

        for (var i = 0; i < _unflushed.Count; i++)
        {
            if (_unflushed[i] is not Unflushed.Bytes write || write.File != file) continue;
            var offset = position - write.Position;
            if (offset < 0 || offset >= write.Content.Length) continue;
            var content = write.Content.ToArray();
            content[offset] ^= bits;
            _unflushed[i] = write with { Content = content };
        }
    }

    public PowerCut PowerCut(bool bySector) => new(_durableFiles, _durableDirectories, _unflushed, bySector);

    /// <summary>Makes one change to a file's bytes.</summary>
    public static void Apply(Unflushed change, Pages pages)
    {
        switch (change)
        {
            case Unflushed.Bytes write: pages.Write(write.Position, write.Content.Span); break;
            case Unflushed.Length length: pages.SetLength(length.Value); break;
            case Unflushed.Longer longer: pages.SetLength(Math.Max(pages.Length, longer.AtLeast)); break;
            default: throw new InvalidOperationException($"{change.Text} does not change a file's bytes.");
        }
    }

    public static bool IsOf(Unflushed change, CachedFile file) => change switch
    {
        Unflushed.Bytes write => ReferenceEquals(write.File, file),
        Unflushed.Length length => ReferenceEquals(length.File, file),
        Unflushed.Longer longer => ReferenceEquals(longer.File, file),
        _ => false,
    };

    private void Rename(string text, params NameChange[] changes) => _unflushed.Add(new Unflushed.Names(text, changes));

    private void SettleDirectory(string path, bool keep)
    {
        var directory = NameTable<CachedFile>.Normalize(path);
        var rest = new List<Unflushed>();
        foreach (var change in _unflushed)
        {
            switch (change)
            {
                case Unflushed.Folder folder when IsIn(directory, folder.Path):
                    if (!keep) break;
                    if (folder.IsThere) _durableDirectories.Add(folder.Path);
                    else _durableDirectories.Remove(folder.Path);
                    break;
                case Unflushed.Names names:
                    foreach (var (name, file) in names.Changes.Where(name => keep && IsIn(directory, name.Path)))
                    {
                        if (file is null) _durableFiles.Remove(name);
                        else _durableFiles[name] = file;
                    }

                    var others = names.Changes.Where(name => !IsIn(directory, name.Path)).ToArray();
                    if (others.Length > 0) rest.Add(names with { Changes = others });
                    break;
                default:
                    rest.Add(change);
                    break;
            }
        }

        _unflushed = rest;
    }

    private static bool IsIn(string directory, string path) => NameTable<CachedFile>.DirectoryOf(path) == directory;
}
