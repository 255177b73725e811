using Matchpoint.Simulation.Group;
using Matchpoint.Simulation.Network;

namespace Matchpoint.Simulation.Faults;

/// <summary>
/// A minority of the voters that stays away when all other faults have ended: off, cut off, heard by nobody or hearing nobody. The others are to come together without them.
/// </summary>
internal sealed class Absence(SimulatedNetwork network, IReadOnlyList<SimulatedMachine> machines, Faultmaker faults, Random random, Action<string> tell)
{
    /// <summary>Who is away.</summary>
    public IReadOnlyList<SimulatedMachine> Away { get; private set; } = [];

    /// <summary>
    /// Whether any majority of a group must do: all its members vote and keep their logs, and what a majority has acknowledged is on its disks. Where acknowledgements count unflushed a machine
    /// that lost power waits for the others.
    /// </summary>
    public static bool IsPossible(GroupSettings settings) => settings is { Size: >= 3, CountsUnflushed: false, Retention: null, IsReorganized: false, Spares: 0, HasArbiter: false };

    /// <summary>A minority goes: first of all those that do not take part just now, for they need the others to.</summary>
    public void Begin()
    {
        var most = (machines.Count - 1) / 2;
        var first = machines.Where(machine => machine == faults.Losing || machine.Process?.Core is not { Counts: true }).ToList();
        if (first.Count > most)
        {
            tell($"nobody stays away: {first.Count} do not take part");
            return;
        }

        var rest = machines.Except(first).ToArray();
        random.Shuffle(rest);
        if (random.Next(2) == 0) rest = [.. rest.OrderByDescending(static machine => machine.Node is { IsPrimary: true })];
        Away = [.. first.Concat(rest).Take(random.Next(Math.Max(first.Count, 1), most + 1))];
        foreach (var machine in Away) Leave(machine);
    }

    /// <summary>All are back.</summary>
    public void End()
    {
        tell($"{string.Join(", ", Away.Select(static machine => machine.Name))} may come back");
        network.Weather.Reconnect();
        foreach (var machine in Away) machine.IsAway = false;
        Away = [];
    }

    private void Leave(SimulatedMachine machine)
    {
        var way = random.Next(6);
        tell($"{machine.Name} stays away: {way switch { < 2 => "off", < 4 => "cut off", 4 => "heard by nobody", _ => "hearing nobody" }}");
        if (way < 2)
        {
            machine.IsAway = true;
            machine.Kill();
            return;
        }

        foreach (var other in machines.Where(other => other != machine))
        {
            if (way != 5) network.Weather.Disconnect(machine.Name, other.Name);
            if (way != 4) network.Weather.Disconnect(other.Name, machine.Name);
        }
    }
}
