namespace Matchpoint;

/// <summary>A range of keys: from one, itself included, up to another, itself not included. Keys are ordered as unsigned bytes.</summary>
/// <param name="From">The first key; empty for the first of all.</param>
/// <param name="To">The key behind the last; empty for no end.</param>
public readonly record struct KeyRange(ReadOnlyMemory<byte> From, ReadOnlyMemory<byte> To)
{
    /// <summary>All keys.</summary>
    public static KeyRange All => default;

    /// <summary>The keys that begin with these bytes.</summary>
    public static KeyRange Prefix(ReadOnlyMemory<byte> prefix)
    {
        // The key behind a prefix: its last byte that can be raised is raised, and what stands behind that is cut off.
        var last = prefix.Span.LastIndexOfAnyExcept((byte)0xFF);
        if (last < 0) return new KeyRange(prefix, default);
        var behind = prefix[..(last + 1)].ToArray();
        behind[last]++;
        return new KeyRange(prefix, behind);
    }

    /// <summary>The keys that begin with a text in UTF-8.</summary>
    public static KeyRange Prefix(string prefix) => Prefix(System.Text.Encoding.UTF8.GetBytes(prefix));
}

/// <summary>A key and its value.</summary>
/// <param name="Key">The key.</param>
/// <param name="Value">The value.</param>
public readonly record struct KeyValue(ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Value)
{
    /// <summary>The key as UTF-8.</summary>
    public string KeyText => System.Text.Encoding.UTF8.GetString(Key.Span);

    /// <summary>The value as UTF-8.</summary>
    public string ValueText => System.Text.Encoding.UTF8.GetString(Value.Span);
}
