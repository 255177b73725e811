using System.Globalization;
using Matchpoint.Journal;
using Matchpoint.Server.Access;
using Matchpoint.Server.Group;
using Matchpoint.Server.Problems;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Matchpoint.Server.Operations;

/// <summary>A syncup of a member.</summary>
internal sealed record MemberSyncup(string Member, JournalSyncup Syncup);

/// <summary>A change of a member's state.</summary>
internal sealed record MemberEvent(string Member, JournalState Event);

/// <summary>How the last scrub of a member went, or goes.</summary>
/// <param name="Member">The member.</param>
/// <param name="Answers">Whether it answers; what is said is otherwise what it said last.</param>
/// <param name="Scrub">The pass; null before the first.</param>
internal sealed record MemberScrub(string Member, bool Answers, ScrubStatus? Scrub);

/// <summary>How the node and its group are, and what they remember.</summary>
internal static class StatusEndpoints
{
    private const int MostEntries = 200;

    /// <summary>Maps them.</summary>
    public static void Map(RouteGroupBuilder group)
    {
        group.MapGet("api/status", static (HttpContext context, MatchpointNode node) => Json.Answer(context, node.GetStatus()))
            .WithTags("operations").WithSummary("How this node is.").Produces<NodeStatus>();
        group.MapGet("api/caller", static (HttpContext context) => Json.Answer(context, Caller.Of(context)))
            .WithTags("operations").WithSummary("Who the server takes the sender for, and by what it was let in.").Produces<Caller>();
        group.MapGet("api/group", ViewAsync).WithTags("operations").WithSummary("How all members are, as this node sees them, with a verdict and what to do.")
            .WithDescription("samplesSince: only samples of throughput and latency behind this time, in milliseconds since 1970.").Produces<GroupView>();
        group.MapGet("api/scrubs", ScrubsAsync)
            .WithTags("operations").WithSummary("When each member last read its log and its data again, and what it found.").Produces<IReadOnlyList<MemberScrub>>();
        group.MapGet("api/syncups", static (HttpContext context, GroupWatch watch) => Json.Answer(context, Syncups(watch)))
            .WithTags("operations").WithSummary("The last syncups of all members, newest first.").Produces<IReadOnlyList<MemberSyncup>>();
        group.MapGet("api/events", static (HttpContext context, GroupWatch watch) => Json.Answer(context, Events(watch)))
            .WithTags("operations").WithSummary("The last changes of all members' states, newest first.").Produces<IReadOnlyList<MemberEvent>>();
    }

    private static async Task<IResult> ViewAsync(HttpContext context, GroupWatch watch, string? samplesSince = null)
    {
        long since = 0;
        if (samplesSince is not null && !long.TryParse(samplesSince, NumberStyles.None, CultureInfo.InvariantCulture, out since))
            throw RequestException.Bad("samplesSince", "milliseconds since 1970", samplesSince);
        return Json.Answer(context, await watch.ViewAsync(since, context.RequestAborted).ConfigureAwait(false));
    }

    private static async Task<IResult> ScrubsAsync(HttpContext context, GroupWatch watch)
    {
        var view = await watch.ViewAsync(long.MaxValue, context.RequestAborted).ConfigureAwait(false);
        return Json.Answer<IReadOnlyList<MemberScrub>>(context, [.. view.Members.Select(static member => new MemberScrub(member.Name, member.Answers, member.Overview?.Status.Scrub))]);
    }

    private static IReadOnlyList<MemberSyncup> Syncups(GroupWatch watch) =>
    [
        .. watch.Journals().SelectMany(static one => one.Journal.Syncups.Select(syncup => new MemberSyncup(one.Member, syncup)))
            .OrderByDescending(static one => one.Syncup.At).Take(MostEntries),
    ];

    private static IReadOnlyList<MemberEvent> Events(GroupWatch watch) =>
    [
        .. watch.Journals().SelectMany(static one => one.Journal.States.Select(change => new MemberEvent(one.Member, change)))
            .OrderByDescending(static one => one.Event.At).Take(MostEntries),
    ];
}
