using Matchpoint.Client;
using Matchpoint.Transport;

namespace Matchpoint.Cli.Torture;

/// <summary>
/// Who looks after the group: starts what has ended, changes the members, one at a time, and learns from the group what has become of it. A change may be interrupted by anything,
/// and its outcome be unknown; so what counts is what the group says, once it has come together.
/// </summary>
internal sealed class TortureOperator(TortureGroup group)
{
    private const int MostMembers = 5;

    private static readonly TimeSpan Mending = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan ChangePatience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(30);

    private string _lacking = "";
    private long _mended;

    /// <summary>What the group said of itself when it last had come together.</summary>
    public GroupTruth Truth { get; private set; } = GroupTruth.None;

    /// <summary>Draws a change of the members that may be made; null where there is none.</summary>
    /// <param name="random">Where it comes from.</param>
    /// <param name="mayTakeVotes">Whether a vote may be taken away: not while somebody's data is being lost.</param>
    public (TortureFault Change, string Member)? Draw(Random random, bool mayTakeVotes)
    {
        var possible = new List<(TortureFault, string)>();
        foreach (var machine in Truth.Members.Count < MostMembers ? group.Machines.Where(machine => Truth.Find(machine.Name) is null) : [])
        {
            possible.Add((TortureFault.AddVoter, machine.Name));
            possible.Add((TortureFault.AddSecondary, machine.Name));
            if (!Truth.Members.Any(static member => member.Kind == MemberKind.Arbiter)) possible.Add((TortureFault.AddArbiter, machine.Name));
        }

        foreach (var member in Truth.Members)
        {
            // Until its machine has followed, a member that has moved is heard by nobody.
            if (!group.IsLinked(member.Name) && (mayTakeVotes || member.Kind == MemberKind.Secondary)) possible.Add((TortureFault.Move, member.Name));
            if (member.Kind == MemberKind.Secondary) possible.Add((TortureFault.Promote, member.Name));
            if (member.Name == Truth.Primary || !Truth.MayTakeVote(member.Name) || (!mayTakeVotes && member.Kind != MemberKind.Secondary)) continue;
            possible.Add((TortureFault.Remove, member.Name));
            if (member.Kind == MemberKind.Voter) possible.Add((TortureFault.Demote, member.Name));
        }

        // By what is done first, so that one kind is not made more often because more members can have it.
        var kinds = possible.Select(static one => one.Item1).Distinct().ToList();
        if (kinds.Count == 0) return null;
        var kind = kinds[random.Next(kinds.Count)];
        var ones = possible.FindAll(one => one.Item1 == kind);
        return ones[random.Next(ones.Count)];
    }

    /// <summary>Prepares a change: a new member's process is there before it is taken in.</summary>
    /// <returns>What the primary is to be asked.</returns>
    public ClientRequest Prepare(Random random, TortureFault change, string name)
    {
        var machine = group[name];
        if (change == TortureFault.Remove) return new ClientRequest { Op = "members-remove", Name = name };
        var kind = change switch
        {
            TortureFault.AddVoter or TortureFault.Promote => MemberKind.Voter,
            TortureFault.AddSecondary or TortureFault.Demote => MemberKind.Secondary,
            TortureFault.AddArbiter => MemberKind.Arbiter,
            _ => machine.Kind,
        };
        if (change is TortureFault.AddVoter or TortureFault.AddSecondary or TortureFault.AddArbiter)
        {
            // One that was a member before may come back with what it has, if it is to hold the same.
            if (!machine.HoldsData || kind == MemberKind.Arbiter || random.Next(2) == 0) machine.Empty();
            machine.Kind = kind;
            machine.IsWanted = true;
            group.Start(name);
        }

        var listen = change == TortureFault.Move ? new Endpoint("127.0.0.1", LoopbackPorts.Take(1)[0]) : machine.Listen;
        return new ClientRequest
        {
            Op = change is TortureFault.AddVoter or TortureFault.AddSecondary or TortureFault.AddArbiter ? "members-add" : "members-set",
            Member = new ClientMember(name, listen.ToString(), kind, Priority: 1, IsDesignated: false),
        };
    }

    /// <summary>Asks for a change, beside whatever else happens.</summary>
    /// <returns>Why it is not known to be made; null when it is.</returns>
    public async Task<string?> ChangeAsync(ClientRequest change, CancellationToken cancellation) => (await group.AskPrimaryAsync(change, ChangePatience, cancellation)).WhyNot;

    /// <summary>A change was made: a member that has another address now listens there.</summary>
    public Task FollowAsync(ClientRequest change, CancellationToken cancellation) =>
        change.Member is { } member && Endpoint.Parse(member.Address) is var listen && listen != group[member.Name].Listen ? MoveAsync(group[member.Name], listen, cancellation) : Task.CompletedTask;

    /// <summary>Waits for something that has its own deadline, and meanwhile starts members again that end late, because of what was done to them before.</summary>
    public async Task MendUntilAsync(Task done, CancellationToken cancellation)
    {
        while (await Task.WhenAny(done, Task.Delay(Mending, TimeProvider.System, cancellation)) != done)
        {
            cancellation.ThrowIfCancellationRequested();
            Mend();
        }

        await done;
    }

    /// <summary>
    /// Waits until the group has come together: one primary that holds data; all members that it names follow it with all that it has, and count; those that are members no more
    /// know it. Then these end, and what the group said is the truth.
    /// </summary>
    /// <exception cref="TimeoutException">It does not, and what it lacks.</exception>
    public Task SettleAsync(TimeSpan patience, CancellationToken cancellation) =>
        TortureGroup.UntilAsync(() => HasSettledAsync(cancellation), () => $"the members did not come together ({_lacking})", patience, cancellation);

    private void Mend()
    {
        _mended = TimeProvider.System.GetTimestamp();
        foreach (var name in group.Names.Where(name => !group[name].IsRunning)) group.Start(name);
    }

    private async Task<bool> HasSettledAsync(CancellationToken cancellation)
    {
        if (TimeProvider.System.GetElapsedTime(_mended) > Mending) Mend();
        var answers = await group.StatusesAsync(cancellation);
        var statuses = answers.OfType<NodeStatus>().ToDictionary(static status => status.Name, StringComparer.Ordinal);
        if (statuses.Values.Where(static status => status is { State: NodeState.Primary, Kind: not MemberKind.Arbiter }).MaxBy(static status => status.Term) is not { } primary)
        {
            _lacking = "no member with data is the primary";
            return false;
        }

        var truth = GroupTruth.Of(primary);
        if (await AdoptAsync(truth, statuses, cancellation)) return false;
        var lacks = truth.Members.Select(member => Lacks(member, primary, statuses.GetValueOrDefault(member.Name)));
        _lacking = string.Join("; ", lacks.Concat(Former(truth, statuses)).Where(static what => what is not null));
        if (_lacking.Length > 0) return false;
        foreach (var name in group.Names.Where(name => truth.Find(name) is null)) group.Retire(name);
        Truth = truth;
        return true;
    }

    /// <summary>Makes the machines what the group says that they are.</summary>
    /// <returns>Whether something had to be done.</returns>
    private async Task<bool> AdoptAsync(GroupTruth truth, Dictionary<string, NodeStatus> statuses, CancellationToken cancellation)
    {
        var isChanged = false;
        foreach (var member in truth.Members)
        {
            var machine = group[member.Name];
            machine.Kind = member.Kind;
            // The primary does not say where it listens itself; the others do. Of a member that is reached over links they know no other place.
            var address = group.IsLinked(member.Name) ? ""
                : member.Name != truth.Primary ? member.Address
                : statuses.Values.Where(status => status.MembersAt == truth.Since).SelectMany(static status => status.Members).FirstOrDefault(other => other.Name == member.Name)?.Address ?? "";
            var moves = Endpoint.TryParse(address, out var listen) && listen != machine.Listen;
            if (machine.IsWanted && !moves) continue;
            machine.IsWanted = true;
            if (moves) await MoveAsync(machine, listen, cancellation);
            else if (!machine.IsRunning) group.Start(member.Name);
            isChanged = true;
        }

        return isChanged;
    }

    private async Task MoveAsync(TortureMember machine, Endpoint listen, CancellationToken cancellation)
    {
        machine.Listen = listen;
        await group.StopAsync(machine.Name, StopPatience, cancellation);
        group.Start(machine.Name);
    }

    private static string? Lacks(MemberStatus member, NodeStatus primary, NodeStatus? status)
    {
        if (status is null) return $"{member.Name} does not answer";
        if (status.State is not (NodeState.Primary or NodeState.Following)) return $"{member.Name} is {status.State}: {status.Step}";
        if (status.Primary != primary.Name || status.Term != primary.Term)
            return $"{member.Name} follows {status.Primary} in term {status.Term}, and {primary.Name} is the primary of term {primary.Term}";
        if (status.MembersAt != primary.MembersAt) return $"{member.Name} knows the members of record {status.MembersAt}, and {primary.Name} those of {primary.MembersAt}";
        if (member.IsPending || (member.Kind != MemberKind.Secondary && !status.Counts)) return $"{member.Name} follows, and does not count: {string.Join(" ", status.Warnings)}";
        return status.Durable != primary.Last ? $"{member.Name} knows {status.Durable} to be durable, and the last record is {primary.Last}" : null;
    }

    /// <summary>Those that were members and are no more: each must have learned it.</summary>
    private IEnumerable<string?> Former(GroupTruth truth, Dictionary<string, NodeStatus> statuses) => Truth.Names.Where(name => truth.Find(name) is null).Select(name =>
        statuses.GetValueOrDefault(name)?.State == NodeState.Removed ? null : $"{name} was removed, and is {statuses.GetValueOrDefault(name)?.State.ToString() ?? "not there"}");
}
