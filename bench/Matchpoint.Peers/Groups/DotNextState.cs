#pragma warning disable DOTNEXT001 // The library calls it experimental, and its own documentation builds on it.
using System.Buffers;
using System.Collections.Concurrent;
using DotNext.IO;
using DotNext.Net.Cluster.Consensus.Raft.StateMachine;

namespace Matchpoint.Peers.Groups;

/// <summary>A dictionary that Raft's entries are applied to: each is a key of a fixed length and its value. It takes no snapshots: no run is long enough to need one.</summary>
internal sealed class DotNextState(DirectoryInfo location) : SimpleStateMachine(location)
{
    private const int KeyBytes = Keys.Bytes;

    private readonly ConcurrentDictionary<UInt128, byte[]> _items = new();

    /// <summary>The entry that puts.</summary>
    public static ReadOnlyMemory<byte> Put(byte[] key, byte[] value)
    {
        var entry = new byte[KeyBytes + value.Length];
        key.CopyTo(entry, 0);
        value.CopyTo(entry, KeyBytes);
        return entry;
    }

    /// <summary>Whether a key has a value here.</summary>
    public bool Has(ReadOnlySpan<byte> key) => _items.ContainsKey(Keys.Number(key));

    /// <inheritdoc/>
    protected override ValueTask RestoreAsync(FileInfo snapshotFile, CancellationToken token) => throw new InvalidOperationException("nothing here takes snapshots");

    /// <inheritdoc/>
    protected override ValueTask PersistAsync(IAsyncBinaryWriter writer, CancellationToken token) => throw new InvalidOperationException("nothing here takes snapshots");

    /// <inheritdoc/>
    protected override ValueTask<bool> ApplyAsync(LogEntry entry, CancellationToken token)
    {
        // A new leader's first entry is empty.
        if (entry.TryGetPayload(out var payload) && payload.Length > KeyBytes)
        {
            var bytes = payload.ToArray();
            _items[Keys.Number(bytes.AsSpan(0, KeyBytes))] = bytes[KeyBytes..];
        }

        return ValueTask.FromResult(false);
    }
}
