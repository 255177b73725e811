using System.Numerics;
using Matchpoint.Storage.Files;

namespace Matchpoint.Simulation.Files;

/// <summary>
/// A disk in memory that fails as disks do, by a plan and a seed. It numbers the effects that change it (write, set length,
/// flush, create, rename, delete, flush of a directory), can crash the process that uses it at any of them, and says what a
/// power cut may leave. Safe for threads; the same calls with the same seed do the same.
/// </summary>
/// <remarks>
/// Numbers start at 1, and refused effects count. What does nothing (an empty write, a deletion of what is not there) is no
/// effect. A lock is none either: it is the process's, and its file is there at once.
/// </remarks>
internal sealed class FaultyFiles : IFileSystem
{
    private static int _starts = 1;

    private readonly Lock _lock = new();
    private readonly Random _random;
    private readonly CachedDisk _disk;
    private readonly HeldLocks _locks = new();
    private readonly EffectLog _effects = new();

    /// <summary>An empty disk, or one that starts with an image, all of it durable.</summary>
    /// <param name="random">Decides what is left to chance: how a write tears.</param>
    /// <param name="image">Copied.</param>
    public FaultyFiles(Random random, MemoryFiles? image = null)
        : this(random, new CachedDisk(image ?? new MemoryFiles()), new FaultPlan(), new Guid(Interlocked.Increment(ref _starts), 0, 0, new byte[8]))
    {
    }

    private FaultyFiles(Random random, CachedDisk disk, FaultPlan faults, Guid bootId) =>
        (_random, _disk, Faults, BootId) = (random, disk, faults, bootId);

    /// <inheritdoc/>
    public Guid BootId { get; }

    /// <summary>What goes wrong.</summary>
    public FaultPlan Faults { get; }

    /// <summary>Whether the process that used it is dead.</summary>
    /// <remarks>One reference, set once: it is asked after every event, and needs no lock.</remarks>
    public bool IsDead => _effects.IsDead;

    /// <summary>All that is durable and all that is not, as an image.</summary>
    public MemoryFiles Image()
    {
        lock (_lock) return _disk.PowerCut(bySector: false).Everything;
    }

    /// <summary>How many effects there were.</summary>
    public int Effects
    {
        get { lock (_lock) return _effects.Count; }
    }

    /// <summary>The effects in words: <c>write a.mlog 4096+64</c>, <c>set length a.mlog 8192</c>, <c>flush a.mlog</c>, <c>create
    /// a.mlog</c>, <c>rename a.tmp a.mlog</c>, <c>delete a.mlog</c>, <c>create dir log</c>, <c>flush dir log</c>; with
    /// <c>failed</c> or <c>torn</c> behind where it was.</summary>
    public IReadOnlyList<string> Trace
    {
        get { lock (_lock) return [.. _effects.Trace]; }
    }

    /// <summary>Forgets the words, not the numbers.</summary>
    public void ClearTrace()
    {
        lock (_lock) _effects.Trace.Clear();
    }

    /// <summary>Crashes instead of the nth effect.</summary>
    public void CrashBefore(int effect) => CrashAt(effect, null);

    /// <summary>Crashes within the nth effect: a write is torn by chance, a flush has told nobody that it is done, a name or a
    /// length is changed and not flushed.</summary>
    public void CrashWithin(int effect) => CrashAt(effect, EffectLog.Chance(_random));

    /// <summary>Crashes within the nth effect; a write has got so many bytes far.</summary>
    public void CrashWithin(int effect, int bytes) => CrashAt(effect, EffectLog.Prefix(bytes));

    /// <summary>Crashes within the nth effect; of a write the sectors of the mask have been written (bit 0 is its first).</summary>
    public void CrashWithinSectors(int effect, BigInteger mask) => CrashAt(effect, EffectLog.Sectors(mask));

    /// <summary>What a power cut now could leave. The process may be alive still, or crashed.</summary>
    /// <param name="bySector">Whether each sector of an unflushed write is kept or lost on its own.</param>
    public PowerCut PowerCut(bool bySector = false)
    {
        lock (_lock) return _disk.PowerCut(bySector);
    }

    /// <summary>The process is killed, if it lives, and the next one finds the disk as it was left: nothing is lost, nothing more
    /// is durable. The device's faults stay, those among them that are yet to strike; effects count from 1 again. This object is
    /// dead.</summary>
    public FaultyFiles AfterKill()
    {
        lock (_lock)
        {
            _effects.Die("the process was killed");
            return new FaultyFiles(_random, _disk, Faults, BootId);
        }
    }

    /// <summary>Makes all there is durable: where a test begins.</summary>
    public void Settle()
    {
        lock (_lock) _disk.FlushAll();
    }

    /// <summary>Damages the medium: one bit of a byte is turned, in what reads see and in what a power cut leaves.</summary>
    public void FlipBit(string path, long position, int bit = 0)
    {
        lock (_lock) _disk.Flip(_disk.Names.Get(path), position, (byte)(1 << bit));
    }

    /// <inheritdoc/>
    public IFile Open(string path, FileOpening opening)
    {
        lock (_lock)
        {
            _effects.MustLive();
            var file = opening == FileOpening.CreateNew ? null : _disk.Names.Find(path);
            if (file is null && opening is FileOpening.Read or FileOpening.ReadWrite) file = _disk.Names.Get(path);
            if (file is null)
            {
                _disk.Names.MustBeFree(path);
                var text = $"create {NameOf(path)}";
                Change_Locked(text, path, () => file = _disk.Create(text, path));
            }

            return new FaultyFile(this, path, file!, opening != FileOpening.Read);
        }
    }

    /// <inheritdoc/>
    public bool FileExists(string path) => Alive(() => _disk.Names.HasFile(path));

    /// <inheritdoc/>
    public bool DirectoryExists(string path) => Alive(() => _disk.Names.HasDirectory(path));

    /// <inheritdoc/>
    public IReadOnlyList<string> ListFiles(string directory) => Alive(() => _disk.Names.List(directory));

    /// <summary>A directory and all below it, the innermost first; none where it is not there.</summary>
    public IReadOnlyList<string> DirectoriesAt(string path) => Alive(() => (IReadOnlyList<string>)[.. _disk.Names.Directories
        .Where(name => name == path || name.StartsWith(path + "/", StringComparison.Ordinal)).OrderDescending(StringComparer.Ordinal)]);

    /// <inheritdoc/>
    public void CreateDirectory(string path)
    {
        lock (_lock)
        {
            _effects.MustLive();
            foreach (var directory in _disk.Names.MissingDirectories(path))
            {
                var text = $"create dir {NameOf(directory)}";
                Change_Locked(text, path, () => _disk.CreateDirectory(text, directory));
            }
        }
    }

    /// <inheritdoc/>
    public void DeleteDirectory(string path)
    {
        lock (_lock)
        {
            _effects.MustLive();
            if (!_disk.Names.HasDirectory(path)) return;
            var text = $"delete dir {NameOf(path)}";
            Change_Locked(text, path, () => _disk.DeleteDirectory(text, path));
        }
    }

    /// <inheritdoc/>
    public void Delete(string path)
    {
        lock (_lock)
        {
            _effects.MustLive();
            if (_disk.Names.Find(path) is null) return;
            var text = $"delete {NameOf(path)}";
            Change_Locked(text, path, () => _disk.Delete(text, path));
        }
    }

    /// <inheritdoc/>
    public void Rename(string from, string to)
    {
        lock (_lock)
        {
            _effects.MustLive();
            _disk.Names.MustMove(from, to);
            if (NameTable<CachedFile>.Normalize(from) == NameTable<CachedFile>.Normalize(to)) return;
            var text = $"rename {NameOf(from)} {NameOf(to)}";
            Change_Locked(text, from, () => _disk.Rename(text, from, to));
        }
    }

    /// <inheritdoc/>
    public void FlushDirectory(string path)
    {
        lock (_lock)
        {
            _effects.MustLive();
            _disk.Names.MustBeDirectory(path);
            _effects.Run($"flush dir {NameOf(path)}", Flush, within: _ => { });
        }

        void Flush()
        {
            if (Failure(path, _disk.HasUnflushedNames(path), DiskException.FlushDirectory) is not { } error)
            {
                _disk.FlushDirectory(path);
                return;
            }

            _disk.LoseDirectory(path);
            throw error;
        }
    }

    /// <inheritdoc/>
    public IDisposable Lock(string path, string holder)
    {
        lock (_lock)
        {
            _effects.MustLive();
            MustBeWritable(path);
            if (_disk.Names.Find(path) is null) _disk.AddDurable(path, new Pages());
            return _locks.Take(path, holder);
        }
    }

    /// <inheritdoc/>
    public string? LockHolder(string path) => Alive(() => _locks.Holder(path));

    internal long Length(CachedFile file) => Alive(() => file.Now.Length);

    internal int Read(string path, CachedFile file, long position, Span<byte> buffer)
    {
        lock (_lock)
        {
            _effects.MustLive();
            if (Faults.OnRead(path, position, buffer.Length) is { } error) throw error;
            return file.Now.Read(position, buffer);
        }
    }

    internal void Write(string path, CachedFile file, long position, ReadOnlySpan<byte> bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(position);
        lock (_lock)
        {
            _effects.MustLive();
            if (bytes.IsEmpty) return;
            var text = $"write {NameOf(path)} {position}+{bytes.Length}";
            var write = new Unflushed.Bytes(text, file, position, bytes.ToArray());
            Change_Locked(text, path, () => Write_Locked(path, write), within: tear =>
            {
                foreach (var part in tear(write)) _disk.Write(part);
            });
        }
    }

    internal void SetLength(string path, CachedFile file, long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        lock (_lock)
        {
            var text = $"set length {NameOf(path)} {length}";
            Change_Locked(text, path, () =>
            {
                if (length - file.Now.Length > Room_Locked) throw Full(path, $"setting the length to {length}");
                _disk.SetLength(text, file, length);
            });
        }
    }

    internal void Flush(string path, CachedFile file)
    {
        // A flush that a crash interrupts has kept any part of what it should: the part is chosen by the power cut.
        lock (_lock) _effects.Run($"flush {NameOf(path)}", Flush, within: _ => { });

        void Flush()
        {
            if (Failure(path, _disk.HasUnflushed(file), DiskException.Flush) is not { } error)
            {
                _disk.Flush(file);
                return;
            }

            _disk.Lose(file);
            throw error;
        }
    }

    /// <summary>Why a flush fails, or null. A disk that has turned read-only cannot take what it has not got yet.</summary>
    private IOException? Failure(string path, bool hasUnflushed, Func<string, int, DiskException> failed)
    {
        if (Faults.OnFlush(path) is { } fault) return fault.Error ?? failed(path, Errno.Device);
        return Faults.ReadOnly && hasUnflushed ? failed(path, Errno.ReadOnly) : null;
    }

    private long Room_Locked => Math.Max(0, Faults.Capacity - _disk.Used);

    private void Write_Locked(string path, Unflushed.Bytes write)
    {
        var fault = Faults.OnWrite(path);
        if (fault?.Position is { } elsewhere)
        {
            _disk.Write(write with { Position = elsewhere, Text = $"{write.Text} at {elsewhere}" });
            _effects.Remark($"landed at {elsewhere}");
            return;
        }

        var fits = (int)Math.Clamp(write.File.Now.Length + Room_Locked - write.Position, 0, write.Content.Length);
        var keep = fault is null ? fits : Math.Min(fits, fault.Keep);
        if (keep > 0) _disk.Write(write.Part(0, keep));
        var what = $"writing {write.Content.Length} bytes at position {write.Position}";
        if (fault is not null) throw fault.Error ?? DiskException.Refused(path, what, Errno.Device);
        if (fits < write.Content.Length) throw Full(path, what);
    }

    private static DiskException Full(string path, string what) => DiskException.Refused(path, what, Errno.NoSpace);

    private static string NameOf(string path)
    {
        var name = NameTable<CachedFile>.NameOf(NameTable<CachedFile>.Normalize(path));
        return name.Length == 0 ? "." : name;
    }

    private void MustBeWritable(string path)
    {
        if (Faults.ReadOnly) throw DiskException.Refused(path, "changing it", Errno.ReadOnly);
    }

    private void Change_Locked(string text, string path, Action act, Action<Tear>? within = null) => _effects.Run(text, () =>
    {
        MustBeWritable(path);
        act();
    }, within);

    private T Alive<T>(Func<T> ask)
    {
        lock (_lock)
        {
            _effects.MustLive();
            return ask();
        }
    }

    private void CrashAt(int effect, Tear? tear)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(effect);
        lock (_lock) _effects.CrashAt(effect, tear);
    }
}
