using System.CommandLine;
using System.Text;
using System.Text.Json;
using Matchpoint.Cli.Terminal;
using Matchpoint.Client;

namespace Matchpoint.Cli.Client;

/// <summary>The commands that talk to running nodes: put, get, delete, scan, watch.</summary>
internal static class ClientCommands
{
    /// <summary>What all of them share.</summary>
    internal sealed class Common
    {
        public Option<string[]> Connect { get; } = new("--connect")
        {
            Description = "A node of the group, or several; the primary is found from there.",
            HelpName = "HOST:PORT[,HOST:PORT]",
            Required = true,
        };

        public Option<string?> Database { get; } = new("--database") { Description = "The database; the default one where none is named." };

        public Option<double> Timeout { get; } = new("--timeout") { Description = "How long to try, in seconds.", DefaultValueFactory = _ => 10 };

        public Option<bool> Json { get; } = Options.Json();

        public SecurityFlags Security { get; } = new();

        public void AddTo(Command command, bool hasDatabase = true)
        {
            Security.AddTo(command);
            command.Add(Connect);
            if (hasDatabase) command.Add(Database);
            command.Add(Timeout);
            command.Add(Json);
        }

        public Cluster Open(ParseResult parsed)
        {
            var endpoints = Cluster.Parse(parsed.GetRequiredValue(Connect));
            return endpoints.Count > 0 ? new Cluster(endpoints, TimeSpan.FromSeconds(parsed.GetValue(Timeout)), Security.Security(parsed)) : throw new UsageException("--connect: name a node");
        }
    }

    /// <summary>Builds the commands.</summary>
    public static IEnumerable<Command> Create() => [Put(), Get(), Delete(), Scan(), Watch(), TxnCommand.Create()];

    /// <summary>Whose acknowledgement a commit waits for.</summary>
    internal static Option<AckPolicy?> Acks() => new("--acks")
    {
        Description = "Whose acknowledgement to wait for: none, majority or all; the group's default where it is not said.",
    };

    /// <summary>Prints where a commit went.</summary>
    internal static int Committed(ClientAnswer answer, bool json)
    {
        if (json) Terminal.Json.Print(new { token = answer.Token });
        else Console.Out.WriteLine($"committed as {answer.Token}");
        return ExitCode.Success;
    }

    private static Command Put()
    {
        var key = new Argument<string>("KEY");
        var value = new Argument<string>("VALUE");
        var acks = Acks();
        return Write("put", "Set a key to a value.", [key, value], acks, parsed =>
            new ClientOperation(ChangeKind.Put, null, -1, Bytes(parsed.GetRequiredValue(key)), Bytes(parsed.GetRequiredValue(value))));
    }

    private static Command Delete()
    {
        var key = new Argument<string>("KEY");
        return Write("delete", "Remove a key.", [key], Acks(), parsed => new ClientOperation(ChangeKind.Delete, null, -1, Bytes(parsed.GetRequiredValue(key)), null));
    }

    private static Command Write(string name, string description, Argument[] arguments, Option<AckPolicy?> acks, Func<ParseResult, ClientOperation> operation)
    {
        var common = new Common();
        var command = new Command(name, description);
        foreach (var argument in arguments) command.Add(argument);
        command.Add(acks);
        common.AddTo(command);
        command.SetAction((parsed, cancellation) => Options.RunAsync(parsed.GetValue(common.Json), async () =>
        {
            await using var cluster = common.Open(parsed);
            var request = new ClientRequest
            {
                Op = "transact",
                Operations = [operation(parsed) with { Database = parsed.GetValue(common.Database) }],
                Acks = parsed.GetValue(acks),
                TimeoutMilliseconds = (int)(parsed.GetValue(common.Timeout) * 1000),
            };
            return Committed(await cluster.AskPrimaryAsync(request, cancellation), parsed.GetValue(common.Json));
        }));
        return command;
    }

    private static Command Get()
    {
        var key = new Argument<string>("KEY");
        var level = Level();
        var token = new Option<string?>("--at-least") { Description = "Wait until the node has this commit.", HelpName = "TOKEN" };
        var common = new Common();
        var command = new Command("get", "Print the value of a key.") { key, level, token };
        common.AddTo(command);
        command.SetAction((parsed, cancellation) => Options.RunAsync(parsed.GetValue(common.Json), async () =>
        {
            await using var cluster = common.Open(parsed);
            var request = Levelled(parsed.GetValue(level), parsed.GetValue(token)) with
            {
                Op = "get",
                Database = parsed.GetValue(common.Database),
                Key = Bytes(parsed.GetRequiredValue(key)),
            };
            var answer = await cluster.AskAnyAsync(request, cancellation);
            if (parsed.GetValue(common.Json)) Terminal.Json.Print(new { found = answer.Found, value = answer.Value is null ? null : Show.Text(answer.Value, int.MaxValue) });
            else if (answer.Found) Console.Out.WriteLine(Show.Text(answer.Value, int.MaxValue));
            else Console.Error.WriteLine("there is no such key");
            return answer.Found ? ExitCode.Success : ExitCode.Failed;
        }));
        return command;
    }

    private static Command Scan()
    {
        var prefix = new Option<string?>("--prefix") { Description = "Keys that begin with this." };
        var from = new Option<string?>("--from") { Description = "The first key." };
        var to = new Option<string?>("--to") { Description = "The key behind the last." };
        var reverse = new Option<bool>("--reverse") { Description = "From the last to the first." };
        var limit = new Option<long>("--limit") { Description = "At most so many keys; 0 for all." };
        var level = Level();
        var common = new Common();
        var command = new Command("scan", "Print keys with their values, in order.") { prefix, from, to, reverse, limit, level };
        common.AddTo(command);
        command.SetAction((parsed, cancellation) => Options.RunAsync(parsed.GetValue(common.Json), async () =>
        {
            if (parsed.GetValue(prefix) is not null && (parsed.GetValue(from) ?? parsed.GetValue(to)) is not null)
                throw new UsageException("--prefix and --from or --to: give one or the other");
            var range = parsed.GetValue(prefix) is { } text ? KeyRange.Prefix(text) : new KeyRange(Bytes(parsed.GetValue(from) ?? ""), Bytes(parsed.GetValue(to) ?? ""));
            await using var cluster = common.Open(parsed);
            var request = Levelled(parsed.GetValue(level), token: null) with
            {
                Op = "scan",
                Database = parsed.GetValue(common.Database),
                Key = range.From.ToArray(),
                To = range.To.ToArray(),
                Reverse = parsed.GetValue(reverse),
                Limit = parsed.GetValue(limit),
            };
            await foreach (var answer in cluster.AskManyAsync(request, cancellation))
            {
                foreach (var item in answer.Items ?? []) PrintItem(item, parsed.GetValue(common.Json));
            }

            return ExitCode.Success;
        }));
        return command;
    }

    private static Command Watch()
    {
        var from = new Option<string?>("--from") { Description = "Begin behind this commit; from now on where none is named, 0.0 for the first of all.", HelpName = "TOKEN" };
        var count = new Option<long>("--count") { Description = "End after so many transactions; 0 for never." };
        var common = new Common();
        var command = new Command("watch", "Print every durable transaction, as it becomes durable.") { from, count };
        common.AddTo(command);
        command.SetAction((parsed, cancellation) => Options.RunAsync(parsed.GetValue(common.Json), async () =>
        {
            await using var cluster = common.Open(parsed);
            var request = new ClientRequest { Op = "watch", Token = parsed.GetValue(from), Database = parsed.GetValue(common.Database) };
            long seen = 0;
            var operations = new List<ClientOperation>();
            try
            {
                await foreach (var answer in cluster.AskManyAsync(request, cancellation))
                {
                    if (answer.Changes is not { } part) continue;
                    operations.AddRange(part.Operations);
                    if (!part.IsWhole) continue;
                    PrintChanges(part with { Operations = operations }, parsed.GetValue(common.Json));
                    operations.Clear();
                    if (++seen == parsed.GetValue(count)) break;
                }
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                // Whoever watches ends it like this.
            }

            return ExitCode.Success;
        }));
        return command;
    }

    private static Option<string?> Level()
    {
        var level = new Option<string?>("--level") { Description = "How fresh: durable, local, linearizable, or a lag in milliseconds." };
        level.Validators.Add(result =>
        {
            var text = result.GetValueOrDefault<string?>();
            if (text is not (null or "durable" or "local" or "linearizable") && !int.TryParse(text, out _)) result.AddError("--level: expected durable, local, linearizable, or a lag in milliseconds");
        });
        return level;
    }

    private static ClientRequest Levelled(string? level, string? token)
    {
        if (token is not null) return new ClientRequest { Op = "", Level = "at-least", Token = token };
        return int.TryParse(level, out var lag) ? new ClientRequest { Op = "", Level = "max-lag", LagMilliseconds = lag } : new ClientRequest { Op = "", Level = level };
    }

    private static void PrintItem(ClientItem item, bool json)
    {
        var (key, value) = (Show.Text(item.Key, int.MaxValue), Show.Text(item.Value, int.MaxValue));
        Console.Out.WriteLine(json ? JsonSerializer.Serialize(new { key, value }, Terminal.Json.Line) : $"{key}  {value}");
    }

    private static void PrintChanges(ClientChangeSet set, bool json)
    {
        if (json)
        {
            var changes = set.Operations.Select(change => new
            {
                kind = $"{change.Kind}",
                change.Database,
                key = Show.Text(change.Key, int.MaxValue),
                value = change.Value is null ? null : Show.Text(change.Value, int.MaxValue),
            });
            Console.Out.WriteLine(JsonSerializer.Serialize(new { token = set.Token, time = set.Time, changes }, Terminal.Json.Line));
            return;
        }

        Console.Out.WriteLine($"{set.Token}  {set.Time:yyyy-MM-dd HH:mm:ss.fff}");
        foreach (var change in set.Operations)
            Console.Out.WriteLine($"    {change.Kind} {(change.Database is null or "default" ? "" : change.Database + ": ")}{Show.Text(change.Key)} {Show.Text(change.Value ?? [])}");
    }

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);
}
