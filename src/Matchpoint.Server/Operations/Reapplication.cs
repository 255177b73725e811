using System.Text.Json;
using Matchpoint.Client;
using Matchpoint.Storage.Rollbacks;

namespace Matchpoint.Server.Operations;

/// <summary>What became of one undone transaction.</summary>
/// <param name="Transaction">The first record that it had.</param>
/// <param name="Outcome">applied, conflict or unfinished (it was never committed: left alone).</param>
/// <param name="Token">Where it stands in the log now; null when it was not written.</param>
/// <param name="Conflicts">What has changed since, one sentence each; nothing of it was written then.</param>
internal sealed record ReapplyOutcome(long Transaction, string Outcome, string? Token, IReadOnlyList<string> Conflicts);

/// <summary>Writes what was undone once more, on the primary: each transaction takes effect only where nothing that it touches has changed since.</summary>
internal sealed class Reapplication(MatchpointNode node, ExportReader exports)
{
    /// <summary>Writes an export once more.</summary>
    public async Task<IReadOnlyList<ReapplyOutcome>> RunAsync(string member, string name, CancellationToken cancellation)
    {
        var (matchpoint, operations) = await ReadAsync(member, name, cancellation).ConfigureAwait(false);
        var primary = new PrimaryLine(node);
        var outcomes = new List<ReapplyOutcome>();
        var own = new List<long>();
        foreach (var transaction in UndoneTransaction.InOrder(operations))
        {
            if (!transaction.IsCommitted)
            {
                outcomes.Add(new ReapplyOutcome(transaction.Number, "unfinished", null, []));
                continue;
            }

            var answer = await primary.AskAsync(
                transaction.Reapply(matchpoint, own),
                (request, token) => new ClientService(node).ReapplyAsync(request, token).AsTask(),
                node.Options.CommitTimeout,
                cancellation).ConfigureAwait(false);
            if (answer.Found) own.Add(CommitToken.Parse(answer.Token!).Vlsn);
            outcomes.Add(new ReapplyOutcome(transaction.Number, answer.Found ? "applied" : "conflict", answer.Found ? answer.Token : null, answer.Conflicts ?? []));
        }

        return outcomes;
    }

    private async Task<(long Matchpoint, List<UndoneOperation> Operations)> ReadAsync(string member, string name, CancellationToken cancellation)
    {
        long? matchpoint = null;
        long? end = null;
        var operations = new List<UndoneOperation>();
        await foreach (var line in exports.LinesAsync(member, name, cancellation).ConfigureAwait(false))
        {
            try
            {
                if (matchpoint is null) matchpoint = RollbackJson.ReadHeader(line).Matchpoint.Value;
                else if (line.TryGetProperty("end", out var count)) end = count.GetInt64();
                else operations.Add(RollbackJson.ReadOperation(line));
            }
            catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
            {
                throw ExportReader.Damaged(name, error.Message);
            }
        }

        // Half of an export would be written as if it were whole.
        return matchpoint is { } at && end == operations.Count ? (at, operations) : throw ExportReader.Damaged(name, $"{operations.Count} operations, and an end that counts {end}");
    }
}
