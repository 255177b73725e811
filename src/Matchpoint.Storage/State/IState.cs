using Matchpoint.Protocol.Identities;

namespace Matchpoint.Storage.State;

/// <summary>How much of the log a state holds: everything up to a record, and which log that is.</summary>
/// <param name="Vlsn">The last applied record; null when there is none.</param>
/// <param name="Fingerprint">The chained hash there: a state whose fingerprint differs from the log's belongs to another history.</param>
internal readonly record struct StatePosition(Vlsn Vlsn, Fingerprint Fingerprint);

/// <summary>
/// What the durable log amounts to: ordered keys with values. It holds exactly the durable prefix of the log, never an undone write, so a rollback
/// never touches it. Batches are atomic, and carry the position they lead to. Keys are those of <see cref="StateKey"/>.
/// </summary>
/// <remarks>
/// One thread at a time applies and flushes; readers may come from everywhere, at any time. After a crash the state stands at some position between
/// <see cref="Flushed"/> and <see cref="Applied"/>, whole: what lies above is applied again from the log.
/// </remarks>
internal interface IState : IDisposable
{
    /// <summary>How far it is.</summary>
    StatePosition Applied { get; }

    /// <summary>How far it surely is after a crash: the log must be kept from here on.</summary>
    StatePosition Flushed { get; }

    /// <summary>Bytes it takes on disk, roughly.</summary>
    long Bytes { get; }

    /// <summary>A new, empty batch.</summary>
    IStateBatch NewBatch();

    /// <summary>Applies a batch and moves to its position, in one step, and empties the batch.</summary>
    /// <exception cref="StorageException">The disk failed; the state takes nothing more.</exception>
    void Apply(IStateBatch batch, StatePosition position);

    /// <summary>Applies a batch that no record stands for, and stays where it is: what is held becomes other than the log says. Empties the batch.</summary>
    /// <exception cref="StorageException">The disk failed; the state takes nothing more.</exception>
    void Rewrite(IStateBatch batch);

    /// <summary>The value of a key in an array of its own; null when it has none.</summary>
    /// <exception cref="DamageException">What is stored is damaged.</exception>
    byte[]? Get(ReadOnlySpan<byte> key);

    /// <summary>The state as it is now, whatever is applied later, until it is disposed.</summary>
    IStateSnapshot Snapshot();

    /// <summary>Reads on from a key, and proves what it reads as far as it is protected, without disturbing others more than it must.</summary>
    /// <param name="from">Where to begin.</param>
    /// <param name="bytes">About so many bytes.</param>
    /// <param name="read">How many it were.</param>
    /// <returns>Where to go on; null at the end.</returns>
    /// <exception cref="DamageException">What is stored is damaged.</exception>
    byte[]? Verify(byte[] from, long bytes, out long read)
    {
        using var snapshot = Snapshot();
        using var cursor = snapshot.Cursor(from, StateKey.BehindAll);
        return Walk(cursor, from, bytes, out read);
    }

    /// <summary>Walks with a cursor from a key on, over about so many bytes.</summary>
    static byte[]? Walk(IStateCursor cursor, byte[] from, long bytes, out long read)
    {
        read = 0;
        for (var isThere = cursor.Seek(from); isThere; isThere = cursor.Next())
        {
            if (read >= bytes) return cursor.Key.ToArray();
            read += cursor.Key.Length + cursor.Value.Length;
        }

        return null;
    }

    /// <summary>Brings everything applied to the device.</summary>
    /// <exception cref="StorageException">The disk failed; the state takes nothing more.</exception>
    void Flush();

    /// <summary>
    /// Makes a picture of the state as it is now in a directory that is not there yet, while readers and the one who applies go on. What is in it can be opened as a state. It shares with
    /// the state what never changes, so that it takes next to no room at first.
    /// </summary>
    /// <exception cref="StorageException">It cannot be made: the message says why.</exception>
    void Checkpoint(string path);
}

/// <summary>Operations in the order in which they take effect.</summary>
internal interface IStateBatch : IDisposable
{
    /// <summary>How many operations it holds.</summary>
    int Count { get; }

    /// <summary>About how many bytes it holds.</summary>
    long Bytes { get; }

    /// <summary>Sets a key to a value.</summary>
    void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value);

    /// <summary>Removes a key.</summary>
    void Delete(ReadOnlySpan<byte> key);

    /// <summary>Removes the keys from one up to, but not including, another.</summary>
    void DeleteRange(ReadOnlySpan<byte> from, ReadOnlySpan<byte> to);

    /// <summary>Empties it.</summary>
    void Clear();
}

/// <summary>A state at one position.</summary>
internal interface IStateSnapshot : IDisposable
{
    /// <summary>The position it shows.</summary>
    StatePosition Position { get; }

    /// <inheritdoc cref="IState.Get"/>
    byte[]? Get(ReadOnlySpan<byte> key);

    /// <summary>A cursor over the keys from one up to, but not including, another. It stands nowhere until it is moved.</summary>
    IStateCursor Cursor(ReadOnlySpan<byte> from, ReadOnlySpan<byte> to);
}

/// <summary>Walks a snapshot's keys in order. Spans are valid until the next move. For one thread at a time; to be disposed before its snapshot.</summary>
internal interface IStateCursor : IDisposable
{
    /// <summary>The key it stands on.</summary>
    ReadOnlySpan<byte> Key { get; }

    /// <summary>The value there.</summary>
    ReadOnlySpan<byte> Value { get; }

    /// <summary>Goes to the first key at or above the given one (within the range); false when there is none.</summary>
    bool Seek(ReadOnlySpan<byte> key);

    /// <summary>Goes to the last key at or below the given one (within the range); false when there is none.</summary>
    bool SeekBack(ReadOnlySpan<byte> key);

    /// <summary>Goes to the range's last key; false when there is none.</summary>
    bool SeekLast();

    /// <summary>Goes to the next key; false behind the last.</summary>
    bool Next();

    /// <summary>Goes to the key before; false before the first.</summary>
    bool Previous();
}
