using System.CommandLine;
using System.Text.Json;
using Matchpoint.Cli.Client;
using Matchpoint.Cli.Terminal;
using Matchpoint.Client;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.Rollbacks;

namespace Matchpoint.Cli.Rollbacks;

/// <summary><c>rollbacks apply</c>: writes what was undone once more, where nothing has changed since.</summary>
internal static class RollbacksApply
{
    /// <summary>Builds the command.</summary>
    public static Command Create()
    {
        var data = Options.Data();
        var name = new Argument<string?>("NAME") { Description = "The rollback, as listed; the last one where none is named.", DefaultValueFactory = _ => null };
        var common = new ClientCommands.Common();
        var command = new Command("apply", "Write what was undone once more: each transaction takes effect only where nothing that it touches has changed since.") { data, name };
        common.AddTo(command, hasDatabase: false);
        command.SetAction((parsed, cancellation) => Options.RunAsync(parsed.GetValue(common.Json), async () =>
        {
            await using var cluster = common.Open(parsed);
            return await RunAsync(cluster, parsed.GetRequiredValue(data), parsed.GetValue(name), parsed.GetValue(common.Json), cancellation);
        }));
        return command;
    }

    private static async Task<int> RunAsync(Cluster cluster, string path, string? name, bool json, CancellationToken cancellation)
    {
        using var directory = DataDirectory.OpenReadOnly(PhysicalFiles.Instance, path);
        var rollback = RollbacksCommand.Find(directory, name);
        if (rollback.State != RollbackState.Undone) throw new RefusedException($"{rollback.Name}: nothing was undone ({rollback.State}), so there is nothing to write once more");
        var own = new List<long>();
        int applied = 0, conflicts = 0, unfinished = 0;
        foreach (var transaction in UndoneTransaction.InOrder(RollbackStore.Operations(directory, rollback.Name)))
        {
            cancellation.ThrowIfCancellationRequested();
            if (!transaction.IsCommitted)
            {
                unfinished++;
                Print(json, transaction.Number, "never committed: left alone", []);
                continue;
            }

            var answer = await cluster.AskPrimaryAsync(transaction.Reapply(rollback.Header.Matchpoint.Value, own), cancellation);
            if (answer.Found)
            {
                applied++;
                var token = CommitToken.Parse(answer.Token!);
                own.Add(token.Vlsn);
                Print(json, transaction.Number, $"applied as {token}", []);
            }
            else
            {
                conflicts++;
                Print(json, transaction.Number, "conflict: nothing written", answer.Conflicts ?? []);
            }
        }

        if (!json) Console.Out.WriteLine($"{applied} transactions applied, {conflicts} in conflict, {unfinished} never committed");
        return conflicts > 0 ? ExitCode.Refused : ExitCode.Success;
    }

    private static void Print(bool json, long transaction, string outcome, IReadOnlyList<string> conflicts)
    {
        if (json)
        {
            Console.Out.WriteLine(JsonSerializer.Serialize(new { transaction, outcome, conflicts }, Json.Line));
            return;
        }

        Console.Out.WriteLine($"transaction {transaction}: {outcome}");
        foreach (var conflict in conflicts) Console.Out.WriteLine($"    {conflict}");
    }
}
