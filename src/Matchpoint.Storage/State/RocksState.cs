using System.Buffers.Binary;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Storage.Files;
using RocksDbSharp;

namespace Matchpoint.Storage.State;

/// <summary>
/// The state in RocksDB, write-ahead log off: the replicated log is the log. Data and position lie in one column family and travel in one batch, so
/// that after a crash they fit each other; with two families that
/// would need atomic flushes.
/// </summary>
internal sealed class RocksState : IState
{
    private const int PositionSize = 20;
    private const int BloomBits = 10;
    private const int MostOpenFiles = 512;

    private static readonly byte[] PositionKey = StateKey.Of(StateKey.SystemDatabase, "position"u8);
    private static readonly FlushOptions AndWait = new FlushOptions().SetWaitForFlush(true); // Kept: one that nobody holds may be freed while RocksDB reads it.
    private static readonly WriteOptions NoLog = new WriteOptions().DisableWal(1);

    private readonly string _path;
    private readonly RocksDb _db;
    private readonly RocksUses _uses;
    private readonly Lock _gate = new();
    private StatePosition _applied;
    private StatePosition _flushed;
    private Exception? _failure;
    private bool _isDisposed;

    private RocksState(string path, RocksDb db, StatePosition position)
    {
        _path = path;
        _db = db;
        _uses = new RocksUses(db);
        _applied = _flushed = position;
    }

    /// <inheritdoc/>
    public StatePosition Applied
    {
        get { lock (_gate) return _applied; }
    }

    /// <inheritdoc/>
    public StatePosition Flushed
    {
        get { lock (_gate) return _flushed; }
    }

    /// <inheritdoc/>
    public long Bytes
    {
        get
        {
            _uses.Enter();
            try
            {
                return long.TryParse(_db.GetProperty("rocksdb.estimate-live-data-size"), out var bytes) ? bytes : 0;
            }
            finally
            {
                _uses.Exit();
            }
        }
    }

    /// <summary>
    /// Opens the state of a directory, or makes it where there is none. What was not looked at before may lose data by it: RocksDB removes every file that the version it finds does not name.
    /// </summary>
    /// <exception cref="DamageException">What is there cannot be used.</exception>
    /// <exception cref="StorageException">It cannot be opened: the message says why.</exception>
    public static RocksState Open(string path, RocksStateOptions? options = null)
    {
        options ??= new RocksStateOptions();
        var isThere = RocksLook.Exists(PhysicalFiles.Instance, path);
        if (isThere) RocksLook.MustNameItsVersion(PhysicalFiles.Instance, path);
        RocksDb? db = null;
        try
        {
            db = RocksDb.Open(Configure(options).SetCreateIfMissing(!isThere), path);
            return new RocksState(path, db, ReadPosition(path, db));
        }
        catch (RocksDbException error)
        {
            db?.Dispose();
            throw Failed(path, "opened", error);
        }
        catch
        {
            db?.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public IStateBatch NewBatch() => new RocksBatch();

    /// <inheritdoc/>
    public void Apply(IStateBatch batch, StatePosition position)
    {
        ThrowIfFailed();
        Invariant.Holds(position.Vlsn > Applied.Vlsn, $"the state is at record {Applied.Vlsn}, and record {position.Vlsn} is to be applied.");
        var rocks = (RocksBatch)batch;
        Span<byte> bytes = stackalloc byte[PositionSize];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, position.Vlsn.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[8..], position.Fingerprint.Value);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[16..], ~Crc32C.Carry(uint.MaxValue, bytes[..16]));
        rocks.Native.Put(PositionKey, bytes);
        Write(rocks);
        lock (_gate) _applied = position;
    }

    /// <inheritdoc/>
    public void Rewrite(IStateBatch batch)
    {
        ThrowIfFailed();
        Write((RocksBatch)batch);
    }

    /// <inheritdoc/>
    public byte[]? Get(ReadOnlySpan<byte> key)
    {
        _uses.Enter();
        try
        {
            return _db.Get(key);
        }
        catch (RocksDbException error)
        {
            throw Failed(_path, "read", error);
        }
        finally
        {
            _uses.Exit();
        }
    }

    /// <inheritdoc/>
    public IStateSnapshot Snapshot() => new RocksSnapshot(_path, _db, _uses);

    /// <inheritdoc/>
    public byte[]? Verify(byte[] from, long bytes, out long read)
    {
        using var snapshot = new RocksSnapshot(_path, _db, _uses);
        using var cursor = snapshot.CursorForOnce(from, StateKey.BehindAll);
        return IState.Walk(cursor, from, bytes, out read);
    }

    /// <inheritdoc/>
    public void Flush()
    {
        ThrowIfFailed();
        var position = Applied;
        _uses.Enter();
        try
        {
            _db.Flush(AndWait);
        }
        catch (RocksDbException error)
        {
            throw Poison(error, "flushed");
        }
        finally
        {
            _uses.Exit();
        }

        lock (_gate) _flushed = position;
    }

    /// <inheritdoc/>
    public void Checkpoint(string path)
    {
        ThrowIfFailed();
        _uses.Enter();
        try
        {
            using var checkpoint = _db.Checkpoint();
            checkpoint.Save(path, logSizeForFlush: 0);
        }
        catch (RocksDbException error)
        {
            throw Failed(path, "written as a picture", error);
        }
        finally
        {
            _uses.Exit();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_isDisposed) return;
        _isDisposed = true;
        _uses.Close();
    }

    /// <summary>The position that a database, or a snapshot of it, stands at.</summary>
    internal static StatePosition ReadPosition(string path, RocksDb db, ReadOptions? read = null)
    {
        var bytes = db.Get(PositionKey, cf: null, read);
        if (bytes is null) return default;
        var computed = bytes.Length == PositionSize ? ~Crc32C.Carry(uint.MaxValue, bytes.AsSpan(0, 16)) : 0;
        var stored = bytes.Length == PositionSize ? BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(16)) : 1;
        if (computed != stored || !Vlsn.TryCreate(BinaryPrimitives.ReadInt64LittleEndian(bytes), out var vlsn))
            throw new DamageException(path, 0, "the state's position", $"CRC-32C {computed:x8}", $"{Convert.ToHexStringLower(bytes)}", Advice);
        return new StatePosition(vlsn, new Fingerprint(BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(8))));
    }

    /// <summary>What a failure of the database means.</summary>
    internal static StorageException Failed(string path, string what, RocksDbException error) =>
        IsDamage(error.Message)
            ? new DamageException(path, 0, $"the state cannot be {what}", "a sound RocksDB database", error.Message, Advice)
            : new StorageException($"{path}: the state cannot be {what}: {error.Message} Mend the cause, then open the node again.", error);

    /// <summary>Whether what RocksDB says means that what it has written is damaged.</summary>
    internal static bool IsDamage(string words) =>
        Array.Exists(DamageWords, word => words.Contains(word, StringComparison.OrdinalIgnoreCase)) && !Array.Exists(SystemWords, word => words.Contains(word, StringComparison.OrdinalIgnoreCase));

    /// <summary>What to do about a damaged state.</summary>
    internal const string Advice = "The state can be built anew from the log where that reaches back to record 1; else restore it from a backup or a member.";

    /// <summary>How RocksDB says that what it has written is not there any more, or not as it was.</summary>
    private static readonly string[] DamageWords = ["Corruption", "checksum", "No such file"];

    /// <summary>What the system says when it does not let a file be opened that may be sound: RocksDB calls that a corruption too.</summary>
    private static readonly string[] SystemWords = ["Permission denied", "Too many open files", "Cannot allocate"];

    /// <summary>The settings of the database.</summary>
    internal static DbOptions Configure(RocksStateOptions options)
    {
        var tables = new BlockBasedTableOptions()
            .SetBlockCache(Cache.CreateLru((ulong)options.CacheBytes))
            .SetFilterPolicy(BloomFilterPolicy.Create(BloomBits, false))
            .SetWholeKeyFiltering(true)
            .SetCacheIndexAndFilterBlocks(false);
        return new DbOptions()
            .SetCreateIfMissing(true)
            .SetBlockBasedTableFactory(tables)
            .SetWriteBufferSize((ulong)options.WriteBufferBytes)
            .SetMaxWriteBufferNumber(3)
            .SetMaxOpenFiles(MostOpenFiles)
            .SetLevelCompactionDynamicLevelBytes(true)
            .SetMaxBackgroundCompactions(1)
            .SetMaxBackgroundFlushes(1)
            .SetAllowConcurrentMemtableWrite(false) // One thread writes.
            .SetEnableWriteThreadAdaptiveYield(false)
            .SetParanoidChecks(true)
            .SetKeepLogFileNum(2)
            .SetMaxLogFileSize(4 * 1024 * 1024);
    }

    private void Write(RocksBatch batch)
    {
        _uses.Enter();
        try
        {
            _db.Write(batch.Native, NoLog);
        }
        catch (RocksDbException error)
        {
            throw Poison(error, "written");
        }
        finally
        {
            _uses.Exit();
        }

        batch.Clear();
    }

    private StorageException Poison(RocksDbException error, string what)
    {
        var failure = Failed(_path, what, error);
        lock (_gate) _failure ??= failure;
        return failure;
    }

    private void ThrowIfFailed()
    {
        lock (_gate)
        {
            if (_failure is not null) throw new StorageException($"{_failure.Message} Nothing was applied since.", _failure);
        }
    }
}
