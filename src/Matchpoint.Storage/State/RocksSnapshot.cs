using RocksDbSharp;

namespace Matchpoint.Storage.State;

/// <summary>A snapshot of RocksDB.</summary>
internal sealed class RocksSnapshot : IStateSnapshot
{
    private readonly string _path;
    private readonly RocksDb _db;
    private readonly Snapshot _snapshot;
    private readonly ReadOptions _read;

    /// <summary>Takes a snapshot.</summary>
    public RocksSnapshot(string path, RocksDb db)
    {
        _path = path;
        _db = db;
        _snapshot = db.CreateSnapshot();
        _read = new ReadOptions().SetSnapshot(_snapshot);
        Position = RocksState.ReadPosition(path, db, _read);
    }

    /// <inheritdoc/>
    public StatePosition Position { get; }

    /// <inheritdoc/>
    public byte[]? Get(ReadOnlySpan<byte> key)
    {
        try
        {
            return _db.Get(key, cf: null, _read);
        }
        catch (RocksDbException error)
        {
            throw RocksState.Failed(_path, "read", error);
        }
    }

    /// <inheritdoc/>
    public IStateCursor Cursor(ReadOnlySpan<byte> from, ReadOnlySpan<byte> to) => new RocksCursor(_path, _db, _snapshot, from.ToArray(), to.ToArray());

    /// <inheritdoc/>
    public void Dispose()
    {
        _snapshot.Dispose();
        GC.KeepAlive(_read);
    }
}
