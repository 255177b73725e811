using System.CommandLine;
using System.Text;
using Matchpoint.Cli.Log;
using Matchpoint.Cli.Terminal;
using Matchpoint.Client;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;

namespace Matchpoint.Cli.Client;

/// <summary><c>matchpoint txn</c>: writes several things together, if what must be so is so.</summary>
internal static class TxnCommand
{
    /// <summary>Builds the command.</summary>
    public static Command Create()
    {
        var conditions = new Option<string[]>("--if") { Description = "Only if the key has this value.", HelpName = "KEY=VALUE", AllowMultipleArgumentsPerToken = false };
        var absent = new Option<string[]>("--if-absent") { Description = "Only if the key has no value.", HelpName = "KEY", AllowMultipleArgumentsPerToken = false };
        var acks = ClientCommands.Acks();
        var common = new ClientCommands.Common();
        var command = new Command("txn", "Commit the lines of standard input as one transaction: put KEY VALUE, delete KEY, delete-range FROM TO.") { conditions, absent, acks };
        common.AddTo(command);
        command.SetAction((parsed, cancellation) => Options.RunAsync(parsed.GetValue(common.Json), async () =>
        {
            var database = parsed.GetValue(common.Database);
            var writer = new TransactionWriter();
            var lines = new TransactionLines(Console.In, writer);
            if (!await lines.ReadAsync(cancellation)) throw new UsageException("standard input holds no operation");
            var operations = Operations(writer, database);
            if (await lines.ReadAsync(cancellation)) throw new UsageException($"line {lines.Line}: a second transaction; txn commits one, so leave no blank lines in it");
            await using var cluster = common.Open(parsed);
            var answer = await cluster.AskPrimaryAsync(
                new ClientRequest
                {
                    Op = "transact",
                    Operations = operations,
                    Conditions = [.. Conditions(parsed.GetValue(conditions) ?? [], database), .. (parsed.GetValue(absent) ?? []).Select(key => new ClientCondition(database, Bytes(key), null))],
                    Acks = parsed.GetValue(acks),
                    TimeoutMilliseconds = (int)(parsed.GetValue(common.Timeout) * 1000),
                },
                cancellation);
            return answer.Found
                ? ClientCommands.Committed(answer, parsed.GetValue(common.Json))
                : throw new RefusedException("a condition does not hold: nothing was written");
        }));
        return command;
    }

    private static List<ClientOperation> Operations(TransactionWriter writer, string? database)
    {
        var operations = new List<ClientOperation>();
        for (var i = 0; i < writer.Records; i++)
        {
            Protocol.Invariant.Holds(TransactionPayload.TryRead(writer.Payload(i, Vlsn.Null, Vlsn.Null).Span, Vlsn.Of(long.MaxValue), out var payload, out _), "what was just written cannot be read.");
            foreach (var operation in payload)
            {
                var kind = operation.Kind switch
                {
                    OperationKind.Put => ChangeKind.Put,
                    OperationKind.Delete => ChangeKind.Delete,
                    OperationKind.DeleteRange => ChangeKind.DeleteRange,
                    _ => throw Protocol.Invariant.Unreachable(operation.Kind),
                };
                operations.Add(new ClientOperation(kind, database, -1, operation.Key.ToArray(), operation.Value.ToArray()));
            }
        }

        return operations;
    }

    private static IEnumerable<ClientCondition> Conditions(IEnumerable<string> conditions, string? database) => conditions.Select(condition =>
    {
        var equals = condition.IndexOf('=', StringComparison.Ordinal);
        if (equals <= 0) throw new UsageException($"--if: expected KEY=VALUE, found \"{condition}\"");
        return new ClientCondition(database, Bytes(condition[..equals]), Bytes(condition[(equals + 1)..]));
    });

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);
}
