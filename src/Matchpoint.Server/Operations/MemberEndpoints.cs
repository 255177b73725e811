using Matchpoint.Client;
using Matchpoint.Protocol.Membership;
using Matchpoint.Server.Access;
using Matchpoint.Server.Data;
using Matchpoint.Server.Group;
using Matchpoint.Server.Problems;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Matchpoint.Server.Operations;

/// <summary>A member, as the group's log names it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Address">Where it listens.</param>
/// <param name="Kind">What it is to the group.</param>
/// <param name="Priority">Its priority when a primary is sought.</param>
/// <param name="IsDesignated">Whether it leads a group of two by itself.</param>
/// <param name="IsPending">Whether it does not count yet, though it is to.</param>
/// <param name="Counts">Whether it votes and counts.</param>
internal sealed record ListedMember(string Name, string Address, MemberKind Kind, int Priority, bool IsDesignated, bool IsPending, bool Counts);

/// <summary>Who the members are.</summary>
/// <param name="Since">The record that made them so; 0 for those of the options.</param>
/// <param name="Primary">Who leads them; null where this node knows of nobody.</param>
/// <param name="Quorum">How many decide.</param>
/// <param name="Members">All of them.</param>
internal sealed record MemberList(long Since, string? Primary, Quorum Quorum, IReadOnlyList<ListedMember> Members);

/// <summary>A change that was made; it is durable.</summary>
/// <param name="Token">The record that says so.</param>
/// <param name="Done">What was done, in a sentence.</param>
internal sealed record MemberChange(string Token, string Done);

/// <summary>A primary that was handed over.</summary>
/// <param name="Primary">Who it is now.</param>
/// <param name="Done">What was done, in a sentence.</param>
internal sealed record Transferred(string Primary, string Done);

/// <summary>Who is in the group and who leads it: to list, to change, to hand over. What only the primary does is brought to it from whichever node was asked.</summary>
internal static class MemberEndpoints
{
    private const string PlanText = "plan=true: nothing is done, and the answer says what would be: the consequences, how many voters decide before and after, what speaks against it.";
    private const int MostTimeout = 600_000;

    /// <summary>Maps them.</summary>
    public static void Map(RouteGroupBuilder group)
    {
        group.MapGet("api/members", ListAsync).WithTags("operations").WithSummary("Who the members are, and how many of them decide.").Produces<MemberList>();
        Describe(group.MapPost("api/members", AddAsync), "Takes a member in. One that is to vote counts once it has caught up.").Accepts<MemberBody>("application/json").Produces<MemberChange>();
        Describe(group.MapPut("api/members/{name}", SetAsync), "Gives a member another address, kind, priority or designation: all of them as they are to be.")
            .Accepts<MemberBody>("application/json").Produces<MemberChange>();
        Describe(group.MapDelete("api/members/{name}", RemoveAsync), "Removes a member. The primary is handed over first.").Produces<MemberChange>();
        Describe(group.MapPost("api/transfer", TransferAsync), "Hands the primary over to another voter: writes wait for a moment, nothing is lost.")
            .Accepts<TransferBody>("application/json").Produces<Transferred>();
    }

    private static RouteHandlerBuilder Describe(RouteHandlerBuilder endpoint, string summary) => endpoint.WithTags("operations").WithSummary(summary).WithDescription(PlanText)
        .ProducesProblem(400).ProducesProblem(409).ProducesProblem(502).ProducesProblem(503).ProducesProblem(504);

    private static async Task<IResult> ListAsync(HttpContext context, MatchpointNode node, GroupWatch watch)
    {
        var view = await watch.ViewAsync(long.MaxValue, context.RequestAborted).ConfigureAwait(false);
        var roster = node.Core.Members.Roster;
        var members = roster.Members.Select(member => new ListedMember(
            member.Name, member.Address, member.Kind, member.Priority, member.IsDesignated, member.IsPending, member.Votes)).OrderBy(static member => member.Name, StringComparer.Ordinal);
        return Json.Answer(context, new MemberList(node.GetStatus().MembersAt, view.Verdict.Primary, Quorum.Of(roster, view), [.. members]));
    }

    private static async Task<IResult> AddAsync(HttpContext context, MatchpointNode node, GroupWatch watch, string? plan = null)
    {
        var member = (await Body.ReadJsonAsync<MemberBody>(context).ConfigureAwait(false)).ToMember(name: null);
        if (Parameters.Flag("plan", plan)) return await PlanAsync(context, node, watch, new RosterChange.Add(MemberOf(member))).ConfigureAwait(false);
        var later = member.Kind == MemberKind.Secondary ? "" : "; it counts once it has caught up";
        var request = new ClientRequest { Op = "members-add", Member = ToClient(member) };
        return await ChangeAsync(context, node, request, token => $"{member.Name} is a member since record {token}{later}").ConfigureAwait(false);
    }

    private static async Task<IResult> SetAsync(HttpContext context, MatchpointNode node, GroupWatch watch, string name, string? plan = null)
    {
        var member = (await Body.ReadJsonAsync<MemberBody>(context).ConfigureAwait(false)).ToMember(name);
        if (Parameters.Flag("plan", plan)) return await PlanAsync(context, node, watch, new RosterChange.Set(MemberOf(member))).ConfigureAwait(false);
        return await ChangeAsync(context, node, new ClientRequest { Op = "members-set", Member = ToClient(member) }, token => $"{name} was changed by record {token}").ConfigureAwait(false);
    }

    private static async Task<IResult> RemoveAsync(HttpContext context, MatchpointNode node, GroupWatch watch, string name, string? plan = null)
    {
        if (Parameters.Flag("plan", plan)) return await PlanAsync(context, node, watch, new RosterChange.Remove(name)).ConfigureAwait(false);
        return await ChangeAsync(context, node, new ClientRequest { Op = "members-remove", Name = name }, token => $"{name} was removed by record {token}").ConfigureAwait(false);
    }

    private static async Task<IResult> TransferAsync(HttpContext context, MatchpointNode node, GroupWatch watch, string? plan = null)
    {
        var body = await Body.ReadJsonAsync<TransferBody>(context).ConfigureAwait(false);
        if (body.Timeout is < 1 or > MostTimeout) throw RequestException.Bad("timeout", $"1 to {MostTimeout} milliseconds", $"{body.Timeout}");
        if (Parameters.Flag("plan", plan))
        {
            var view = await watch.ViewAsync(long.MaxValue, context.RequestAborted).ConfigureAwait(false);
            return Json.Answer(context, MemberPlan.OfTransfer(body.To, node.Core.Members.Roster, view));
        }

        var request = new ClientRequest { Op = "transfer", Name = body.To, TimeoutMilliseconds = body.Timeout };
        var answer = await new PrimaryLine(node).AskAsync(request, new MemberAnswers(node).DoAsync, TimeSpan.FromMilliseconds(body.Timeout), context.RequestAborted).ConfigureAwait(false);
        var done = $"{answer.Name} is the primary now";
        Note(context, node, done);
        return Json.Answer(context, new Transferred(answer.Name!, $"{done}."));
    }

    private static async Task<IResult> PlanAsync(HttpContext context, MatchpointNode node, GroupWatch watch, RosterChange change)
    {
        var view = await watch.ViewAsync(long.MaxValue, context.RequestAborted).ConfigureAwait(false);
        return Json.Answer(context, MemberPlan.Of(change, node.Core.Members.Roster, view));
    }

    private static async Task<IResult> ChangeAsync(HttpContext context, MatchpointNode node, ClientRequest request, Func<long, string> say)
    {
        var answer = await new PrimaryLine(node).AskAsync(request, new MemberAnswers(node).DoAsync, node.Options.CommitTimeout, context.RequestAborted).ConfigureAwait(false);
        var done = say(CommitToken.Parse(answer.Token!).Vlsn);
        Note(context, node, done);
        return Json.Answer(context, new MemberChange(answer.Token!, $"{done}."));
    }

    /// <summary>Who changed the group is worth a line where the request came in.</summary>
    private static void Note(HttpContext context, MatchpointNode node, string done) => node.Core.Board.Note($"asked over HTTP by {Caller.Of(context).Name}: {done}");

    private static ClientMember ToClient(GroupMember member) => new(member.Name, member.Address, member.Kind, member.Priority, member.IsDesignated);

    private static Member MemberOf(GroupMember member) => new(member.Name, member.Address, member.Kind, (byte)member.Priority, member.IsDesignated);
}
