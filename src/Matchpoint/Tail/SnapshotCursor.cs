using Matchpoint.Protocol.Identities;
using Matchpoint.Storage;
using Matchpoint.Storage.State;

namespace Matchpoint.Tail;

/// <summary>
/// Walks the keys of a range in one direction: those of the state, and over them what the tail knows up to a record. Spans are valid until the next move.
/// What a transaction writes while it walks is seen from the next move on.
/// </summary>
internal sealed class SnapshotCursor : IDisposable
{
    private readonly IStateCursor _state;
    private readonly TailView _tail;
    private readonly Vlsn _at;
    private readonly Vlsn _above;
    private readonly byte[] _from;
    private readonly byte[] _to;
    private readonly bool _isBackward;
    private readonly TailGeneration[] _generations;
    private readonly TailEntry?[] _heads;
    private bool _hasRanges;
    private long _ownBytes;
    private bool _hasState;
    private bool _hasBegun;
    private bool _isStateCurrent;
    private TailEntry? _current;
    private ReadOnlyMemory<byte> _value;

    /// <summary>A cursor that stands before the first key of its direction.</summary>
    /// <param name="snapshot">The state.</param>
    /// <param name="tail">The tail over it.</param>
    /// <param name="at">Up to this record; not below the state's position.</param>
    /// <param name="from">The range's first key.</param>
    /// <param name="to">The key behind its last.</param>
    /// <param name="isBackward">From the last key to the first.</param>
    public SnapshotCursor(IStateSnapshot snapshot, TailView tail, Vlsn at, byte[] from, byte[] to, bool isBackward)
    {
        _state = snapshot.Cursor(from, to);
        _tail = tail;
        _at = at;
        _above = snapshot.Position.Vlsn;
        _from = from;
        _to = to;
        _isBackward = isBackward;
        _generations = tail.Generations.ToArray();
        _heads = new TailEntry?[_generations.Length];
        foreach (var generation in _generations) _hasRanges |= generation.Ranges.Length > 0;
    }

    /// <summary>The key it stands on.</summary>
    public ReadOnlySpan<byte> Key => _isStateCurrent ? _state.Key : _current!.Key;

    /// <summary>The value there.</summary>
    public ReadOnlySpan<byte> Value => _isStateCurrent ? _state.Value : _value.Span;

    /// <summary>What a reader is told that meets damage; null where it is told as it is.</summary>
    public Func<DamageException, MatchpointException>? OnDamage { get; init; }

    /// <summary>Goes on; false when there is no more.</summary>
    public bool MoveNext()
    {
        try
        {
            return Move();
        }
        catch (DamageException damage) when (OnDamage is not null)
        {
            throw OnDamage(damage);
        }
    }

    /// <summary>Gives up what it holds.</summary>
    public void Dispose() => _state.Dispose();

    private bool Move()
    {
        if (!_hasBegun) Begin();
        else StepOver(Key);
        while (TryPick(out var isInTail))
        {
            var answer = isInTail || _hasRanges ? _tail.TryFind(Key, _at, _above, out _value) : TailAnswer.Unknown;
            if (answer == TailAnswer.Value)
            {
                Protocol.Invariant.Holds(isInTail, "the tail has a value for a key that it does not have.");
                _isStateCurrent = false; // The value is the tail's, even where the state has the key too.
                return true;
            }

            if (answer == TailAnswer.Unknown && _isStateCurrent) return true;
            StepOver(Key);
        }

        return false;
    }

    private void Begin()
    {
        _hasBegun = true;
        _ = HasOwnChanged();
        _hasState = _isBackward ? _state.SeekLast() : _state.Seek(_from);
        for (var i = 0; i < _heads.Length; i++)
            _heads[i] = _isBackward ? InRange(_generations[i].Below(_to)) : InRange(_generations[i].AtOrAbove(_from));
    }

    /// <summary>The next key of all sources. A key that the tail has is taken from there, and the state's is marked too when it is the same.</summary>
    private bool TryPick(out bool isInTail)
    {
        _current = null;
        foreach (var head in _heads)
        {
            if (head is not null && (_current is null || IsBefore(head.Key, _current.Key))) _current = head;
        }

        isInTail = _current is not null;
        _isStateCurrent = _hasState && (_current is null || !IsBefore(_current.Key, _state.Key));
        if (_isStateCurrent && _current is not null && !_current.Key.SequenceEqual(_state.Key))
        {
            _current = null;
            isInTail = false;
        }

        return _isStateCurrent || isInTail;
    }

    /// <summary>Moves every source that stands on a key past it.</summary>
    private void StepOver(ReadOnlySpan<byte> key)
    {
        // The span may be the state cursor's own: the tail's heads are moved first.
        var first = 0;
        if (HasOwnChanged())
        {
            // What was written may lie before the head that was found earlier.
            _heads[0] = _isBackward ? InRange(_generations[0].Below(key)) : InRange(_generations[0].Above(key));
            first = 1;
        }

        for (var i = first; i < _heads.Length; i++)
        {
            if (_heads[i] is not { } head || !head.Key.SequenceEqual(key)) continue;
            _heads[i] = _isBackward ? InRange(_generations[i].Below(key)) : NextKey(head);
        }

        if (_hasState && _state.Key.SequenceEqual(key)) _hasState = _isBackward ? _state.Previous() : _state.Next();
    }

    /// <summary>Whether the transaction that walks has written since this was asked. Its own writes are the first generation, and grow with every one.</summary>
    private bool HasOwnChanged()
    {
        if (_tail.Own is not { } own || own.Bytes == _ownBytes) return false;
        _ownBytes = own.Bytes;
        _hasRanges |= own.Ranges.Length > 0;
        return true;
    }

    private TailEntry? NextKey(TailEntry entry) => InRange(TailGeneration.Behind(entry, entry.Key));

    private TailEntry? InRange(TailEntry? entry) =>
        entry is not null && entry.Key.SequenceCompareTo(_from) >= 0 && entry.Key.SequenceCompareTo(_to) < 0 ? entry : null;

    private bool IsBefore(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b) => _isBackward ? a.SequenceCompareTo(b) > 0 : a.SequenceCompareTo(b) < 0;
}
