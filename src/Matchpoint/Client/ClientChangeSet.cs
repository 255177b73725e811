using Matchpoint.Protocol;

namespace Matchpoint.Client;

/// <summary>A transaction of a watch, or a part of one.</summary>
/// <param name="Token">The transaction.</param>
/// <param name="Time">When it was committed.</param>
/// <param name="Operations">What it did, in order.</param>
/// <param name="IsWhole">Whether it ends here; false where the next part goes on with it.</param>
internal sealed record ClientChangeSet(string Token, DateTimeOffset Time, IReadOnlyList<ClientOperation> Operations, bool IsWhole)
{
    /// <summary>
    /// A part that has this many bytes is not filled further. With one operation of the largest value beyond it, and everything in base64, it still fits into a frame.
    /// </summary>
    private const int PartBytes = Limits.ValueBytes;

    /// <summary>What stands around an operation's key and value in JSON, at the most; the database's name comes on top.</summary>
    private const int OperationBytes = 128;

    /// <summary>The most bytes of JSON that a character becomes.</summary>
    private const int EscapedBytes = 6;

    /// <summary>What a transaction did to a database, or to any, in as many parts as it needs; in none when it did nothing to it.</summary>
    public static IEnumerable<ClientChangeSet> Parts(ChangeSet set, string? database)
    {
        var operations = new List<ClientOperation>();
        long bytes = 0;
        foreach (var change in set.Changes)
        {
            if (database is not null && change.Database != database) continue;
            if (bytes >= PartBytes)
            {
                yield return new ClientChangeSet(set.Token.ToString(), set.Time, operations, IsWhole: false);
                (operations, bytes) = ([], 0);
            }

            operations.Add(new ClientOperation(change.Kind, change.Database, -1, change.Key.ToArray(), change.Value.ToArray()));
            bytes += OperationBytes + (EscapedBytes * change.Database.Length) + change.Key.Length + change.Value.Length;
        }

        if (operations.Count > 0) yield return new ClientChangeSet(set.Token.ToString(), set.Time, operations, IsWhole: true);
    }
}
