namespace Matchpoint.Protocol.Records;

/// <summary>One operation, read in place: its spans point into the record.</summary>
internal readonly ref struct Operation
{
    private readonly ReadOnlySpan<byte> _second;

    /// <summary>An operation over the bytes of a record.</summary>
    public Operation(OperationKind kind, ushort database, ReadOnlySpan<byte> key, ReadOnlySpan<byte> second)
    {
        Kind = kind;
        Database = database;
        Key = key;
        _second = second;
    }

    /// <summary>What is done.</summary>
    public OperationKind Kind { get; }

    /// <summary>The number of the database it is done to; 0 is the default one.</summary>
    public ushort Database { get; }

    /// <summary>The key, or the first key of the range.</summary>
    public ReadOnlySpan<byte> Key { get; }

    /// <summary>The value of a put.</summary>
    public ReadOnlySpan<byte> Value => _second;

    /// <summary>The key at which a range ends, not itself removed.</summary>
    public ReadOnlySpan<byte> EndKey => _second;
}
