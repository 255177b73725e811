using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;
using Matchpoint.Storage.State;
using Matchpoint.Tail;
using Matchpoint.Transactions;

namespace Matchpoint;

/// <summary>
/// A transaction under way on the primary. It reads one snapshot, and its own writes over it; the writes come into effect together, or not at all,
/// when it commits. When anything that it has read was changed since, the commit fails with a
/// <see cref="ConflictException"/>: transactions are strictly serializable. For one thread at a time.
/// </summary>
public sealed class MatchpointTransaction : IDisposable
{
    private readonly MatchpointNode _node;
    private readonly TransactionWriter _writer;
    private readonly ReadSet _reads = new();
    private TailGeneration? _own;
    private ReadSnapshot? _snapshot;
    private long _order;
    private long _bytes;
    private bool _isOver;

    internal MatchpointTransaction(MatchpointNode node)
    {
        _node = node;
        _writer = new TransactionWriter(node.Core.PieceBytes);
    }

    /// <summary>Whether it has written anything.</summary>
    public bool HasWrites => _writer.Operations > 0;

    internal Vlsn SnapshotAt => _snapshot?.At ?? Vlsn.Null;

    /// <summary>The value of a key; null when it has none.</summary>
    /// <param name="key">The key.</param>
    /// <param name="database">The database's name; the default one when not given.</param>
    public byte[]? Get(ReadOnlySpan<byte> key, string? database = null) =>
        Number(database, make: false) is { } number ? GetFrom(number, key) : null;

    /// <summary>Sets a key to a value.</summary>
    /// <param name="key">The key: at most 64 KiB.</param>
    /// <param name="value">The value: at most 16 MiB.</param>
    /// <param name="database">The database's name; it is made when there is none. The default one when not given.</param>
    /// <exception cref="ArgumentException">The key or the value is too long.</exception>
    /// <exception cref="MatchpointException">The transaction has become too large.</exception>
    public void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, string? database = null) => PutTo(Number(database, make: true)!.Value, key, value);

    /// <summary>Removes a key; nothing happens when it is not there.</summary>
    /// <inheritdoc cref="Put"/>
    public void Delete(ReadOnlySpan<byte> key, string? database = null)
    {
        if (Number(database, make: false) is { } number) DeleteFrom(number, key);
    }

    /// <summary>Removes every key of a range.</summary>
    /// <inheritdoc cref="Put"/>
    public void DeleteRange(KeyRange range, string? database = null)
    {
        if (Number(database, make: false) is { } number) DeleteRangeFrom(number, range);
    }

    /// <summary>
    /// The keys of a range with their values, in order. What was walked through counts as read. What the transaction writes meanwhile is seen where the walk has not been yet.
    /// </summary>
    /// <param name="range">The range.</param>
    /// <param name="reverse">From the last to the first.</param>
    /// <param name="database">The database's name; the default one when not given.</param>
    public IEnumerable<KeyValue> Scan(KeyRange range, bool reverse = false, string? database = null)
    {
        if (Number(database, make: false) is not { } number) yield break;
        var (from, to) = Bounds(number, range);
        using var cursor = Snapshot.Cursor(from, to, reverse, Own);
        // What was walked through so far counts as read at every step: the walk may be left, or the transaction committed, in the middle of it.
        var read = reverse ? _reads.AddRange(to, to) : _reads.AddRange(from, from);
        while (cursor.MoveNext())
        {
            var key = cursor.Key.ToArray();
            _reads.Widen(read, reverse ? key : from, reverse ? to : [.. key, 0]);
            yield return new KeyValue(key.AsMemory(StateKey.PrefixSize), cursor.Value.ToArray());
            ThrowIfOver();
        }

        _reads.Widen(read, from, to);
    }

    /// <summary>Ends it. What was not committed was never written.</summary>
    public void Dispose()
    {
        _isOver = true;
        _snapshot?.Dispose();
    }

    internal byte[]? GetFrom(ushort database, ReadOnlySpan<byte> key)
    {
        ThrowIfOver();
        var stateKey = StateKey.Of(database, key);
        var value = Snapshot.Get(stateKey, _own);
        _reads.Add(stateKey);
        return value;
    }

    internal void PutTo(ushort database, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        Charge(key.Length + value.Length);
        _writer.Put(key, value, database);
        Own.Add(database, key, value, isDeleted: false, TailView.OwnWrite, ++_order);
    }

    internal void DeleteFrom(ushort database, ReadOnlySpan<byte> key)
    {
        Charge(key.Length);
        _writer.Delete(key, database);
        Own.Add(database, key, [], isDeleted: true, TailView.OwnWrite, ++_order);
    }

    internal void DeleteRangeFrom(ushort database, KeyRange range)
    {
        Charge(range.From.Length + range.To.Length);
        _writer.DeleteRange(range.From.Span, range.To.Span, database);
        var (from, end) = Bounds(database, range);
        Own.AddRange(new TailRange(from, end, TailView.OwnWrite, ++_order));
    }

    /// <summary>A range counts as read, without being walked through.</summary>
    internal void TouchRange(ushort database, KeyRange range)
    {
        ThrowIfOver();
        _ = Snapshot;
        var (from, to) = Bounds(database, range);
        _reads.AddRange(from, to);
    }

    internal async ValueTask<CommitToken> CommitAsync(CommitOptions? options, CancellationToken cancellation)
    {
        ThrowIfOver();
        try
        {
            if (!HasWrites) return _node.TokenOf(SnapshotAt);
            return await _node.Committer.CommitAsync(_writer, _reads.IsEmpty ? null : _reads, SnapshotAt, options, cancellation).ConfigureAwait(false);
        }
        finally
        {
            Dispose();
        }
    }

    internal static (byte[] From, byte[] To) Bounds(ushort database, KeyRange range) => (
        StateKey.Of(database, range.From.Span),
        range.To.IsEmpty ? StateKey.Of((ushort)(database + 1), []) : StateKey.Of(database, range.To.Span));

    private TailGeneration Own => _own ??= new TailGeneration();

    private ReadSnapshot Snapshot => _snapshot ??= _node.Reader.Snapshot(ReadLevel.Durable, isTransaction: true);

    private ushort? Number(string? database, bool make)
    {
        ThrowIfOver();
        return database is null ? (ushort)0 : _node.Catalogue.Find(this, MatchpointDatabase.Checked(database), make);
    }

    private void Charge(int bytes)
    {
        ThrowIfOver();
        var most = _node.Options.MaxTailBytes / 4;
        if (_bytes + bytes > most)
            throw new MatchpointException($"the transaction would hold {_bytes + bytes} bytes, and the limit is {most}, a quarter of MaxTailBytes. Write it in several transactions.");
        _bytes += bytes + TransactionPayload.OperationHeaderSize;
    }

    private void ThrowIfOver()
    {
        _node.ThrowIfClosed();
        if (_isOver) throw new InvalidOperationException("The transaction is over: begin another.");
    }
}
