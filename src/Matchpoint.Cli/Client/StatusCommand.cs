using System.CommandLine;
using System.Globalization;
using Matchpoint.Cli.Terminal;
using Matchpoint.Client;
using Matchpoint.Transport;
using Spectre.Console;

namespace Matchpoint.Cli.Client;

/// <summary><c>matchpoint status</c>: how a node is, or all of them.</summary>
internal static class StatusCommand
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    /// <summary>What one node answered, or why it did not.</summary>
    private sealed record Answer(string Address, NodeStatus? Status, string? Digest, string? DigestAt, string? Failure);

    /// <summary>Builds the command.</summary>
    public static Command Create()
    {
        var all = new Option<bool>("--all") { Description = "Every member of the group, in one table." };
        var digest = new Option<bool>("--digest") { Description = "Also a hash over all that each node holds: it reads everything." };
        var common = new ClientCommands.Common();
        var command = new Command("status", "Show how a node is: role, term, records, lag, what it does, what is to be done.") { all, digest };
        common.AddTo(command, hasDatabase: false);
        command.SetAction((parsed, cancellation) => Options.RunAsync(
            parsed.GetValue(common.Json),
            () => RunAsync(
                Cluster.Parse(parsed.GetRequiredValue(common.Connect)), parsed.GetValue(all), parsed.GetValue(digest), parsed.GetValue(common.Json), common.Security.Security(parsed), cancellation)));
        return command;
    }

    private static async Task<int> RunAsync(IReadOnlyList<Endpoint> endpoints, bool all, bool digest, bool json, IConnectionSecurity security, CancellationToken cancellation)
    {
        var answers = new List<Answer>(await Task.WhenAll(endpoints.Select(endpoint => AskAsync(endpoint, digest, security, cancellation))));
        if (all)
        {
            // Each node that answers knows where the others listen.
            var known = answers.Where(answer => answer.Status is not null).Select(answer => answer.Address).ToHashSet(StringComparer.Ordinal);
            var others = answers.SelectMany(answer => answer.Status?.Members ?? []).Select(member => member.Address)
                .Distinct(StringComparer.Ordinal).Where(address => !known.Contains(address) && !answers.Exists(answer => answer.Address == address)).ToList();
            answers.AddRange(await Task.WhenAll(others.Select(address => AskAsync(Endpoint.Parse(address), digest, security, cancellation))));
        }

        // A node that was asked under two addresses is one.
        answers =
        [
            .. answers.GroupBy(answer => answer.Status?.Name ?? answer.Address, StringComparer.Ordinal).Select(same => same.First())
                .OrderBy(answer => answer.Status?.Name ?? "~" + answer.Address, StringComparer.Ordinal),
        ];
        if (json) Json.Print(answers.Select(Facts));
        else Print(answers, digest);
        return answers.Exists(answer => answer.Status is null) ? ExitCode.Failed : ExitCode.Success;
    }

    private static async Task<Answer> AskAsync(Endpoint endpoint, bool digest, IConnectionSecurity security, CancellationToken cancellation)
    {
        try
        {
            await using var client = await NodeClient.ConnectAsync(endpoint, Patience, cancellation, security);
            var status = await client.AskAsync(new ClientRequest { Op = "status" }, Patience, cancellation);
            var hash = digest ? await client.AskAsync(new ClientRequest { Op = "digest" }, TimeSpan.FromMinutes(10), cancellation) : null;
            return new Answer(endpoint.ToString(), status.Status, hash?.Digest, hash?.Token, null);
        }
        catch (Exception error) when (error is ConnectException or ChannelException or MatchpointException)
        {
            return new Answer(endpoint.ToString(), null, null, null, error.Message);
        }
    }

    private static void Print(List<Answer> answers, bool digest)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings());
        if (Console.IsOutputRedirected) console.Profile.Width = 160;
        var table = new Table { Border = TableBorder.Rounded };
        table.AddColumns("member", "address", "role");
        foreach (var name in new[] { "term", "last", "durable", "applied", "lag" }) table.AddColumn(new TableColumn(name).RightAligned());
        table.AddColumn("what it does");
        if (digest) table.AddColumn("digest");
        foreach (var (address, status, hash, _, failure) in answers)
        {
            if (status is null)
            {
                table.AddRow(["?", address, "[red]unreachable[/]", "", "", "", "", "", Markup.Escape(failure!), .. digest ? [""] : Array.Empty<string>()]);
                continue;
            }

            var role = status.State switch
            {
                NodeState.Primary => "[green]primary[/]",
                NodeState.Following => "replica",
                NodeState.Failed or NodeState.AwaitingOperator or NodeState.NeedsCopy or NodeState.Repairing => $"[red]{status.State}[/]",
                _ => $"[yellow]{status.State}[/]",
            };
            table.AddRow(
            [
                Markup.Escape(status.Name), address, role, $"{status.Term}", Show.Count(status.Last), Show.Count(status.Durable), Show.Count(status.Applied), Lag(status, answers),
                Markup.Escape(status.Step), .. digest ? [hash ?? ""] : Array.Empty<string>(),
            ]);
        }

        console.Write(table);
        foreach (var (_, status, _, _, _) in answers)
        {
            if (status?.Scrub is { } scrub) console.MarkupLine($"{Markup.Escape(status.Name)}: {Markup.Escape(Scrubbed(scrub))}");
            foreach (var warning in status?.Warnings ?? []) console.MarkupLine($"[yellow]{Markup.Escape(status!.Name)}:[/] {Markup.Escape(warning)}");
        }
    }

    private static string Lag(NodeStatus status, List<Answer> answers)
    {
        if (status.State == NodeState.Primary) return "";
        var last = answers.Max(answer => answer.Status?.Last ?? 0);
        var time = status.Lag is { } lag ? lag.TotalSeconds.ToString("0.0 s", CultureInfo.InvariantCulture) : "?";
        return last > status.Last ? $"{Show.Count(last - status.Last)} rec, {time}" : time;
    }

    private static string Scrubbed(ScrubStatus scrub) => string.Create(
        CultureInfo.InvariantCulture,
        $"log and state {(scrub.EndedAt is { } ended ? $"were read again until {ended:yyyy-MM-dd HH:mm}" : "are being read again")}: {scrub.Bytes / 1e6:0.0} MB, {scrub.Found ?? "nothing damaged"}");

    private static object Facts(Answer answer) => new { address = answer.Address, status = answer.Status, digest = answer.Digest, digestAt = answer.DigestAt, failure = answer.Failure };
}
