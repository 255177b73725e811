using Matchpoint.Storage.State;

namespace Matchpoint.Tests.Node;

/// <summary>A state in memory for tests of what lies around it: it knows its position, and single keys.</summary>
internal sealed class MemoryState : IState
{
    private readonly Dictionary<string, byte[]> _values = [];
    private StatePosition _applied;

    /// <summary>Called whenever somebody asks how far it is.</summary>
    public Action Asked { get; set; } = static () => { };

    public StatePosition Applied
    {
        get
        {
            Asked();
            return _applied;
        }
    }

    public StatePosition Flushed { get; private set; }

    public long Bytes => 0;

    public void MoveTo(StatePosition position) => _applied = position;

    public IStateBatch NewBatch() => new Batch();

    public void Apply(IStateBatch batch, StatePosition position)
    {
        foreach (var (key, value) in ((Batch)batch).Puts) _values[key] = value;
        batch.Clear();
        _applied = position;
    }

    public void Rewrite(IStateBatch batch) => Apply(batch, _applied);

    public byte[]? Get(ReadOnlySpan<byte> key) => _values.GetValueOrDefault(Convert.ToHexString(key));

    public void Checkpoint(string path) => throw new NotSupportedException("This state is only in memory.");

    public IStateSnapshot Snapshot() => new Picture(_applied, new Dictionary<string, byte[]>(_values));

    public void Flush() => Flushed = _applied;

    public void Dispose()
    {
    }

    private sealed class Batch : IStateBatch
    {
        public Dictionary<string, byte[]> Puts { get; } = [];

        public int Count => Puts.Count;

        public long Bytes => Puts.Count;

        public void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) => Puts[Convert.ToHexString(key)] = value.ToArray();

        public void Delete(ReadOnlySpan<byte> key) => throw new NotSupportedException();

        public void DeleteRange(ReadOnlySpan<byte> from, ReadOnlySpan<byte> to) => throw new NotSupportedException();

        public void Clear() => Puts.Clear();

        public void Dispose()
        {
        }
    }

    private sealed class Picture(StatePosition position, Dictionary<string, byte[]> values) : IStateSnapshot
    {
        public StatePosition Position => position;

        public byte[]? Get(ReadOnlySpan<byte> key) => values.GetValueOrDefault(Convert.ToHexString(key));

        public IStateCursor Cursor(ReadOnlySpan<byte> from, ReadOnlySpan<byte> to) => throw new NotSupportedException();

        public void Dispose()
        {
        }
    }
}
