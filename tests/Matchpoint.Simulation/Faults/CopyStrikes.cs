using Matchpoint.Simulation.Group;
using Matchpoint.Simulation.World;

namespace Matchpoint.Simulation.Faults;

/// <summary>
/// Where logs are trimmed: keeps members away until they need a full copy, and strikes while one is on its way. Whoever fetches it dies, or whoever gives it, or their disks fail.
/// </summary>
internal sealed class CopyStrikes(Scheduler scheduler, IReadOnlyList<SimulatedMachine> machines, Faultmaker faults, Random random)
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan MostAway = TimeSpan.FromSeconds(8);
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(0.5);

    private readonly Dictionary<SimulatedMachine, string> _struck = [];

    /// <summary>Keeps members away, one after another, until it is told to stop.</summary>
    public async Task RunAsync(Func<bool> isOver)
    {
        while (true)
        {
            await scheduler.WaitAsync(Pause * -Math.Log(1 - random.NextDouble())).ConfigureAwait(false);
            if (isOver()) return;
            var machine = machines[random.Next(machines.Count)];
            switch (random.Next(4))
            {
                case 0:
                    faults.Strike(FaultKind.LostDisk, machine, mayWait: true);
                    break;
                case 1:
                    faults.Strike(FaultKind.OldBackup, machine, mayWait: true);
                    break;
                default:
                    faults.TurnOff(machine, MostAway * random.NextDouble());
                    break;
            }
        }
    }

    /// <summary>More of a copy has come.</summary>
    public void OnProgress(SimulatedMachine machine, CopyProgress progress)
    {
        // Once in each attempt, at most.
        var attempt = $"{machine.Process!.Number} {progress.Donor}";
        if (_struck.GetValueOrDefault(machine) == attempt) return;
        _struck[machine] = attempt;
        if (random.Next(3) == 0) return;
        var struck = random.Next(2) == 0 ? machine : machines.First(each => each.Name == progress.Donor);
        var kind = random.Next(8) switch
        {
            < 3 => FaultKind.Kill,
            < 5 => FaultKind.PowerCut,
            5 => FaultKind.CrashAtEffect,
            6 => FaultKind.FailedFlush,
            _ => FaultKind.Pause,
        };
        scheduler.After(Soon * (random.NextDouble() * random.NextDouble()), owner: null, () => faults.Strike(kind, struck));
    }
}
