using System.Text.Json.Serialization;
using Matchpoint.Journal;
using Matchpoint.Storage.State;
using Matchpoint.Transactions;

namespace Matchpoint.Client;

/// <summary>What a client of the tool's service asks; which fields count depends on the operation. Keys and values travel as base64.</summary>
internal sealed record ClientRequest
{
    /// <summary>get, scan, transact, reapply, watch, status, overview, journal, export, digest or backup.</summary>
    public required string Op { get; init; }

    /// <summary>The database; the default one when not given.</summary>
    public string? Database { get; init; }

    /// <summary>The key of a get, or the first of a scan.</summary>
    public byte[]? Key { get; init; }

    /// <summary>The key behind the last of a scan.</summary>
    public byte[]? To { get; init; }

    /// <summary>From the last to the first.</summary>
    public bool Reverse { get; init; }

    /// <summary>The most keys of a scan; 0 for all.</summary>
    public long Limit { get; init; }

    /// <summary>durable, local, linearizable, at-least or max-lag.</summary>
    public string? Level { get; init; }

    /// <summary>The token of at-least, or where a watch begins.</summary>
    public string? Token { get; init; }

    /// <summary>The time of max-lag.</summary>
    public int LagMilliseconds { get; init; }

    /// <summary>The operations of a transaction.</summary>
    public IReadOnlyList<ClientOperation>? Operations { get; init; }

    /// <summary>What must be so before the transaction.</summary>
    public IReadOnlyList<ClientCondition>? Conditions { get; init; }

    /// <summary>Whose acknowledgement a commit waits for; the group's default when not given.</summary>
    public AckPolicy? Acks { get; init; }

    /// <summary>How long a commit may wait.</summary>
    public int TimeoutMilliseconds { get; init; }

    /// <summary>Of a reapply: nothing that it touches may have changed behind this record.</summary>
    public long Since { get; init; }

    /// <summary>Of a reapply: records that do not count as changes, for they are of the same reapplication.</summary>
    public IReadOnlyList<long>? Own { get; init; }

    /// <summary>The export that is asked for.</summary>
    public string? Export { get; init; }

    /// <summary>Of a backup: CopyBusy may come before the answer.</summary>
    public bool MayBeBusy { get; init; }

    /// <summary>A member as it is to be.</summary>
    public ClientMember? Member { get; init; }

    /// <summary>The name of the member that is to go, or to be the primary.</summary>
    public string? Name { get; init; }

    /// <summary>Refuses what JSON can say, and no request means.</summary>
    /// <exception cref="FormatException">It says so.</exception>
    public void MustBeWhole()
    {
        // JSON has nulls and numbers where the types here have none: without this they would come to where a record is written.
        if (Operations is not null && Operations.Any(static operation => operation is not { Key: not null }))
            throw new FormatException("operations: expected each to have a key; one has none. Nothing was written.");
        if (Conditions is not null && Conditions.Any(static condition => condition is not { Key: not null }))
            throw new FormatException("conditions: expected each to have a key; one has none. Nothing was written.");
        if (Acks is { } acks && !Enum.IsDefined(acks)) throw new FormatException($"acks: {(int)acks}: expected None, Majority or All. Nothing was written.");
        if (Since < 0) throw new FormatException($"since: {Since}: expected the number of a record, or 0 for all. Nothing was written.");
    }
}

/// <summary>One operation.</summary>
/// <param name="Kind">What it does.</param>
/// <param name="Database">The database; the default one when not given.</param>
/// <param name="DatabaseNumber">The database by its number, as exports name it; null or -1 where the name counts.</param>
/// <param name="Key">The key, or the first of a range.</param>
/// <param name="Value">The value, or the key behind the last of a range.</param>
internal sealed record ClientOperation([property: JsonRequired] ChangeKind Kind, string? Database, int? DatabaseNumber, byte[] Key, byte[]? Value)
{
    private const int ByName = -1;

    /// <summary>The number that counts; null where the name does.</summary>
    /// <param name="mayMakeDatabases">Whether it may belong to the catalogue: what was undone may have made a database.</param>
    /// <exception cref="FormatException">No user's operation can be that.</exception>
    public ushort? NumberIn(bool mayMakeDatabases)
    {
        if (!Enum.IsDefined(Kind)) throw new FormatException($"operations: kind {(int)Kind}: expected Put, Delete or DeleteRange.");
        switch (DatabaseNumber)
        {
            case null or ByName:
                return null;
            case >= 0 and <= Catalogue.Highest:
                return (ushort)DatabaseNumber;
            case StateKey.SystemDatabase when mayMakeDatabases && Kind == ChangeKind.Put && Catalogue.IsEntry(Key, Value):
                return StateKey.SystemDatabase;
            default:
                throw new FormatException(
                    $"operations: {Kind} in database {DatabaseNumber}: expected 0 to {Catalogue.Highest}, or {ByName} where the name counts; "
                    + "what lies above belongs to the store itself. Nothing was written.");
        }
    }
}

/// <summary>What must be so.</summary>
/// <param name="Database">The database; the default one when not given.</param>
/// <param name="Key">The key.</param>
/// <param name="Expected">The value it must have; null for none.</param>
internal sealed record ClientCondition(string? Database, byte[] Key, byte[]? Expected);

/// <summary>An answer, or a part of one.</summary>
internal sealed record ClientAnswer
{
    /// <summary>Whether this is the last part.</summary>
    public bool IsLast { get; init; } = true;

    /// <summary>What went wrong; null where nothing did.</summary>
    public ClientError? Error { get; init; }

    /// <summary>Whether a key has a value, or a transaction's conditions held.</summary>
    public bool Found { get; init; }

    /// <summary>The value.</summary>
    public byte[]? Value { get; init; }

    /// <summary>The place in the log.</summary>
    public string? Token { get; init; }

    /// <summary>Keys with their values.</summary>
    public IReadOnlyList<ClientItem>? Items { get; init; }

    /// <summary>A transaction of a watch.</summary>
    public ClientChangeSet? Changes { get; init; }

    /// <summary>How the node is.</summary>
    public NodeStatus? Status { get; init; }

    /// <summary>How the node is, with what it has done.</summary>
    public NodeOverview? Overview { get; init; }

    /// <summary>What the node remembers.</summary>
    public JournalPage? Journal { get; init; }

    /// <summary>Who is the primary now.</summary>
    public string? Name { get; init; }

    /// <summary>The hash of everything.</summary>
    public string? Digest { get; init; }

    /// <summary>Whose data a backup holds: the copy's offer follows, then the chunks that are asked for.</summary>
    public ClientBackup? Backup { get; init; }

    /// <summary>What stood against a reapply, one sentence each.</summary>
    public IReadOnlyList<string>? Conflicts { get; init; }
}

/// <summary>A key with its value.</summary>
internal sealed record ClientItem(byte[] Key, byte[] Value);

/// <summary>What went wrong.</summary>
/// <param name="Kind">not-primary, insufficient-acks, conflict, stale, undone, trimmed, tail-full, failed or bad-request.</param>
/// <param name="Message">In words.</param>
/// <param name="Primary">The primary's name, where another node is it.</param>
/// <param name="Address">Where that one listens.</param>
/// <param name="Token">The commit whose outcome is unknown.</param>
internal sealed record ClientError(string Kind, string Message, string? Primary, string? Address, string? Token);

/// <summary>How these become JSON.</summary>
// Metadata only: the writers that are generated otherwise write a null byte[] as "".
[JsonSourceGenerationOptions(
    GenerationMode = JsonSourceGenerationMode.Metadata, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true)]
[JsonSerializable(typeof(ClientRequest))]
[JsonSerializable(typeof(ClientAnswer))]
internal sealed partial class ClientJson : JsonSerializerContext;
