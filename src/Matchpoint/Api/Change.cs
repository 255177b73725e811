namespace Matchpoint;

/// <summary>What a change does.</summary>
public enum ChangeKind
{
    /// <summary>A key was set to a value.</summary>
    Put,

    /// <summary>A key was removed.</summary>
    Delete,

    /// <summary>A range of keys was removed.</summary>
    DeleteRange,
}

/// <summary>One operation of a transaction.</summary>
/// <param name="Kind">What was done.</param>
/// <param name="Database">The name of the database.</param>
/// <param name="Key">The key, or the first key of the range.</param>
/// <param name="Value">The value of a put; the key behind the last of a range; empty for a delete.</param>
public readonly record struct Change(ChangeKind Kind, string Database, ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Value)
{
    /// <summary>The key as UTF-8.</summary>
    public string KeyText => System.Text.Encoding.UTF8.GetString(Key.Span);

    /// <summary>The value as UTF-8.</summary>
    public string ValueText => System.Text.Encoding.UTF8.GetString(Value.Span);
}

/// <summary>A durable transaction, with all its operations in order.</summary>
/// <param name="Token">Its place in the log: a stream resumed from here begins with the transaction behind it.</param>
/// <param name="Time">When its primary wrote it.</param>
/// <param name="Changes">Its operations.</param>
public sealed record ChangeSet(CommitToken Token, DateTimeOffset Time, IReadOnlyList<Change> Changes);
