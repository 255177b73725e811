using Matchpoint.Storage.State;

namespace Matchpoint.Tests.Node;

/// <summary>States that take nothing in while they are held: as slow as a test wants them.</summary>
internal sealed class HeldStates(IStateStore inner) : IStateStore, IDisposable
{
    private readonly ManualResetEventSlim _isFree = new(initialState: true);
    private volatile string? _held;

    /// <summary>Holds the states of the directories below a path.</summary>
    public void Hold(string path)
    {
        _isFree.Reset();
        _held = path;
    }

    /// <summary>Lets go of them.</summary>
    public void LetGo() => _isFree.Set();

    public IStateSnapshot? Look(string path) => inner.Look(path);

    public IState Open(string path) => new Held(this, inner.Open(path), path);

    public string? SetAside(string path, string into) => inner.SetAside(path, into);

    public void Remove(string path) => inner.Remove(path);

    public void Dispose() => _isFree.Dispose();

    private void Await(string path)
    {
        if (_held is { } held && path.StartsWith(held, StringComparison.Ordinal)) Assert.True(_isFree.Wait(Eventually.Patience), "the state was held to the end");
    }

    private sealed class Held(HeldStates states, IState state, string path) : IState
    {
        public StatePosition Applied => state.Applied;

        public StatePosition Flushed => state.Flushed;

        public long Bytes => state.Bytes;

        public IStateBatch NewBatch() => state.NewBatch();

        public void Apply(IStateBatch batch, StatePosition position)
        {
            states.Await(path);
            state.Apply(batch, position);
        }

        public void Rewrite(IStateBatch batch) => state.Rewrite(batch);

        public byte[]? Get(ReadOnlySpan<byte> key) => state.Get(key);

        public IStateSnapshot Snapshot() => state.Snapshot();

        public byte[]? Verify(byte[] from, long bytes, out long read) => state.Verify(from, bytes, out read);

        public void Checkpoint(string path) => state.Checkpoint(path);

        public void Flush() => state.Flush();

        public void Dispose() => state.Dispose();
    }
}
