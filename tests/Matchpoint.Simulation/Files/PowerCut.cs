using System.Numerics;

namespace Matchpoint.Simulation.Files;

/// <summary>
/// What a power cut can leave: all that was flushed, and any part of the rest. Each unflushed change is kept or lost on its
/// own, whatever became of those before it; by a mask (bit 0 is the oldest change), all masks in turn, or by chance.
/// </summary>
internal sealed class PowerCut
{
    private const int MostChangesToEnumerate = 20;

    private readonly Dictionary<string, CachedFile> _files;
    private readonly Dictionary<CachedFile, Pages> _durable = [];
    private readonly HashSet<string> _directories;
    private readonly Unflushed[] _changes;

    /// <summary>Takes the state as it is now; what happens to it later does not show here.</summary>
    /// <param name="files">The durable names.</param>
    /// <param name="directories">The durable directories.</param>
    /// <param name="changes">What was not flushed, in order.</param>
    /// <param name="bySector">Whether each sector of a write is kept or lost on its own.</param>
    public PowerCut(
        IReadOnlyDictionary<string, CachedFile> files, IEnumerable<string> directories, IEnumerable<Unflushed> changes, bool bySector)
    {
        _files = new Dictionary<string, CachedFile>(files, StringComparer.Ordinal);
        _directories = new HashSet<string>(directories, StringComparer.Ordinal);
        _changes = [.. bySector ? changes.SelectMany(Split) : changes];
        foreach (var file in _files.Values.Concat(_changes.SelectMany(Named)).Distinct()) _durable.Add(file, file.Durable.Copy());
    }

    /// <summary>The changes it decides about, in words, oldest first.</summary>
    public IReadOnlyList<string> Changes => [.. _changes.Select(change => change.Text)];

    /// <summary>How many masks there are. Different masks may leave the same.</summary>
    public BigInteger Count => BigInteger.One << _changes.Length;

    /// <summary>What is left when only the flushed is.</summary>
    public MemoryFiles Nothing => Image(BigInteger.Zero);

    /// <summary>What is left when every change made it.</summary>
    public MemoryFiles Everything => Image(Count - 1);

    /// <summary>What is left when exactly the changes of the mask made it.</summary>
    public MemoryFiles Image(BigInteger mask)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(mask);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(mask, Count);
        return Build([.. _changes.Where((_, i) => !((mask >> i) & 1).IsZero)]);
    }

    /// <summary>Every mask with what it leaves, from nothing to everything.</summary>
    public IEnumerable<(BigInteger Mask, MemoryFiles Image)> Images()
    {
        if (_changes.Length > MostChangesToEnumerate)
        {
            throw new InvalidOperationException($"{_changes.Length} changes leave {Count} images: sample them instead.");
        }

        for (var mask = BigInteger.Zero; mask < Count; mask++) yield return (mask, Image(mask));
    }

    /// <summary>
    /// One by chance: each change is kept, lost, or, where it is a write, kept up to some byte, in some of its sectors, or in
    /// length alone (the file is as long as if it had been written, with what was there before, or zeros).
    /// </summary>
    public MemoryFiles Sample(Random random) => Build([.. _changes.SelectMany(change => Torn(change, random))]);

    private static IEnumerable<Unflushed> Torn(Unflushed change, Random random)
    {
        var fate = random.Next(6);
        if (fate < 2) return [];
        if (fate < 4 || change is not Unflushed.Bytes write) return [change];
        return random.Next(3) switch
        {
            0 => [write.Part(0, random.Next(write.Content.Length))],
            1 => write.Sectors().Where(_ => random.Next(2) == 0),
            _ => [new Unflushed.Longer(write.Text + " [length]", write.File, write.Position + write.Content.Length)],
        };
    }

    private static IEnumerable<Unflushed> Split(Unflushed change) => change is Unflushed.Bytes write ? write.Sectors() : [change];

    private static IEnumerable<CachedFile> Named(Unflushed change) =>
        change is Unflushed.Names names ? names.Changes.Select(name => name.File).OfType<CachedFile>() : [];

    private MemoryFiles Build(Unflushed[] kept)
    {
        var directories = _directories.ToHashSet();
        foreach (var folder in kept.OfType<Unflushed.Folder>())
        {
            if (folder.IsThere) directories.Add(folder.Path);
            else directories.Remove(folder.Path);
        }

        var files = new Dictionary<string, CachedFile>(_files, StringComparer.Ordinal);
        foreach (var (path, file) in kept.OfType<Unflushed.Names>().SelectMany(names => names.Changes))
        {
            if (file is null) files.Remove(path);
            else files[path] = file;
        }

        var image = new MemoryFiles();
        foreach (var directory in directories.Where(IsReachable)) image.CreateDirectory(directory);
        foreach (var (path, file) in files.Where(file => IsReachable(NameTable<CachedFile>.DirectoryOf(file.Key))))
        {
            var pages = _durable[file].Copy();
            foreach (var change in kept.Where(change => CachedDisk.IsOf(change, file))) CachedDisk.Apply(change, pages);
            image.Put(path, pages);
        }

        return image;

        // Whatever became of it: in a directory that is gone nothing is found.
        bool IsReachable(string directory) =>
            directory is "" or "/" || (directories.Contains(directory) && IsReachable(NameTable<CachedFile>.DirectoryOf(directory)));
    }
}
