using System.Collections.Concurrent;
using Matchpoint.Journal;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Matchpoint.Server.Group;

/// <summary>Looks at every member of the group, so that each node can show all of them.</summary>
internal sealed class GroupWatch(IServiceProvider services, MatchpointServerOptions options) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<string, MemberWatch> _members = new(StringComparer.Ordinal);
    private readonly SampleBook _samples = new();
    private readonly Lazy<MatchpointNode> _node = new(() => services.GetRequiredService<MatchpointNode>());

    private MatchpointNode Node => _node.Value;

    /// <summary>Where a member serves HTTP; null where it does not, or was never seen.</summary>
    public string? WebOf(string member) => _members.TryGetValue(member, out var watch) ? watch.Last.Overview?.Web : null;

    /// <summary>The group as it looks from here.</summary>
    /// <param name="samplesSince">Only samples behind this time, in milliseconds since 1970.</param>
    /// <param name="cancellation">Gives up.</param>
    public async Task<GroupView> ViewAsync(long samplesSince, CancellationToken cancellation)
    {
        await Task.WhenAll(_members.Values.Select(watch => watch.LookNowAsync(cancellation))).ConfigureAwait(false);
        var own = Node.Journal.Overview();
        var time = Node.Options.Time.GetUtcNow();
        var members = new List<MemberView> { new(own.Status.Name, Node.Address, own.Status.Kind, IsSelf: true, Answers: true, null, time, own) };
        foreach (var other in own.Status.Members)
        {
            var seen = _members.TryGetValue(other.Name, out var watch) ? watch.Last : null;
            members.Add(new MemberView(
                other.Name, other.Address, other.Kind, IsSelf: false, seen?.Answers ?? false, seen is null ? "not asked yet" : seen.Error, seen?.At, seen?.Overview));
        }

        members.Sort(static (a, b) => string.CompareOrdinal(a.Name, b.Name));
        return new GroupView(own.Status.Group, own.Status.Name, time, Judge.Of(members, own.Status), members, _samples.Since(samplesSince));
    }

    /// <summary>What every member remembers, as far as it was seen.</summary>
    public IReadOnlyList<(string Member, JournalPage Journal)> Journals() =>
    [
        (Node.Options.Name, Node.Journal.Page()),
        .. _members.Where(static pair => pair.Value.Last.Journal is not null).Select(static pair => (pair.Key, pair.Value.Last.Journal!)),
    ];

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // Not on the way of the host's start: the node may be opened by it.
        await Task.Yield();
        if (options.PublicUrl is { } url) Node.Journal.Web = url.ToString();
        var time = Node.Options.Time;
        var before = time.GetTimestamp();
        try
        {
            while (!stoppingToken.IsCancellationRequested)
            {
                await FollowMembersAsync().ConfigureAwait(false);
                await Task.Delay(Interval, time, stoppingToken).ConfigureAwait(false);
                var now = time.GetTimestamp();
                _samples.Add(time.GetUtcNow(), time.GetElapsedTime(before, now), Counts());
                before = now;
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The server stops.
        }
        finally
        {
            foreach (var watch in _members.Values) await watch.DisposeAsync().ConfigureAwait(false);
        }
    }

    private IEnumerable<(string Member, TrafficCounts Counts)> Counts()
    {
        yield return (Node.Options.Name, Node.Journal.Overview().Traffic);
        foreach (var (name, watch) in _members)
        {
            if (watch.Last is { Answers: true, Overview: { } overview }) yield return (name, overview.Traffic);
        }
    }

    private async Task FollowMembersAsync()
    {
        var node = Node;
        var names = node.Core.Members.Others.ToHashSet(StringComparer.Ordinal);
        foreach (var name in names)
        {
            if (!_members.ContainsKey(name)) _members[name] = new MemberWatch(node, name);
        }

        foreach (var gone in _members.Keys.Except(names).ToList())
        {
            if (_members.TryRemove(gone, out var watch)) await watch.DisposeAsync().ConfigureAwait(false);
        }
    }
}
