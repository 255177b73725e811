using System.CommandLine;
using System.Globalization;
using Matchpoint.Cli.Node;
using Matchpoint.Cli.Terminal;
using Matchpoint.Client;
using Spectre.Console;

namespace Matchpoint.Cli.Client;

/// <summary><c>matchpoint members</c> and <c>matchpoint transfer</c>: who is in the group, and who leads it.</summary>
internal static class MembersCommand
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    /// <summary>Builds the command.</summary>
    public static Command Create()
    {
        var common = new ClientCommands.Common();
        var command = new Command("members", "Show the members of a group, and change them: one at a time, while the group runs.") { Add(), Set(), Remove(), ResetCommand.Create() };
        common.AddTo(command, hasDatabase: false);
        common.Connect.Required = false;
        command.SetAction((parsed, cancellation) => Options.RunAsync(parsed.GetValue(common.Json), async () =>
        {
            if (parsed.GetValue(common.Connect) is not { Length: > 0 }) throw new UsageException("--connect: name a node of the group");
            await using var cluster = common.Open(parsed);
            return Print(await StatusAsync(cluster, cancellation), parsed.GetValue(common.Json));
        }));
        return command;
    }

    /// <summary>Builds <c>matchpoint transfer</c>.</summary>
    public static Command Transfer()
    {
        var to = new Argument<string?>("NAME") { Description = "Who is to be the primary; the voter that is suited best where nobody is named.", Arity = ArgumentArity.ZeroOrOne };
        var common = new ClientCommands.Common();
        var command = new Command("transfer", "Hand the primary over to another voter: writes wait for a moment, nothing is lost.") { to };
        common.AddTo(command, hasDatabase: false);
        command.SetAction((parsed, cancellation) => Options.RunAsync(parsed.GetValue(common.Json), async () =>
        {
            await using var cluster = common.Open(parsed);
            var request = new ClientRequest { Op = "transfer", Name = parsed.GetValue(to), TimeoutMilliseconds = (int)(parsed.GetValue(common.Timeout) * 1000) };
            var answer = await cluster.AskPrimaryAsync(request, cancellation);
            if (parsed.GetValue(common.Json)) Json.Print(new { primary = answer.Name });
            else Console.Out.WriteLine($"{answer.Name} is the primary now");
            return ExitCode.Success;
        }));
        return command;
    }

    private static Command Add()
    {
        var member = new Argument<string>("MEMBER") { Description = MemberText.Form };
        var noWait = new Option<bool>("--no-wait") { Description = "Return when it is a member, not when it has caught up and counts." };
        const string what = "Take a member in. One that is to vote counts once it has caught up: start its node, which names the members and itself.";
        return Change("add", what, member, [noWait], async (parsed, cluster, cancellation) =>
        {
            var added = MemberText.Parse(parsed.GetRequiredValue(member), "MEMBER");
            var answer = await cluster.AskPrimaryAsync(new ClientRequest { Op = "members-add", Member = ToClient(added) }, cancellation);
            var isWaited = added.Kind != MemberKind.Secondary && !parsed.GetValue(noWait);
            var said = $"'{added.Name}' is a member since record {answer.Token}";
            if (isWaited) await CountsAsync(cluster, added.Name, $"{said}, and counts once it has caught up", cancellation);
            return isWaited ? $"{said}, has caught up, and counts" : said;
        });
    }

    private static Command Set()
    {
        var member = new Argument<string>("MEMBER") { Description = MemberText.Form };
        return Change("set", "Give a member another address, kind, priority or designation: all of them as they are to be.", member, [], async (parsed, cluster, cancellation) =>
        {
            var changed = MemberText.Parse(parsed.GetRequiredValue(member), "MEMBER");
            var answer = await cluster.AskPrimaryAsync(new ClientRequest { Op = "members-set", Member = ToClient(changed) }, cancellation);
            return $"'{changed.Name}' was changed by record {answer.Token}";
        });
    }

    private static Command Remove()
    {
        var name = new Argument<string>("NAME") { Description = "The member. The primary is handed over first: matchpoint transfer." };
        return Change("remove", "Remove a member: it is told, takes no part any more, and keeps what it has.", name, [], async (parsed, cluster, cancellation) =>
        {
            var answer = await cluster.AskPrimaryAsync(new ClientRequest { Op = "members-remove", Name = parsed.GetRequiredValue(name) }, cancellation);
            return $"'{parsed.GetRequiredValue(name)}' was removed by record {answer.Token}";
        });
    }

    private static Command Change(
        string name, string description, Argument<string> argument, IReadOnlyList<Option> more, Func<ParseResult, Cluster, CancellationToken, Task<string>> change)
    {
        var common = new ClientCommands.Common();
        var command = new Command(name, description) { argument };
        foreach (var option in more) command.Add(option);
        common.AddTo(command, hasDatabase: false);
        command.SetAction((parsed, cancellation) => Options.RunAsync(parsed.GetValue(common.Json), async () =>
        {
            await using var cluster = common.Open(parsed);
            var done = await change(parsed, cluster, cancellation);
            if (parsed.GetValue(common.Json)) Json.Print(new { done });
            else Console.Out.WriteLine(done);
            return ExitCode.Success;
        }));
        return command;
    }

    private static ClientMember ToClient(GroupMember member) => new(member.Name, member.Address, member.Kind, member.Priority, member.IsDesignated);

    /// <summary>Waits until a member counts. However long a full copy takes, it may be interrupted: the group goes on by itself.</summary>
    private static async Task CountsAsync(Cluster cluster, string name, string said, CancellationToken cancellation)
    {
        if (!Console.IsOutputRedirected) Console.Out.WriteLine($"{said}; waiting (interrupt if you like: it goes on by itself)");
        while (true)
        {
            var status = await StatusAsync(cluster, cancellation);
            if (status.Members.FirstOrDefault(member => member.Name == name) is { IsPending: false } || (status.Name == name && !status.IsPending)) return;
            await Task.Delay(Pause, TimeProvider.System, cancellation);
        }
    }

    /// <summary>The status of the primary, as far as one is known.</summary>
    private static async Task<NodeStatus> StatusAsync(Cluster cluster, CancellationToken cancellation)
    {
        var any = (await cluster.AskAnyAsync(new ClientRequest { Op = "status" }, cancellation)).Status!;
        if (any.State == NodeState.Primary || any.Members.FirstOrDefault(member => member.Name == any.Primary) is not { Address.Length: > 0 } primary) return any;
        await using var there = cluster.At(Transport.Endpoint.Parse(primary.Address));
        return (await there.AskAnyAsync(new ClientRequest { Op = "status" }, cancellation)).Status!;
    }

    private static int Print(NodeStatus status, bool json)
    {
        var self = new MemberStatus(status.Name, "", IsConnected: true, status.Last, status.Flushed, status.Applied, 0, 0, 0, TimeSpan.Zero) { Kind = status.Kind, IsPending = status.IsPending };
        var members = status.Members.Append(self).OrderBy(static member => member.Name, StringComparer.Ordinal).ToList();
        if (json)
        {
            Json.Print(new { since = status.MembersAt, primary = status.Primary, members });
            return ExitCode.Success;
        }

        var table = new Table { Border = TableBorder.Rounded };
        table.AddColumns("member", "address", "kind", "priority", "counts", "records lacking");
        foreach (var member in members)
        {
            var name = member.Name == status.Primary ? $"[green]{Markup.Escape(member.Name)} (primary)[/]" : Markup.Escape(member.Name);
            var kind = $"{member.Kind.ToString().ToLowerInvariant()}{(member.IsDesignated ? ", designated" : "")}";
            var counts = member.Kind == MemberKind.Secondary ? "no" : member.IsPending ? "[yellow]not yet[/]" : "yes";
            var lacking = member.Name == status.Name ? "" : member.IsConnected ? Show.Count(member.LagRecords) : "[red]not connected[/]";
            table.AddRow(name, Markup.Escape(member.Address), kind, member.Name == status.Name ? "" : member.Priority.ToString(CultureInfo.InvariantCulture), counts, lacking);
        }

        AnsiConsole.Write(table);
        Console.Out.WriteLine(status.MembersAt == 0 ? "as the options name them; nothing was changed yet" : $"since record {status.MembersAt}");
        if (status.State != NodeState.Primary) Console.Out.WriteLine($"as {status.Name} knows them: {status.Step}");
        return ExitCode.Success;
    }
}
