using Matchpoint.Server.Problems;

namespace Matchpoint.Server.Data;

/// <summary>A transaction: what must be so, what is read, what is written. It takes effect together, or not at all.</summary>
internal sealed record TransactionBody
{
    /// <summary>What must be so, or nothing is written.</summary>
    public IReadOnlyList<ConditionBody> Conditions { get; init; } = [];

    /// <summary>Keys whose values are wanted, as they are before the transaction.</summary>
    public IReadOnlyList<KeyBody> Reads { get; init; } = [];

    /// <summary>What is written, in order.</summary>
    public IReadOnlyList<OperationBody> Operations { get; init; } = [];

    /// <summary>none, majority or all; the group's way where not given.</summary>
    public string? Acks { get; init; }

    /// <summary>How many milliseconds it may take.</summary>
    public int? Timeout { get; init; }

    /// <summary>Requires that nothing in it is null: JSON's null fits every list and every element.</summary>
    /// <exception cref="RequestException">Something is.</exception>
    public void MustBeWhole()
    {
        Require(Conditions, "conditions");
        Require(Reads, "reads");
        Require(Operations, "operations");
    }

    private static void Require<T>(IReadOnlyList<T?>? parts, string where)
        where T : class
    {
        if (parts is null) throw RequestException.Bad(where, "a list, or nothing at all", "null");
        for (var i = 0; i < parts.Count; i++)
        {
            if (parts[i] is null) throw RequestException.Bad($"{where}[{i}]", "an object", "null");
        }
    }
}

/// <summary>A key.</summary>
internal record KeyBody
{
    /// <summary>The database; the default one where not given.</summary>
    public string? Database { get; init; }

    /// <summary>The key as text.</summary>
    public string? Key { get; init; }

    /// <summary>The key in base64.</summary>
    public byte[]? KeyBase64 { get; init; }

    /// <summary>The key.</summary>
    public byte[] KeyBytes(string where) => ItemText.Bytes(Key, KeyBase64, $"{where}.key") ?? throw RequestException.Bad($"{where}.key", "key or keyBase64", null);
}

/// <summary>What must be so of a key: exactly one of value, tag and exists.</summary>
internal sealed record ConditionBody : KeyBody
{
    /// <summary>It has this value, as text.</summary>
    public string? Value { get; init; }

    /// <summary>It has this value, in base64.</summary>
    public byte[]? ValueBase64 { get; init; }

    /// <summary>Its value has this ETag.</summary>
    public string? Tag { get; init; }

    /// <summary>It has a value, or has none.</summary>
    public bool? Exists { get; init; }
}

/// <summary>What is written.</summary>
internal sealed record OperationBody : KeyBody
{
    /// <summary>put, delete or delete-range.</summary>
    public string? Kind { get; init; }

    /// <summary>Of a put: the value as text.</summary>
    public string? Value { get; init; }

    /// <summary>Of a put: the value in base64.</summary>
    public byte[]? ValueBase64 { get; init; }

    /// <summary>Of a delete-range: the key behind the last, as text; none for no end. Its first key is <see cref="KeyBody.Key"/>.</summary>
    public string? To { get; init; }

    /// <summary>Of a delete-range: the key behind the last, in base64.</summary>
    public byte[]? ToBase64 { get; init; }
}

/// <summary>What a transaction read.</summary>
internal sealed record ReadAnswer(string? Database, string? Key, byte[]? KeyBase64, bool Exists, string? Value, byte[]? ValueBase64, string? Tag);

/// <summary>A transaction that took effect.</summary>
/// <param name="Token">Its place in the log.</param>
/// <param name="Reads">What it read, in the order asked.</param>
internal sealed record TransactionAnswer(string Token, IReadOnlyList<ReadAnswer> Reads);
