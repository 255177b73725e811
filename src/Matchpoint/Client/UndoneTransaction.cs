using Matchpoint.Protocol;
using Matchpoint.Storage.Rollbacks;

namespace Matchpoint.Client;

/// <summary>A transaction that was undone, as it is written once more.</summary>
/// <param name="Number">The first record that it had.</param>
/// <param name="IsCommitted">Whether it had been committed; what was not is left alone.</param>
/// <param name="Operations">What it did, in order.</param>
internal sealed record UndoneTransaction(long Number, bool IsCommitted, IReadOnlyList<ClientOperation> Operations)
{
    /// <summary>The transactions of an export, in the order in which they took effect: that of their last records, for the pieces of several may lie between each other.</summary>
    public static IEnumerable<UndoneTransaction> InOrder(IEnumerable<UndoneOperation> operations) => operations
        .GroupBy(static operation => operation.Transaction)
        .OrderBy(static transaction => transaction.Max(static operation => operation.Vlsn))
        .Select(static transaction => new UndoneTransaction(
            transaction.Key.Value,
            transaction.First().Committed,
            [.. transaction.Select(static operation => new ClientOperation(KindOf(operation.Kind), null, operation.Database, operation.Key, operation.Second))]));

    /// <summary>Asks a primary to write it once more.</summary>
    /// <param name="matchpoint">Nothing that it touches may have changed behind this record.</param>
    /// <param name="own">Records of the same export that are written already: they do not count as changes.</param>
    public ClientRequest Reapply(long matchpoint, IReadOnlyList<long> own) => new() { Op = "reapply", Since = Math.Max(0, matchpoint), Own = own, Operations = Operations };

    private static ChangeKind KindOf(string kind) => kind switch
    {
        "put" => ChangeKind.Put,
        "delete" => ChangeKind.Delete,
        "delete-range" => ChangeKind.DeleteRange,
        _ => throw Invariant.Unreachable(kind),
    };
}
