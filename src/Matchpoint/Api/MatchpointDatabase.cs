using System.Runtime.CompilerServices;
using Matchpoint.Protocol.Records;
using Matchpoint.Storage.State;

namespace Matchpoint;

/// <summary>A named set of keys in order, as unsigned bytes. Every method may be called from everywhere at any time; writes go through only on the primary.</summary>
public sealed class MatchpointDatabase
{
    private const int MostNameBytes = 256;

    private readonly MatchpointNode _node;

    internal MatchpointDatabase(MatchpointNode node, string name)
    {
        _node = node;
        Name = Checked(name);
    }

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>The value of a key; null when it has none.</summary>
    /// <param name="key">The key.</param>
    /// <param name="level">How fresh the value is to be.</param>
    /// <param name="cancellation">Gives up waiting.</param>
    /// <exception cref="StaleReadException">It could not be served as fresh as that in time.</exception>
    public ValueTask<byte[]?> GetAsync(ReadOnlyMemory<byte> key, ReadLevel level = default, CancellationToken cancellation = default)
    {
        _node.ThrowIfClosed();
        _node.Core.Board.Traffic.Read();
        _node.Telemetry.Read(level.Kind);
        return level.Kind == ReadKind.Durable && _node.Catalogue.TryFind(Name, out var number)
            ? _node.Reader.GetAsync(number, key, level, cancellation)
            : PrepareAndGetAsync(key, level, cancellation);
    }

    /// <summary>Sets a key to a value.</summary>
    /// <param name="key">The key: at most 64 KiB.</param>
    /// <param name="value">The value: at most 16 MiB.</param>
    /// <param name="options">How the commit differs from the group's others.</param>
    /// <param name="cancellation">Gives up waiting; the outcome is unknown then.</param>
    /// <returns>The commit's place in the log.</returns>
    /// <exception cref="NotPrimaryException">This node takes no writes now.</exception>
    /// <exception cref="InsufficientAcksException">It was not acknowledged in time: the outcome is unknown.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<CommitToken> PutAsync(
        ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, CommitOptions? options = null, CancellationToken cancellation = default)
    {
        _node.ThrowIfClosed();
        if (!_node.Catalogue.TryFind(Name, out var number))
            return await _node.TransactAsync(transaction => transaction.Put(key.Span, value.Span, Name), options, cancellation).ConfigureAwait(false);
        var writer = _node.RentWriter();
        writer.Put(key.Span, value.Span, number);
        return await CommitAsync(writer, options, cancellation).ConfigureAwait(false);
    }

    /// <summary>Removes a key; nothing happens when it is not there.</summary>
    /// <inheritdoc cref="PutAsync"/>
    public ValueTask<CommitToken> DeleteAsync(ReadOnlyMemory<byte> key, CommitOptions? options = null, CancellationToken cancellation = default)
    {
        _node.ThrowIfClosed();
        if (!_node.Catalogue.TryFind(Name, out var number))
            return _node.TransactAsync(transaction => transaction.Delete(key.Span, Name), options, cancellation);
        var writer = _node.RentWriter();
        writer.Delete(key.Span, number);
        return CommitAsync(writer, options, cancellation);
    }

    /// <summary>Removes every key of a range, in one step, however many there are.</summary>
    /// <inheritdoc cref="PutAsync"/>
    public ValueTask<CommitToken> DeleteRangeAsync(KeyRange range, CommitOptions? options = null, CancellationToken cancellation = default)
    {
        _node.ThrowIfClosed();
        if (!_node.Catalogue.TryFind(Name, out var number))
            return _node.TransactAsync(transaction => transaction.DeleteRange(range, Name), options, cancellation);
        var writer = _node.RentWriter();
        writer.DeleteRange(range.From.Span, range.To.Span, number);
        return CommitAsync(writer, options, cancellation);
    }

    /// <summary>Sets a key to a value if it has the expected one.</summary>
    /// <param name="key">The key.</param>
    /// <param name="expected">The value it must have; null: it must have none.</param>
    /// <param name="value">The new value; null removes the key.</param>
    /// <param name="options">How the commit differs from the group's others.</param>
    /// <param name="cancellation">Gives up waiting; the outcome is unknown then.</param>
    /// <returns>The commit's place in the log; null when the key has another value, and nothing was written.</returns>
    /// <inheritdoc cref="PutAsync" path="/exception"/>
    public async ValueTask<CommitToken?> CompareAndSetAsync(
        ReadOnlyMemory<byte> key, byte[]? expected, byte[]? value, CommitOptions? options = null,
        CancellationToken cancellation = default)
    {
        var isSet = false;
        var token = await _node.TransactAsync(
            transaction =>
            {
                var found = transaction.Get(key.Span, Name);
                isSet = found is null ? expected is null : expected is not null && expected.AsSpan().SequenceEqual(found);
                if (!isSet) return;
                if (value is not null) transaction.Put(key.Span, value, Name);
                else transaction.Delete(key.Span, Name);
            },
            options,
            cancellation).ConfigureAwait(false);
        return isSet ? token : null;
    }

    /// <summary>The keys of a range with their values, in order, as they are together at one record.</summary>
    /// <param name="range">The range.</param>
    /// <param name="reverse">From the last to the first.</param>
    /// <param name="level">How fresh they are to be.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="StaleReadException">They could not be served as fresh as that in time.</exception>
    /// <exception cref="ObjectDisposedException">The node was closed before the end of the walk.</exception>
    public async IAsyncEnumerable<KeyValue> ScanAsync(
        KeyRange range = default, bool reverse = false, ReadLevel level = default, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        _node.ThrowIfClosed();
        await _node.Reader.PrepareAsync(level, cancellation).ConfigureAwait(false);
        if (!_node.Catalogue.TryFind(Name, out var number, isLocal: level.Kind == ReadKind.Local)) yield break;
        using var snapshot = _node.Reader.Snapshot(level);
        var (from, to) = MatchpointTransaction.Bounds(number, range);
        using var cursor = snapshot.Cursor(from, to, reverse);
        while (cursor.MoveNext())
        {
            cancellation.ThrowIfCancellationRequested();
            yield return new KeyValue(cursor.Key[StateKey.PrefixSize..].ToArray(), cursor.Value.ToArray());
            _node.ThrowIfClosed();
        }
    }

    /// <summary>Walks the keys of a range with their values where they lie, without copying them: the fastest way to look at many.</summary>
    /// <param name="range">The range.</param>
    /// <param name="visit">Called with each key and value, valid only until it returns; false ends the walk.</param>
    /// <param name="reverse">From the last to the first.</param>
    /// <param name="level">How fresh they are to be.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="StaleReadException">They could not be served as fresh as that in time.</exception>
    /// <exception cref="ObjectDisposedException">The node was closed before the end of the walk.</exception>
    public async ValueTask VisitAsync(
        KeyRange range, KeyValueVisitor visit, bool reverse = false, ReadLevel level = default, CancellationToken cancellation = default)
    {
        _node.ThrowIfClosed();
        await _node.Reader.PrepareAsync(level, cancellation).ConfigureAwait(false);
        if (!_node.Catalogue.TryFind(Name, out var number, isLocal: level.Kind == ReadKind.Local)) return;
        using var snapshot = _node.Reader.Snapshot(level);
        var (from, to) = MatchpointTransaction.Bounds(number, range);
        using var cursor = snapshot.Cursor(from, to, reverse);
        while (cursor.MoveNext() && visit(cursor.Key[StateKey.PrefixSize..], cursor.Value))
        {
            cancellation.ThrowIfCancellationRequested();
            _node.ThrowIfClosed();
        }
    }

    internal static string Checked(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        var bytes = System.Text.Encoding.UTF8.GetByteCount(name);
        return bytes <= MostNameBytes ? name : throw new ArgumentException($"A database's name has {bytes} bytes; {MostNameBytes} are the limit.", nameof(name));
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<CommitToken> CommitAsync(TransactionWriter writer, CommitOptions? options, CancellationToken cancellation)
    {
        var token = await _node.Committer.CommitAsync(writer, reads: null, default, options, cancellation).ConfigureAwait(false);
        _node.ReturnWriter(writer); // Not where it fails: whoever waits for room may still hold it.
        return token;
    }

    private async ValueTask<byte[]?> PrepareAndGetAsync(ReadOnlyMemory<byte> key, ReadLevel level, CancellationToken cancellation)
    {
        await _node.Reader.PrepareAsync(level, cancellation).ConfigureAwait(false);
        var isLocal = level.Kind == ReadKind.Local;
        return _node.Catalogue.TryFind(Name, out var number, isLocal) ? _node.Reader.Get(number, key.Span, isLocal) : null;
    }
}

/// <summary>Looks at a key and its value where they lie.</summary>
/// <param name="key">The key, valid only during the call.</param>
/// <param name="value">The value, valid only during the call.</param>
/// <returns>Whether to go on.</returns>
public delegate bool KeyValueVisitor(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value);
