namespace Matchpoint.Simulation.Clients;

/// <summary>What became of an operation.</summary>
internal enum Outcome
{
    /// <summary>It has not ended.</summary>
    Pending,

    /// <summary>It took effect.</summary>
    Ok,

    /// <summary>It surely took no effect.</summary>
    Fail,

    /// <summary>Nobody knows.</summary>
    Unknown,
}

/// <summary>What an operation does.</summary>
internal enum ClientAction
{
    /// <summary>Puts a value under a key.</summary>
    Put,

    /// <summary>Removes a key.</summary>
    Delete,

    /// <summary>Puts a value if the key has another.</summary>
    CompareAndSet,

    /// <summary>Reads a key.</summary>
    Read,

    /// <summary>Removes some registers that are neighbours.</summary>
    DeleteRange,

    /// <summary>Reads all registers in order.</summary>
    Scan,

    /// <summary>Reads lists and appends to lists, together.</summary>
    Transact,
}

/// <summary>One step of a transaction over lists.</summary>
/// <param name="Key">The list.</param>
/// <param name="Append">The value that is appended; null for a read.</param>
/// <param name="ByScan">Whether it is read together with all others of its kind, by a walk over all lists.</param>
internal sealed record ListStep(int Key, int? Append, bool ByScan = false)
{
    /// <summary>What was read.</summary>
    public int[]? Read { get; set; }

    /// <summary>In words.</summary>
    public override string ToString() => Append is { } value ? $"l{Key} += {value}" : $"l{Key} = [{string.Join(' ', Read ?? [])}]";
}

/// <summary>One operation of a client, from its call to its answer.</summary>
internal sealed class ClientOperation
{
    /// <summary>The client.</summary>
    public required int Client { get; init; }

    /// <summary>The node it asked.</summary>
    public required string Node { get; init; }

    /// <summary>What it does.</summary>
    public required ClientAction Action { get; init; }

    /// <summary>The register, or the first of them.</summary>
    public int Key { get; init; }

    /// <summary>How many registers it is about.</summary>
    public int Count { get; init; } = 1;

    /// <summary>The value put; 0 for none.</summary>
    public int Value { get; init; }

    /// <summary>The value expected by a compare-and-set; 0 for none.</summary>
    public int Expected { get; init; }

    /// <summary>The level of a read.</summary>
    public ReadLevel Level { get; init; }

    /// <summary>The steps of a transaction.</summary>
    public IReadOnlyList<ListStep> Steps { get; init; } = [];

    /// <summary>How long a transaction holds what it has read before it writes.</summary>
    public TimeSpan Thinking { get; init; }

    /// <summary>When it was called, counting all calls and answers.</summary>
    public long CalledAt { get; set; }

    /// <summary>When it was answered.</summary>
    public long AnsweredAt { get; set; } = long.MaxValue;

    /// <summary>What became of it.</summary>
    public Outcome Outcome { get; set; }

    /// <summary>What a read found; 0 for nothing. Whether a compare-and-set took effect.</summary>
    public int Found { get; set; }

    /// <summary>What a scan found in each register; 0 for nothing.</summary>
    public int[]? FoundInEach { get; set; }

    /// <summary>Where the node stood that served a read; null where it did not.</summary>
    public ReadPlace? Place { get; set; }

    /// <summary>Whether it wrote something, when it took effect: a compare-and-set that found another value did not, nor did a transaction that only read.</summary>
    public bool Writes => Action switch
    {
        ClientAction.Read or ClientAction.Scan => false,
        ClientAction.CompareAndSet => Found != 0,
        ClientAction.Transact => Steps.Any(static step => step.Append is not null),
        _ => true,
    };

    /// <summary>Whether it changes nothing.</summary>
    public bool IsRead => Action is ClientAction.Read or ClientAction.Scan;

    /// <summary>The commit of a write.</summary>
    public CommitToken Token { get; set; }

    /// <summary>What it does to each register: what is linearizable for each is so for all together (Herlihy and Wing 1990).</summary>
    public IEnumerable<ClientOperation> OnEach() => Action is not (ClientAction.DeleteRange or ClientAction.Scan) ? [this] : Enumerable.Range(0, Count).Select(i => new ClientOperation
    {
        Client = Client,
        Node = Node,
        Action = Action == ClientAction.Scan ? ClientAction.Read : ClientAction.Delete,
        Key = Key + i,
        Level = Level,
        CalledAt = CalledAt,
        AnsweredAt = AnsweredAt,
        Outcome = Outcome,
        Found = FoundInEach?[i] ?? 0,
        Token = Token,
    });

    /// <summary>In words.</summary>
    public override string ToString() => Action switch
    {
        ClientAction.Put => $"client {Client} at {Node}: r{Key} := {Value} -> {Outcome} {Token}",
        ClientAction.Delete => $"client {Client} at {Node}: delete r{Key} -> {Outcome} {Token}",
        ClientAction.DeleteRange => $"client {Client} at {Node}: delete r{Key} to r{Key + Count - 1} -> {Outcome} {Token}",
        ClientAction.Scan => $"client {Client} at {Node}: all ({Level}) -> {Outcome} {string.Join(' ', FoundInEach ?? [])}",
        ClientAction.CompareAndSet => $"client {Client} at {Node}: r{Key} {Expected} => {Value} -> {Outcome} {Found} {Token}",
        ClientAction.Read => $"client {Client} at {Node}: r{Key} ({Level}) -> {Outcome} {Found}",
        _ => $"client {Client} at {Node}: {string.Join(", ", Steps)} -> {Outcome} {Token}",
    };
}
