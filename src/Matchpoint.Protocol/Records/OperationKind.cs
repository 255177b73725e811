namespace Matchpoint.Protocol.Records;

/// <summary>What a transaction does to one key or to a range of keys.</summary>
internal enum OperationKind : byte
{
    /// <summary>Sets a key to a value.</summary>
    Put = 1,

    /// <summary>Removes a key; nothing happens when it is not there.</summary>
    Delete = 2,

    /// <summary>Removes every key from the first one up to, but not including, the second.</summary>
    DeleteRange = 3,
}
