using RocksDbSharp;

namespace Matchpoint.Storage.State;

/// <summary>
/// Who uses a database. RocksDB must not be closed under a call or an iterator: that ends the process. Once it is to be closed nobody begins anew, and the last who used it closes it.
/// </summary>
internal sealed class RocksUses(RocksDb db)
{
    private const long Closing = 1L << 62;

    /// <summary>Calls under way end at once; a walk ends with its next step. Only what somebody holds and forgot may take longer, and then nobody waits for it.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    private long _uses;
    private int _isClosed;
    private volatile bool _hasClosed;

    /// <summary>Somebody begins to use it.</summary>
    /// <exception cref="ObjectDisposedException">It is closed.</exception>
    public void Enter()
    {
        ObjectDisposedException.ThrowIf(!TryEnter(), typeof(RocksState));
    }

    /// <summary>Somebody begins to use it, unless it is closed.</summary>
    public bool TryEnter()
    {
        if ((Interlocked.Increment(ref _uses) & Closing) == 0) return true;
        Exit();
        return false;
    }

    /// <summary>Somebody has used it.</summary>
    public void Exit()
    {
        if (Interlocked.Decrement(ref _uses) == Closing) CloseNow();
    }

    /// <summary>Whoever holds an iterator, and so keeps it open, asks before each step.</summary>
    /// <exception cref="ObjectDisposedException">It is closed.</exception>
    public void ThrowIfClosing() => ObjectDisposedException.ThrowIf((Volatile.Read(ref _uses) & Closing) != 0, typeof(RocksState));

    /// <summary>Closes it as soon as nobody uses it.</summary>
    public void Close()
    {
        if (Interlocked.Or(ref _uses, Closing) == 0) CloseNow();
        else SpinWait.SpinUntil(() => _hasClosed, Patience);
    }

    private void CloseNow()
    {
        if (Interlocked.Exchange(ref _isClosed, 1) != 0) return;
        db.Dispose();
        _hasClosed = true;
    }
}
