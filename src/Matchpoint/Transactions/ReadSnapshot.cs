using Matchpoint.Node;
using Matchpoint.Protocol.Identities;
using Matchpoint.Storage;
using Matchpoint.Storage.State;
using Matchpoint.Tail;

namespace Matchpoint.Transactions;

/// <summary>The data as they are at one record: the state, and over it the tail up to that record.</summary>
internal sealed class ReadSnapshot : IDisposable
{
    private readonly IStateSnapshot _state;
    private readonly TailView _tail;
    private readonly bool _isTailUsable;
    private readonly ActiveSnapshots? _registered;
    private bool _isDisposed;

    /// <summary>A snapshot of parts that were taken together.</summary>
    public ReadSnapshot(IStateSnapshot state, TailView tail, bool isTailUsable, Vlsn at, ActiveSnapshots? registered)
    {
        _state = state;
        _tail = tail;
        _isTailUsable = isTailUsable;
        At = at;
        _registered = registered;
    }

    /// <summary>The record up to which it shows everything.</summary>
    public Vlsn At { get; }

    /// <summary>What a reader is told that meets damage; null where it is told as it is.</summary>
    public Func<DamageException, MatchpointException>? OnDamage { get; set; }

    /// <summary>The value of a key of the state, a transaction's own writes included; null when it has none.</summary>
    public byte[]? Get(ReadOnlySpan<byte> key, TailGeneration? own = null)
    {
        try
        {
            return Tail(own).TryFind(key, At, _state.Position.Vlsn, out var value) switch
            {
                TailAnswer.Value => value.ToArray(),
                TailAnswer.Deleted => null,
                _ => _state.Get(key),
            };
        }
        catch (DamageException damage) when (OnDamage is not null)
        {
            throw OnDamage(damage);
        }
    }

    /// <summary>A cursor over the keys from one up to, but not including, another.</summary>
    public SnapshotCursor Cursor(byte[] from, byte[] to, bool isBackward, TailGeneration? own = null) =>
        new(_state, Tail(own), At, from, to, isBackward) { OnDamage = OnDamage };

    /// <summary>Gives up what it holds.</summary>
    public void Dispose()
    {
        if (_isDisposed) return;
        _isDisposed = true;
        _registered?.Remove(At);
        _state.Dispose();
    }

    private TailView Tail(TailGeneration? own) => (_isTailUsable ? _tail : default).With(own);
}
