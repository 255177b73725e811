using RocksDbSharp;

namespace Matchpoint.Storage.State;

/// <summary>A batch of RocksDB.</summary>
internal sealed class RocksBatch : IStateBatch
{
    private const int OperationBytes = 16;

    /// <summary>The batch itself.</summary>
    public WriteBatch Native { get; } = new();

    /// <inheritdoc/>
    public int Count { get; private set; }

    /// <inheritdoc/>
    public long Bytes { get; private set; }

    /// <inheritdoc/>
    public void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        Native.Put(key, value);
        Note(key.Length + value.Length);
    }

    /// <inheritdoc/>
    public void Delete(ReadOnlySpan<byte> key)
    {
        Native.Delete(key);
        Note(key.Length);
    }

    /// <inheritdoc/>
    public void DeleteRange(ReadOnlySpan<byte> from, ReadOnlySpan<byte> to)
    {
        if (from.SequenceCompareTo(to) < 0) Native.DeleteRange(from.ToArray(), (ulong)from.Length, to.ToArray(), (ulong)to.Length);
        Note(from.Length + to.Length);
    }

    /// <inheritdoc/>
    public void Clear()
    {
        Native.Clear();
        Count = 0;
        Bytes = 0;
    }

    /// <inheritdoc/>
    public void Dispose() => Native.Dispose();

    private void Note(int bytes)
    {
        Count++;
        Bytes += bytes + OperationBytes;
    }
}
