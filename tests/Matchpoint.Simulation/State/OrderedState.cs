using System.Collections.Immutable;
using Matchpoint.Protocol;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.State;

namespace Matchpoint.Simulation.State;

/// <summary>A state in memory, ordered, with the same rules as the one on disk: what was not flushed is gone after a crash, and batches are whole.</summary>
internal sealed class OrderedState : IState
{
    private static readonly ImmutableSortedDictionary<byte[], byte[]> Empty = ImmutableSortedDictionary.Create<byte[], byte[]>(new ByteOrder());

    private readonly List<Picture> _unflushed = [];
    private volatile Picture _now;
    private volatile Picture _flushed;

    /// <summary>An empty state.</summary>
    public OrderedState()
        : this(new Picture(default, Empty))
    {
    }

    private OrderedState(Picture picture) => _now = _flushed = picture;

    StatePosition IState.Applied => _now.Position;

    StatePosition IState.Flushed => _flushed.Position;

    long IState.Bytes => _now.Values.Count;

    /// <summary>A state as a picture in a directory holds it; null where there is none.</summary>
    /// <exception cref="Storage.DamageException">It is damaged.</exception>
    public static OrderedState? ReadFrom(IFileSystem files, string path) =>
        StatePicture.TryRead(files, path, Empty) is var (position, values, hash) ? new OrderedState(new Picture(position, values)) { Files = files, Origin = hash } : null;

    /// <summary>Where pictures go.</summary>
    public IFileSystem? Files { get; set; }

    /// <summary>The picture that it was opened from, by its hash; null where it began empty.</summary>
    public ulong? Origin { get; init; }

    /// <summary>How many files a picture of it has beside the head, and how long each is at the least.</summary>
    public (int Count, int Bytes) PictureParts { get; set; }

    /// <summary>What a crash leaves.</summary>
    public OrderedState AfterCrash() => new(_flushed) { Files = Files, Origin = Origin };

    /// <summary>What a crash may leave: a store may have flushed some of its batches by itself.</summary>
    public OrderedState AfterCrash(Random random)
    {
        var kept = random.Next(_unflushed.Count + 1);
        return new OrderedState(kept == 0 ? _flushed : _unflushed[kept - 1]) { Files = Files, Origin = Origin };
    }

    IStateBatch IState.NewBatch() => new Batch();

    void IState.Apply(IStateBatch batch, StatePosition position)
    {
        Invariant.Holds(position.Vlsn > _now.Position.Vlsn, $"the state is at record {_now.Position.Vlsn}, and record {position.Vlsn} is to be applied.");
        Become(batch, position);
    }

    void IState.Rewrite(IStateBatch batch) => Become(batch, _now.Position);

    private void Become(IStateBatch batch, StatePosition position)
    {
        var values = _now.Values.ToBuilder();
        foreach (var operation in ((Batch)batch).Operations) operation(values);
        batch.Clear();
        _now = new Picture(position, values.ToImmutable());
        _unflushed.Add(_now);
    }

    byte[]? IState.Get(ReadOnlySpan<byte> key) => _now.Values.GetValueOrDefault(key.ToArray());

    IStateSnapshot IState.Snapshot() => new Snapshot(_now);

    void IState.Flush()
    {
        _flushed = _now;
        _unflushed.Clear();
    }

    void IState.Checkpoint(string path)
    {
        var files = Files ?? throw new NotSupportedException("This state has no disk for pictures.");
        var picture = _now;
        StatePicture.Write(files, path, picture.Position, picture.Values, PictureParts.Count, PictureParts.Bytes);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        // Nothing is held but memory.
    }

    private sealed record Picture(StatePosition Position, ImmutableSortedDictionary<byte[], byte[]> Values);

    private sealed class ByteOrder : IComparer<byte[]>
    {
        public int Compare(byte[]? x, byte[]? y) => x.AsSpan().SequenceCompareTo(y);
    }

    private sealed class Batch : IStateBatch
    {
        public List<Action<ImmutableSortedDictionary<byte[], byte[]>.Builder>> Operations { get; } = [];

        public int Count => Operations.Count;

        public long Bytes { get; private set; }

        public void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
        {
            var (k, v) = (key.ToArray(), value.ToArray());
            Bytes += k.Length + v.Length;
            Operations.Add(values => values[k] = v);
        }

        public void Delete(ReadOnlySpan<byte> key)
        {
            var k = key.ToArray();
            Bytes += k.Length;
            Operations.Add(values => values.Remove(k));
        }

        public void DeleteRange(ReadOnlySpan<byte> from, ReadOnlySpan<byte> to)
        {
            var (first, behind) = (from.ToArray(), to.ToArray());
            Bytes += first.Length + behind.Length;
            Operations.Add(values => values.RemoveRange(values.Keys.Where(key => key.AsSpan().SequenceCompareTo(first) >= 0 && key.AsSpan().SequenceCompareTo(behind) < 0).ToList()));
        }

        public void Clear()
        {
            Operations.Clear();
            Bytes = 0;
        }

        public void Dispose() => Clear();
    }

    private sealed class Snapshot(Picture picture) : IStateSnapshot
    {
        public StatePosition Position => picture.Position;

        public byte[]? Get(ReadOnlySpan<byte> key) => picture.Values.GetValueOrDefault(key.ToArray());

        public IStateCursor Cursor(ReadOnlySpan<byte> from, ReadOnlySpan<byte> to)
        {
            var (first, behind) = (from.ToArray(), to.ToArray());
            return new Cursor([.. picture.Values.Where(pair => pair.Key.AsSpan().SequenceCompareTo(first) >= 0 && pair.Key.AsSpan().SequenceCompareTo(behind) < 0)]);
        }

        public void Dispose()
        {
            // The picture stays as long as anybody looks at it.
        }
    }

    private sealed class Cursor(KeyValuePair<byte[], byte[]>[] items) : IStateCursor
    {
        private int _at = -1;

        public ReadOnlySpan<byte> Key => items[_at].Key;

        public ReadOnlySpan<byte> Value => items[_at].Value;

        public bool Seek(ReadOnlySpan<byte> key)
        {
            for (_at = 0; _at < items.Length; _at++)
            {
                if (items[_at].Key.AsSpan().SequenceCompareTo(key) >= 0) return true;
            }

            return false;
        }

        public bool SeekBack(ReadOnlySpan<byte> key)
        {
            for (_at = items.Length - 1; _at >= 0; _at--)
            {
                if (items[_at].Key.AsSpan().SequenceCompareTo(key) <= 0) return true;
            }

            return false;
        }

        public bool SeekLast()
        {
            _at = items.Length - 1;
            return _at >= 0;
        }

        public bool Next() => ++_at < items.Length;

        public bool Previous() => --_at >= 0;

        public void Dispose() => _at = -1;
    }
}
