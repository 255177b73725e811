using RocksDbSharp;

namespace Matchpoint.Storage.State;

/// <summary>A snapshot of RocksDB.</summary>
internal sealed class RocksSnapshot : IStateSnapshot
{
    private readonly string _path;
    private readonly RocksDb _db;
    private readonly RocksUses _uses;
    private readonly Snapshot _snapshot;
    private readonly ReadOptions _read;
    private bool _isDisposed;

    /// <summary>Takes a snapshot.</summary>
    public RocksSnapshot(string path, RocksDb db, RocksUses uses)
    {
        _path = path;
        _db = db;
        _uses = uses;
        uses.Enter();
        try
        {
            _snapshot = db.CreateSnapshot();
            _read = new ReadOptions().SetSnapshot(_snapshot);
            Position = RocksState.ReadPosition(path, db, _read);
        }
        catch
        {
            _snapshot?.Dispose();
            throw;
        }
        finally
        {
            uses.Exit();
        }
    }

    /// <inheritdoc/>
    public StatePosition Position { get; }

    /// <inheritdoc/>
    public byte[]? Get(ReadOnlySpan<byte> key)
    {
        _uses.Enter();
        try
        {
            return _db.Get(key, cf: null, _read);
        }
        catch (RocksDbException error)
        {
            throw RocksState.Failed(_path, "read", error);
        }
        finally
        {
            _uses.Exit();
        }
    }

    /// <inheritdoc/>
    public IStateCursor Cursor(ReadOnlySpan<byte> from, ReadOnlySpan<byte> to) => new RocksCursor(_path, _db, _uses, _snapshot, from.ToArray(), to.ToArray());

    /// <summary>A cursor that reads for once: what it reads takes no room from what others read often.</summary>
    public IStateCursor CursorForOnce(byte[] from, byte[] to) => new RocksCursor(_path, _db, _uses, _snapshot, from, to, isForOnce: true);

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_isDisposed) return;
        _isDisposed = true;
        if (!_uses.TryEnter()) return; // It went with the database.
        _snapshot.Dispose();
        GC.KeepAlive(_read);
        _uses.Exit();
    }
}
