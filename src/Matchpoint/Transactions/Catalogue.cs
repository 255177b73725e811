using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Text;
using Matchpoint.Node;
using Matchpoint.Storage.State;

namespace Matchpoint.Transactions;

/// <summary>
/// The numbers of the named databases. They are data like any other, under names that no user's key reaches, so that they are replicated and undone
/// with the transaction that made them. Numbers are never used twice.
/// </summary>
internal sealed class Catalogue(Reader reader)
{
    /// <summary>The database without a name of its own.</summary>
    public const string DefaultName = "default";

    /// <summary>The highest number that a database can have.</summary>
    public const ushort Highest = StateKey.SystemDatabase - 2;

    private static readonly byte[] NamePrefix = "database/"u8.ToArray();

    private readonly ConcurrentDictionary<string, ushort> _numbers = new(StringComparer.Ordinal) { [DefaultName] = 0 };
    private readonly ConcurrentDictionary<ushort, string> _names = new() { [0] = DefaultName };

    /// <summary>The key under which the highest number given away stands.</summary>
    public static ReadOnlyMemory<byte> CounterKey { get; } = "databases"u8.ToArray();

    /// <summary>The key under which a database's number stands.</summary>
    public static byte[] KeyOf(string name) => Encoding.UTF8.GetBytes("database/" + name);

    /// <summary>Whether a value that is put under a key of the store's own belongs to the catalogue, as <see cref="Find"/> writes it.</summary>
    public static bool IsEntry(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) =>
        (key.SequenceEqual(CounterKey.Span) || (key.Length > NamePrefix.Length && key.StartsWith(NamePrefix)))
        && value.Length == sizeof(ushort) && Read(value) is > 0 and <= Highest;

    /// <summary>Finds a database that is durable, or for local reads one that is not decided yet; false when there is none of that name yet.</summary>
    public bool TryFind(string name, out ushort number, bool isLocal = false)
    {
        if (_numbers.TryGetValue(name, out number)) return true;
        if (reader.Get(StateKey.SystemDatabase, KeyOf(name), isLocal: false) is { } durable)
        {
            number = Read(durable);
            Remember(name, number);
            return true;
        }

        // What may yet be undone is not remembered.
        if (!isLocal || reader.Get(StateKey.SystemDatabase, KeyOf(name), isLocal: true) is not { } undecided) return false;
        number = Read(undecided);
        return true;
    }

    /// <summary>The number of a database within a transaction; when there is none yet the transaction makes it, if it may.</summary>
    public ushort? Find(MatchpointTransaction transaction, string name, bool make)
    {
        if (TryFind(name, out var known)) return known;
        var key = KeyOf(name);
        if (transaction.GetFrom(StateKey.SystemDatabase, key) is { } value) return Read(value);
        if (!make) return null;
        var last = transaction.GetFrom(StateKey.SystemDatabase, CounterKey.Span) is { } counter ? Read(counter) : (ushort)0;
        if (last >= Highest) throw new MatchpointException($"database '{name}' cannot be made: there are {last} already, and that is the limit.");
        var number = (ushort)(last + 1);
        var bytes = new byte[sizeof(ushort)];
        BinaryPrimitives.WriteUInt16LittleEndian(bytes, number);
        transaction.PutTo(StateKey.SystemDatabase, CounterKey.Span, bytes);
        transaction.PutTo(StateKey.SystemDatabase, key, bytes);
        return number;
    }

    /// <summary>Whether a database has a number, within a transaction. Numbers are given away one after another and never taken back, so the highest tells of all.</summary>
    public bool Has(MatchpointTransaction transaction, ushort number) => _names.ContainsKey(number)
        || (transaction.GetFrom(StateKey.SystemDatabase, CounterKey.Span) is { } counter && number <= Read(counter));

    /// <summary>The name of a database.</summary>
    public string NameOf(ushort number)
    {
        if (_names.TryGetValue(number, out var name)) return name;
        using var snapshot = reader.Snapshot(ReadLevel.Local);
        using var cursor = snapshot.Cursor(StateKey.Of(StateKey.SystemDatabase, "database/"u8), StateKey.Of(StateKey.SystemDatabase, "database0"u8), isBackward: false);
        while (cursor.MoveNext())
        {
            if (Read(cursor.Value) == number) return Encoding.UTF8.GetString(StateKey.UserKey(cursor.Key)["database/"u8.Length..]);
        }

        return $"#{number}";
    }

    private static ushort Read(ReadOnlySpan<byte> value) => BinaryPrimitives.ReadUInt16LittleEndian(value);

    private void Remember(string name, ushort number)
    {
        _numbers[name] = number;
        _names[number] = name;
    }
}
