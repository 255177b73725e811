using System.Runtime.InteropServices;
using RocksDbSharp;

namespace Matchpoint.Storage.State;

/// <summary>A cursor of RocksDB over a range. The bounds are RocksDB's own, so that it reads no block beyond them.</summary>
internal sealed class RocksCursor : IStateCursor
{
    private readonly string _path;
    private readonly RocksUses _uses;
    private readonly byte[] _from;
    private readonly byte[] _to;
    private readonly ReadOptions _read;
    private readonly Iterator _iterator;

    // RocksDB keeps pointers to the bounds: the arrays must stay where they are.
    private GCHandle _fromHandle;
    private GCHandle _toHandle;
    private bool _isDisposed;

    /// <summary>A cursor that stands nowhere. What is read for once takes no room from the blocks that are read often.</summary>
    public unsafe RocksCursor(string path, RocksDb db, RocksUses uses, Snapshot snapshot, byte[] from, byte[] to, bool isForOnce = false)
    {
        _path = path;
        _uses = uses;
        uses.Enter(); // As long as it is held the database stays open.
        _from = from;
        _to = to;
        try
        {
            _fromHandle = GCHandle.Alloc(from, GCHandleType.Pinned);
            _toHandle = GCHandle.Alloc(to, GCHandleType.Pinned);
            _read = new ReadOptions().SetSnapshot(snapshot).SetVerifyChecksums(true).SetFillCache(!isForOnce);
            _read.SetIterateLowerBound((byte*)_fromHandle.AddrOfPinnedObject(), (ulong)from.Length);
            _read.SetIterateUpperBound((byte*)_toHandle.AddrOfPinnedObject(), (ulong)to.Length);
            _iterator = db.NewIterator(readOptions: _read);
        }
        catch
        {
            Free();
            throw;
        }
    }

    /// <inheritdoc/>
    public ReadOnlySpan<byte> Key => _iterator.GetKeySpan();

    /// <inheritdoc/>
    public ReadOnlySpan<byte> Value => _iterator.GetValueSpan();

    /// <inheritdoc/>
    public bool Seek(ReadOnlySpan<byte> key)
    {
        _uses.ThrowIfClosing();
        if (key.SequenceCompareTo(_from) < 0) key = _from;
        _iterator.Seek(key);
        return IsValid();
    }

    /// <inheritdoc/>
    public bool SeekBack(ReadOnlySpan<byte> key)
    {
        if (key.SequenceCompareTo(_to) >= 0) return SeekLast();
        _uses.ThrowIfClosing();
        _iterator.SeekForPrev(key);
        return IsValid();
    }

    /// <inheritdoc/>
    public bool SeekLast()
    {
        _uses.ThrowIfClosing();
        _iterator.SeekToLast();
        return IsValid();
    }

    /// <inheritdoc/>
    public bool Next()
    {
        _uses.ThrowIfClosing();
        _iterator.Next();
        return IsValid();
    }

    /// <inheritdoc/>
    public bool Previous()
    {
        _uses.ThrowIfClosing();
        _iterator.Prev();
        return IsValid();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_isDisposed) return;
        _isDisposed = true;
        _iterator.Dispose();
        GC.KeepAlive(_read);
        Free();
    }

    private void Free()
    {
        if (_fromHandle.IsAllocated) _fromHandle.Free();
        if (_toHandle.IsAllocated) _toHandle.Free();
        _uses.Exit();
    }

    private bool IsValid()
    {
        if (_iterator.Valid()) return true;
        try
        {
            Native.Instance.rocksdb_iter_get_error(_iterator.Handle);
        }
        catch (RocksDbException error)
        {
            throw RocksState.Failed(_path, "read", error);
        }

        return false;
    }
}
