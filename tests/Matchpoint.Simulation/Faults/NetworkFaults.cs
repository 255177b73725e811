using Matchpoint.Protocol;
using Matchpoint.Simulation.Group;
using Matchpoint.Simulation.Network;
using Matchpoint.Simulation.World;

namespace Matchpoint.Simulation.Faults;

/// <summary>Breaks the network between machines.</summary>
internal sealed class NetworkFaults(Scheduler scheduler, SimulatedNetwork network, IReadOnlyList<SimulatedMachine> machines, Random random)
{
    /// <summary>Whether nothing falls apart any more.</summary>
    public bool IsOver { get; set; }

    /// <summary>Breaks it in one way.</summary>
    /// <returns>Whether there is anybody to be cut off from.</returns>
    public bool Make(FaultKind kind, SimulatedMachine machine)
    {
        switch (kind)
        {
            case FaultKind.Partition:
                Split();
                scheduler.After(Some(8), owner: null, network.Weather.Clear);
                break;
            case FaultKind.OneWay:
                network.Weather.Block(machine.Name, Other(machine).Name);
                scheduler.After(Some(8), owner: null, network.Weather.Clear);
                break;
            case FaultKind.PartialPartition:
                var other = Other(machine);
                network.Weather.Block(machine.Name, other.Name);
                network.Weather.Block(other.Name, machine.Name);
                scheduler.After(Some(8), owner: null, network.Weather.Clear);
                break;
            case FaultKind.Isolate:
                Isolate(machine);
                scheduler.After(Some(8), owner: null, network.Weather.Clear);
                break;
            case FaultKind.Flap:
                for (var i = 0; i < 10; i++) scheduler.After(Some(6), owner: null, i % 2 == 0 ? Split : network.Weather.Clear);
                scheduler.After(TimeSpan.FromSeconds(6), owner: null, network.Weather.Clear);
                break;
            case FaultKind.Reset:
                network.Break(machine.Name, random);
                break;
            case FaultKind.SlowNetwork:
                network.Weather.SlowPerMille = random.Next(500);
                scheduler.After(Some(6), owner: null, () => network.Weather.SlowPerMille = 0);
                break;
            default:
                throw Invariant.Unreachable(kind);
        }

        return machines.Count > 1;
    }

    /// <summary>Cuts a machine off from all others.</summary>
    public void Isolate(SimulatedMachine machine)
    {
        foreach (var other in machines.Where(other => other != machine))
        {
            network.Weather.Block(machine.Name, other.Name);
            network.Weather.Block(other.Name, machine.Name);
        }
    }

    private void Split()
    {
        if (IsOver) return;
        var sides = machines.ToDictionary(static machine => machine.Name, _ => random.Next(2));
        foreach (var (from, left) in sides)
        {
            foreach (var (to, right) in sides)
            {
                if (left != right) network.Weather.Block(from, to);
            }
        }
    }

    /// <summary>Another one than this; where there is no other, this.</summary>
    private SimulatedMachine Other(SimulatedMachine machine)
    {
        var other = machines[random.Next(machines.Count)];
        return other != machine ? other : machines.FirstOrDefault(each => each != machine) ?? machine;
    }

    private TimeSpan Some(double seconds) => TimeSpan.FromSeconds(seconds * random.NextDouble());
}
