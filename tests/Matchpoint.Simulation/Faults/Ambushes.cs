using Matchpoint.Simulation.Group;
using Matchpoint.Simulation.Network;
using Matchpoint.Simulation.World;

namespace Matchpoint.Simulation.Faults;

/// <summary>
/// Faults in the worst order, which chance alone hardly finds: a member loses what it promised, or what it acknowledged, just when nobody else is there to tell it so. A majority of the
/// others is whole all the time, though not always reachable.
/// </summary>
internal sealed class Ambushes(
    Scheduler scheduler, SimulatedNetwork network, IReadOnlyList<SimulatedMachine> machines, Faultmaker faults, Reorganizer reorganizer, GroupSettings settings, Random random, Action<string> tell)
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan MostPause = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(10);

    private int Majority => (machines.Count / 2) + 1;

    /// <summary>Lays one after another, until it is told to stop.</summary>
    public async Task RunAsync(Func<bool> isOver)
    {
        while (true)
        {
            await scheduler.WaitAsync(Pause * -Math.Log(1 - random.NextDouble())).ConfigureAwait(false);
            if (isOver()) return;
            if (machines.FirstOrDefault(static machine => machine.Node is { IsPrimary: true } && !machine.Process!.IsPaused) is not { } primary) continue;
            faults.IsAmbushed = true;
            if (settings.IsReorganized) await HurryAsync(primary).ConfigureAwait(false);
            else await (random.Next(6) switch
            {
                < 2 => ForgetVoteAsync(primary),
                < 4 => StrikeLastHolderAsync(primary, isPowerCut: false),
                4 => StrikeLastHolderAsync(primary, isPowerCut: true),
                _ => TakeVoteAsync(primary),
            }).ConfigureAwait(false);
            network.Weather.Clear();
            faults.IsAmbushed = false;
        }
    }

    /// <summary>
    /// A primary stands still, the others elect. One that gave its vote loses its disk, cannot reach whom it elected, and finds the old primary, which goes on just then and knows of nothing.
    /// </summary>
    private async Task ForgetVoteAsync(SimulatedMachine primary)
    {
        var others = Shuffled(primary);
        var stay = machines.Count - Majority - 1;
        tell($"an ambush: {primary.Name} stands still, the others elect");
        var process = primary.Process!;
        var term = process.Core?.Elections.Term;
        process.Pause();
        Part([primary, .. others[..stay]], others[stay..]);
        SimulatedMachine? voter = null;
        for (var end = scheduler.Elapsed + (settings.ElectionTimeout * 5); voter is null && scheduler.Elapsed < end;)
        {
            await scheduler.WaitAsync(Look).ConfigureAwait(false);
            voter = others.FirstOrDefault(machine => machine.Node is { Core.Elections.Ballot: { VotedFor: { } candidate } ballot } && candidate != machine.Name && ballot.Term > term);
        }

        if (voter is not null)
        {
            await scheduler.WaitAsync(Some(settings.ElectionTimeout)).ConfigureAwait(false);
            faults.Strike(FaultKind.LostDisk, voter);
            if (faults.Losing == voter)
            {
                network.Weather.Clear();
                var old = others.Where(machine => machine != voter && machine.Node?.Core.Elections.Term <= term);
                SimulatedMachine[] side = [primary, voter, .. old];
                Part(side, [.. machines.Except(side)]);
                for (var end = scheduler.Elapsed + (settings.ElectionTimeout * 5); voter.Node is null && scheduler.Elapsed < end;) await scheduler.WaitAsync(Look).ConfigureAwait(false);
                // Before it asks whether it may count, and after that.
                await scheduler.WaitAsync(Some(settings.ElectionTimeout * 2.5)).ConfigureAwait(false);
            }
        }

        process.Resume();
        await scheduler.WaitAsync(Some(settings.ElectionTimeout * 3)).ConfigureAwait(false);
    }

    /// <summary>
    /// As few as can be hold what is acknowledged; one of them is damaged, or loses with the power what its slow disk has not flushed, and the others of them are cut off just when those come
    /// back that lack it.
    /// </summary>
    private async Task StrikeLastHolderAsync(SimulatedMachine primary, bool isPowerCut)
    {
        var others = Shuffled(primary);
        var absent = others[..(machines.Count - Majority)];
        var struck = others[machines.Count - Majority];
        var away = TimeSpan.FromSeconds(0.3) + Some(TimeSpan.FromSeconds(2));
        tell($"an ambush: {string.Join(", ", absent.Select(static machine => machine.Name))} are away, {struck.Name} is going to {(isPowerCut ? "lose power" : "be damaged")}");
        foreach (var machine in absent) faults.TurnOff(machine, away);
        if (isPowerCut) struck.DiskSlowness = random.Next(2, 100);
        await scheduler.WaitAsync(away).ConfigureAwait(false);
        struck.DiskSlowness = 1;
        if (isPowerCut) faults.Strike(FaultKind.PowerCut, struck);
        else if (!faults.DamageKnown(struck)) return;
        SimulatedMachine[] side = [struck, .. absent];
        Part(side, [.. machines.Except(side)]);
        for (var end = scheduler.Elapsed + MostPause; side.Any(static machine => machine.Node is null) && scheduler.Elapsed < end;) await scheduler.WaitAsync(Look).ConfigureAwait(false);
        await scheduler.WaitAsync((settings.ElectionTimeout * 2) + Some(settings.ElectionTimeout * 4)).ConfigureAwait(false);
    }

    /// <summary>A primary stands still, the others elect; one of them cannot flush the name of its vote, starts anew with what the cache has of it, and then loses power.</summary>
    private async Task TakeVoteAsync(SimulatedMachine primary)
    {
        var others = Shuffled(primary);
        var voter = others[0];
        tell($"an ambush: {primary.Name} stands still, the others elect, and {voter.Name} loses its vote");
        var process = primary.Process!;
        process.Pause();
        Part([primary], others);
        voter.Files.Faults.FailFlush(SimulatedMachine.Directory);
        var life = voter.Process?.Number;
        for (var end = scheduler.Elapsed + (settings.ElectionTimeout * 5); scheduler.Elapsed < end && (voter.Process?.Number == life || voter.Node is null);)
            await scheduler.WaitAsync(Look).ConfigureAwait(false);
        await scheduler.WaitAsync(Some(settings.ElectionTimeout * 2)).ConfigureAwait(false);
        faults.Strike(FaultKind.PowerCut, voter);
        process.Resume();
        await scheduler.WaitAsync(Some(settings.ElectionTimeout * 3)).ConfigureAwait(false);
    }

    /// <summary>A primary is cut off, with nobody or with one other, and before it knows its operator removes those whom it does not reach.</summary>
    private async Task HurryAsync(SimulatedMachine primary)
    {
        var others = Shuffled(primary);
        var near = Math.Min(random.Next(2), others.Length);
        tell($"an ambush: {primary.Name} is cut off, and its operator in a hurry");
        Part([primary, .. others[..near]], others[near..]);
        await reorganizer.HurryAsync(primary, Some(settings.ElectionTimeout / 4)).ConfigureAwait(false);
        await scheduler.WaitAsync(Some(settings.ElectionTimeout * 4)).ConfigureAwait(false);
    }

    private void Part(IReadOnlyList<SimulatedMachine> side, IReadOnlyList<SimulatedMachine> otherSide)
    {
        foreach (var one in side)
        {
            foreach (var other in otherSide)
            {
                network.Weather.Block(one.Name, other.Name);
                network.Weather.Block(other.Name, one.Name);
            }
        }
    }

    private SimulatedMachine[] Shuffled(SimulatedMachine primary)
    {
        var others = machines.Where(machine => machine != primary).ToArray();
        random.Shuffle(others);
        return others;
    }

    private TimeSpan Some(TimeSpan most) => most * random.NextDouble();
}
