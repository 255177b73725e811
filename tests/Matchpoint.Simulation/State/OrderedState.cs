using System.Collections.Immutable;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.State;

namespace Matchpoint.Simulation.State;

/// <summary>A state in memory, ordered, with the same rules as the one on disk: what was not flushed is gone after a crash, and batches are whole.</summary>
internal sealed class OrderedState : IState
{
    private static readonly ImmutableSortedDictionary<byte[], byte[]> Empty = ImmutableSortedDictionary.Create<byte[], byte[]>(new ByteOrder());

    private const string PictureName = "picture";

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
    public static OrderedState? ReadFrom(IFileSystem files, string path)
    {
        var file = Path.Combine(path, PictureName);
        if (!files.FileExists(file)) return null;
        using var opened = files.Open(file, FileOpening.Read);
        var bytes = new byte[opened.Length];
        opened.Read(0, bytes);
        using var reader = new BinaryReader(new MemoryStream(bytes));
        var vlsn = Vlsn.TryCreate(reader.ReadInt64(), out var read) ? read : throw new InvalidDataException($"{file}: no record's number.");
        var position = new StatePosition(vlsn, new Fingerprint(reader.ReadUInt64()));
        var values = Empty.ToBuilder();
        for (var count = reader.ReadInt32(); count > 0; count--)
        {
            var key = reader.ReadBytes(reader.ReadInt32());
            values[key] = reader.ReadBytes(reader.ReadInt32());
        }

        return new OrderedState(new Picture(position, values.ToImmutable())) { Files = files };
    }

    /// <summary>Where pictures go.</summary>
    public IFileSystem? Files { get; init; }

    /// <summary>What a crash leaves.</summary>
    public OrderedState AfterCrash() => new(_flushed) { Files = Files };

    /// <summary>What a crash may leave: a store may have flushed some of its batches by itself.</summary>
    public OrderedState AfterCrash(Random random)
    {
        var kept = random.Next(_unflushed.Count + 1);
        return new OrderedState(kept == 0 ? _flushed : _unflushed[kept - 1]) { Files = Files };
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
        var bytes = new MemoryStream();
        using var writer = new BinaryWriter(bytes);
        writer.Write(picture.Position.Vlsn.Value);
        writer.Write(picture.Position.Fingerprint.Value);
        writer.Write(picture.Values.Count);
        foreach (var (key, value) in picture.Values)
        {
            writer.Write(key.Length);
            writer.Write(key);
            writer.Write(value.Length);
            writer.Write(value);
        }

        files.CreateDirectory(path);
        using var file = files.Open(Path.Combine(path, PictureName), FileOpening.CreateNew);
        file.Write(0, bytes.ToArray());
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
