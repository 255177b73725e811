using System.Text.Json;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;
using Matchpoint.Transport;

namespace Matchpoint.Client;

/// <summary>Serves the tool: one request after another on a connection, each answered in one part or many.</summary>
internal sealed class ClientService(MatchpointNode node)
{
    /// <summary>The service's name.</summary>
    public const string Name = "CLIENT";

    private const int ItemsPerPart = 256;
    private const int BytesPerPart = 256 * 1024;

    private static readonly TimeSpan Idle = TimeSpan.FromMinutes(5);

    /// <summary>Serves a client until it leaves.</summary>
    public async Task ServeAsync(Channel channel, CancellationToken cancellation)
    {
        channel.MaxFrameBytes = Limits.FrameBytes;
        while (true)
        {
            ReadOnlyMemory<byte> frame;
            try
            {
                frame = await channel.ReceiveAsync(Idle, cancellation).ConfigureAwait(false);
            }
            catch (ChannelClosedException)
            {
                return; // The client has left.
            }

            var request = Read(frame);
            try
            {
                request.MustBeWhole();
                await AnswerAsync(channel, request, cancellation).ConfigureAwait(false);
            }
            catch (Exception error) when (error is MatchpointException or ArgumentException or FormatException or ObjectDisposedException or Storage.StorageException)
            {
                await SendAsync(channel, new ClientAnswer { Error = ErrorOf(error) }, cancellation).ConfigureAwait(false);
            }
        }
    }

    private static ClientRequest Read(ReadOnlyMemory<byte> frame)
    {
        if (frame.Span[0] != (byte)Opcode.ClientRequest) throw new ProtocolException("client", "opcode", $"{(byte)Opcode.ClientRequest}", $"{frame.Span[0]}");
        try
        {
            return JsonSerializer.Deserialize(frame.Span[1..], ClientJson.Default.ClientRequest) ?? throw new ProtocolException("client", "request", "an object", "null");
        }
        catch (JsonException error)
        {
            throw new ProtocolException("client", "request", "JSON", error.Message);
        }
    }

    private static async ValueTask SendAsync(Channel channel, ClientAnswer answer, CancellationToken cancellation)
    {
        var json = JsonSerializer.SerializeToUtf8Bytes(answer, ClientJson.Default.ClientAnswer);
        var frame = new byte[1 + json.Length];
        frame[0] = (byte)Opcode.ClientAnswer;
        json.CopyTo(frame, 1);
        await channel.SendAsync(frame, Limits.MessageTimeout, cancellation).ConfigureAwait(false);
    }

    internal static ClientError ErrorOf(Exception error) => error switch
    {
        NotPrimaryException other => new ClientError("not-primary", other.Message, other.Primary, other.Address, null),
        InsufficientAcksException acks => new ClientError("insufficient-acks", acks.Message, null, null, acks.Token.ToString()),
        ConflictException => Plain("conflict", error),
        StaleReadException => Plain("stale", error),
        CommitUndoneException => Plain("undone", error),
        HistoryTrimmedException => Plain("trimmed", error),
        TailFullException => Plain("tail-full", error),
        MembershipException or TransferException => Plain("refused", error),
        ArgumentException or FormatException => Plain("bad-request", error),
        _ => Plain("failed", error),
    };

    private static ClientError Plain(string kind, Exception error) => new(kind, error.Message, null, null, null);

    private static ReadLevel LevelOf(ClientRequest request) => request.Level switch
    {
        null or "durable" => ReadLevel.Durable,
        "local" => ReadLevel.Local,
        "linearizable" => ReadLevel.Linearizable,
        "at-least" => ReadLevel.AtLeast(CommitToken.Parse(request.Token ?? "")),
        "max-lag" => ReadLevel.MaxLag(TimeSpan.FromMilliseconds(request.LagMilliseconds)),
        var other => throw new FormatException($"level \"{other}\": expected durable, local, linearizable, at-least or max-lag."),
    };

    private MatchpointDatabase DatabaseOf(string? name) => name is null ? node.Default : node.Database(name);

    private async ValueTask AnswerAsync(Channel channel, ClientRequest request, CancellationToken cancellation)
    {
        switch (request.Op)
        {
            case "get":
                var value = await DatabaseOf(request.Database).GetAsync(request.Key ?? [], LevelOf(request), cancellation).ConfigureAwait(false);
                await SendAsync(channel, new ClientAnswer { Found = value is not null, Value = value }, cancellation).ConfigureAwait(false);
                break;
            case "scan":
                await ScanAsync(channel, request, cancellation).ConfigureAwait(false);
                break;
            case "transact":
                await SendAsync(channel, await TransactAsync(request, cancellation).ConfigureAwait(false), cancellation).ConfigureAwait(false);
                break;
            case "reapply":
                await SendAsync(channel, await ReapplyAsync(request, cancellation).ConfigureAwait(false), cancellation).ConfigureAwait(false);
                break;
            case "watch":
                await WatchAsync(channel, request, cancellation).ConfigureAwait(false);
                break;
            case "status":
                await SendAsync(channel, new ClientAnswer { Status = node.GetStatus() }, cancellation).ConfigureAwait(false);
                break;
            case "digest":
                var (digest, at) = await node.DigestAsync(cancellation).ConfigureAwait(false);
                await SendAsync(channel, new ClientAnswer { Digest = digest, Token = at.ToString() }, cancellation).ConfigureAwait(false);
                break;
            case "members-add" or "members-set" or "members-remove" or "transfer":
                await SendAsync(channel, await new MemberAnswers(node).DoAsync(request, cancellation).ConfigureAwait(false), cancellation).ConfigureAwait(false);
                break;
            case "backup":
                await BackUpAsync(channel, request, cancellation).ConfigureAwait(false);
                break;
            case "export":
                foreach (var part in new JournalAnswers(node).Export(request.Export)) await SendAsync(channel, part, cancellation).ConfigureAwait(false);
                break;
            default:
                await SendAsync(channel, new JournalAnswers(node).Answer(request.Op), cancellation).ConfigureAwait(false);
                break;
        }
    }

    private async ValueTask ScanAsync(Channel channel, ClientRequest request, CancellationToken cancellation)
    {
        var range = new KeyRange(request.Key ?? [], request.To ?? []);
        var items = new List<ClientItem>();
        long sent = 0;
        long bytes = 0;
        await foreach (var item in DatabaseOf(request.Database).ScanAsync(range, request.Reverse, LevelOf(request), cancellation).ConfigureAwait(false))
        {
            if (request.Limit > 0 && sent >= request.Limit) break;
            items.Add(new ClientItem(item.Key.ToArray(), item.Value.ToArray()));
            bytes += item.Key.Length + item.Value.Length;
            sent++;
            if (items.Count < ItemsPerPart && bytes < BytesPerPart) continue;
            await SendAsync(channel, new ClientAnswer { IsLast = false, Items = items }, cancellation).ConfigureAwait(false);
            items = [];
            bytes = 0;
        }

        await SendAsync(channel, new ClientAnswer { Items = items }, cancellation).ConfigureAwait(false);
    }

    private async ValueTask<ClientAnswer> TransactAsync(ClientRequest request, CancellationToken cancellation)
    {
        var holds = true;
        var token = await node.TransactAsync(
            transaction =>
            {
                holds = (request.Conditions ?? []).All(condition => Equal(transaction.Get(condition.Key, condition.Database), condition.Expected));
                if (!holds) return;
                foreach (var operation in request.Operations ?? []) Perform(transaction, operation, NumberOf(transaction, operation, mayMakeDatabases: false));
            },
            OptionsOf(request),
            cancellation).ConfigureAwait(false);
        return new ClientAnswer { Found = holds, Token = token.ToString() };
    }

    /// <summary>Writes what was undone elsewhere once more, where nothing that it touches has changed since.</summary>
    internal async ValueTask<ClientAnswer> ReapplyAsync(ClientRequest request, CancellationToken cancellation)
    {
        var operations = request.Operations ?? [];
        List<string> conflicts = [];
        var token = await node.TransactAsync(
            transaction =>
            {
                // What comes behind the snapshot is found when the transaction commits.
                var numbered = operations.Select(operation => (Operation: operation, Database: NumberOf(transaction, operation, mayMakeDatabases: true))).ToList();
                foreach (var (operation, number) in numbered) Touch(transaction, operation, number);
                var changes = new ChangesSince(node.Core, Vlsn.Null.Plus(request.Since), transaction.SnapshotAt, request.Own ?? []);
                conflicts = changes.Against(numbered);
                if (conflicts.Count > 0) return;
                foreach (var (operation, number) in numbered) Perform(transaction, operation, number);
            },
            OptionsOf(request),
            cancellation).ConfigureAwait(false);
        return new ClientAnswer { Found = conflicts.Count == 0, Token = token.ToString(), Conflicts = conflicts };
    }

    private ushort NumberOf(MatchpointTransaction transaction, ClientOperation operation, bool mayMakeDatabases)
    {
        if (operation.NumberIn(mayMakeDatabases) is not { } number)
            return node.Catalogue.Find(transaction, operation.Database ?? Transactions.Catalogue.DefaultName, make: true)!.Value;
        // The database that gets the number one day would begin with what was written for none. What was undone may make the database that it writes in.
        if (!mayMakeDatabases && !node.Catalogue.Has(transaction, number))
            throw new FormatException($"operations: {operation.Kind} in database {number}: no database has that number yet; a name makes one. Nothing was written.");
        return number;
    }

    private static void Touch(MatchpointTransaction transaction, ClientOperation operation, ushort number)
    {
        if (operation.Kind == ChangeKind.DeleteRange) transaction.TouchRange(number, Range(operation));
        else transaction.GetFrom(number, operation.Key);
    }

    private static void Perform(MatchpointTransaction transaction, ClientOperation operation, ushort number)
    {
        switch (operation.Kind)
        {
            case ChangeKind.Put:
                transaction.PutTo(number, operation.Key, operation.Value ?? []);
                break;
            case ChangeKind.Delete:
                transaction.DeleteFrom(number, operation.Key);
                break;
            case ChangeKind.DeleteRange:
                transaction.DeleteRangeFrom(number, Range(operation));
                break;
            default:
                throw Invariant.Unreachable(operation.Kind);
        }
    }

    private static KeyRange Range(ClientOperation operation) => new(operation.Key, operation.Value ?? []);

    private async ValueTask WatchAsync(Channel channel, ClientRequest request, CancellationToken cancellation)
    {
        var after = request.Token is null ? new CommitToken(0, node.GetStatus().Durable) : CommitToken.Parse(request.Token);
        using var left = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var leaving = LeaveAsync(channel, left);
        try
        {
            await foreach (var set in node.ChangesAsync(after, left.Token).ConfigureAwait(false))
            {
                foreach (var changes in ClientChangeSet.Parts(set, request.Database))
                    await SendAsync(channel, new ClientAnswer { IsLast = false, Changes = changes }, left.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            // The client has left.
        }
        finally
        {
            // Where it did not leave, it waits to hear what went wrong, and says nothing before.
            await left.CancelAsync().ConfigureAwait(false);
            await leaving.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Whoever watches says nothing more: the next thing that comes is its leave.</summary>
    private static async Task LeaveAsync(Channel channel, CancellationTokenSource left)
    {
        try
        {
            await channel.ReceiveAsync(Timeout.InfiniteTimeSpan, left.Token).ConfigureAwait(false);
        }
        finally
        {
            await left.CancelAsync().ConfigureAwait(false);
        }
    }

    private async Task BackUpAsync(Channel channel, ClientRequest request, CancellationToken cancellation)
    {
        try
        {
            await node.Backups.ServeAsync(channel, request.MayBeBusy, answer => SendAsync(channel, answer, cancellation), cancellation).ConfigureAwait(false);
        }
        catch (ChannelClosedException)
        {
            // It has all that it lacked, or went: what it has it finds again.
        }
    }

    private CommitOptions OptionsOf(ClientRequest request) => new()
    {
        Durability = request.Acks is { } acks ? node.Options.Durability with { Acks = acks } : null,
        Timeout = request.TimeoutMilliseconds > 0 ? TimeSpan.FromMilliseconds(request.TimeoutMilliseconds) : null,
    };

    private static bool Equal(byte[]? found, byte[]? expected) =>
        found is null ? expected is null : expected is not null && expected.AsSpan().SequenceEqual(found);
}
