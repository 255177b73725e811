using Matchpoint.Protocol.Membership;
using Matchpoint.Simulation.Group;
using Matchpoint.Simulation.World;
using Matchpoint.Storage;

namespace Matchpoint.Simulation.Faults;

/// <summary>
/// An operator who changes the group while it runs: takes members in and removes them, makes voters secondaries and secondaries voters, changes priorities and designations, hands the
/// primary over. What no group survives is not asked for: nobody goes while a machine has lost its disk.
/// </summary>
internal sealed class Reorganizer
{
    private readonly Scheduler _scheduler;
    private readonly IReadOnlyList<SimulatedMachine> _machines;
    private readonly Faultmaker _faults;
    private readonly GroupSettings _settings;
    private readonly Random _random;
    private readonly Action<string> _tell;

    /// <summary>An operator who has done nothing yet.</summary>
    public Reorganizer(Scheduler scheduler, IReadOnlyList<SimulatedMachine> machines, Faultmaker faults, GroupSettings settings, Random random, Action<string> tell) =>
        (_scheduler, _machines, _faults, _settings, _random, _tell) = (scheduler, machines, faults, settings, random, tell);

    /// <summary>How many changes were made.</summary>
    public int Changes { get; private set; }

    /// <summary>How many times the primary was handed over on request.</summary>
    public int Transfers { get; private set; }

    /// <summary>Changes the group until it is told to stop.</summary>
    public async Task RunAsync(Func<bool> isOver)
    {
        if (!_settings.IsReorganized) return;
        while (true)
        {
            await _scheduler.WaitAsync(TimeSpan.FromSeconds(4) * -Math.Log(1 - _random.NextDouble())).ConfigureAwait(false);
            if (isOver()) return;
            if (_machines.FirstOrDefault(static machine => machine.Node is { IsPrimary: true } && !machine.Process!.IsPaused) is not { } leader) continue;
            var (process, node) = (leader.Process!, leader.Node!);
            var asked = AskAsync(process, node);
            // With a process that dies goes whatever it was to answer.
            if (await Task.WhenAny(asked, process.Died).ConfigureAwait(false) == asked) await asked.ConfigureAwait(false);
        }
    }

    /// <summary>Removes one voter after another, and waits for none of these changes as long as it may take.</summary>
    public async Task HurryAsync(SimulatedMachine leader, TimeSpan patience)
    {
        var (process, node) = (leader.Process!, leader.Node!);
        for (var i = 0; i < 3 && process.IsAlive; i++)
        {
            var roster = node.Core.Members.Roster;
            var others = roster.Members.Where(member => member.Name != process.Name && member.Votes && CanLeave(roster, member)).ToList();
            if (others.Count == 0) return;
            var other = others[_random.Next(others.Count)];
            var impatience = new CancellationTokenSource();
            var removed = RemoveAsync(node, other.Name, impatience.Token);
            _scheduler.After(patience, owner: null, impatience.Cancel);
            if (await Task.WhenAny(removed, process.Died).ConfigureAwait(false) != removed) return;
            _tell($"{process.Name} in haste: {await removed.ConfigureAwait(false)}");
        }
    }

    private async Task<string> RemoveAsync(MatchpointNode node, string name, CancellationToken impatience)
    {
        try
        {
            await node.RemoveMemberAsync(name, impatience).ConfigureAwait(false);
            Changes++;
            return $"{name} was removed";
        }
        catch (Exception error) when (error is MatchpointException or OperationCanceledException or ObjectDisposedException or StorageException or Files.SimulatedCrashException)
        {
            return error.Message;
        }
    }

    private async Task AskAsync(SimulatedProcess process, MatchpointNode node)
    {
        var what = "";
        try
        {
            what = await ChangeAsync(process, node).ConfigureAwait(false);
            if (what.Length > 0) _tell($"{process.Name}: {what}");
        }
        catch (Exception error) when (error is MatchpointException or OperationCanceledException or ObjectDisposedException or StorageException or Files.SimulatedCrashException)
        {
            _tell($"{process.Name} was to change the group: {error.Message}");
        }
    }

    private async Task<string> ChangeAsync(SimulatedProcess process, MatchpointNode node)
    {
        var roster = node.Core.Members.Roster;
        var others = roster.Members.Where(member => member.Name != process.Name).ToList();
        var absent = _machines.Where(machine => !roster.Contains(machine.Name)).ToList();
        var kind = _random.Next(10);
        if (kind < 3)
        {
            Transfers++;
            var heir = await node.TransferAsync(_random.Next(2) == 0 || others.Count == 0 ? null : others[_random.Next(others.Count)].Name, TimeSpan.FromSeconds(3)).ConfigureAwait(false);
            return $"handed over to {heir}";
        }

        if (absent.Count > 0 && kind < 7)
        {
            var added = absent[_random.Next(absent.Count)];
            var wanted = added.Kind == MemberKind.Arbiter ? added.Kind : _random.Next(4) == 0 ? MemberKind.Secondary : MemberKind.Voter;
            await node.AddMemberAsync(added.AsMember with { Kind = wanted }).ConfigureAwait(false);
            Changes++;
            return $"{added.Name} was added";
        }

        if (others.Count == 0) return "";
        var other = others[_random.Next(others.Count)];
        // Whoever goes takes what it acknowledged with it: that is asked for only while all the others have it.
        if (kind == 9 && roster.Members.Any(static member => member.IsDesignated))
        {
            var designated = roster.Members.First(static member => member.IsDesignated);
            await node.ChangeMemberAsync(AsMember(designated) with { IsDesignated = false }).ConfigureAwait(false);
            Changes++;
            return $"{designated.Name} is no longer designated";
        }

        switch (kind)
        {
            case 7 when CanLeave(roster, other):
                await node.RemoveMemberAsync(other.Name).ConfigureAwait(false);
                Changes++;
                return $"{other.Name} was removed";
            case 8 when other.Kind == MemberKind.Secondary || (other.Kind == MemberKind.Voter && CanLeave(roster, other)):
                await node.ChangeMemberAsync(AsMember(other) with { Kind = other.Kind == MemberKind.Voter ? MemberKind.Secondary : MemberKind.Voter }).ConfigureAwait(false);
                Changes++;
                return $"{other.Name} is {(other.Kind == MemberKind.Voter ? "a secondary" : "a voter")} now";
            case 9 when roster.Members.Count(static member => member.Kind != MemberKind.Secondary) == 2 && _random.Next(2) == 0:
                await node.ChangeMemberAsync(AsMember(roster.Find(process.Name)!) with { IsDesignated = true }).ConfigureAwait(false);
                Changes++;
                return $"{process.Name} is designated";
            default:
                await node.ChangeMemberAsync(AsMember(other) with { Priority = _random.Next(4) }).ConfigureAwait(false);
                Changes++;
                return $"{other.Name} has another priority";
        }
    }

    private static GroupMember AsMember(Member member) => new(member.Name, member.Address, member.Kind, member.Priority, member.IsDesignated);

    private bool CanLeave(Roster roster, Member member) => !_faults.IsLosing && (!member.Votes || roster.Voters.Length > 2 || _random.Next(2) == 0);
}
