using Matchpoint.Protocol.Elections;
using Matchpoint.Simulation.Checks;
using Matchpoint.Simulation.Group;
using Matchpoint.Simulation.Network;
using Matchpoint.Simulation.World;

namespace Matchpoint.Simulation.Faults;

/// <summary>
/// Breaks things, and has an operator who starts again what has died. What is damaged the nodes mend themselves.
/// What no group of its size can survive is not done: a disk with all its promises is taken away only
/// while all the other machines hold everything that was acknowledged, and the next one only when that one is whole again.
/// </summary>
internal sealed class Faultmaker
{
    private const int LooksAtAll = 16;
    private const int MostInsisting = 3;

    private static readonly TimeSpan OperatorPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Insistence = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan InsistencePause = TimeSpan.FromSeconds(0.1);
    private static readonly TimeSpan MisdirectedPatience = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan MisdirectedPause = TimeSpan.FromSeconds(0.1);
    private static readonly TimeSpan LongestJump = TimeSpan.FromSeconds(300);

    private readonly Scheduler _scheduler;
    private readonly SimulatedNetwork _network;
    private readonly IReadOnlyList<SimulatedMachine> _machines;
    private readonly Dictionary<SimulatedMachine, Watch.MachineWatch> _watches;
    private readonly Watch _watch;
    private readonly GroupSettings _settings;
    private readonly FaultMix _mix;
    private readonly Random _random;
    private readonly Random _again;
    private readonly NetworkFaults _ways;
    private readonly Action<string> _tell;
    private readonly HashSet<SimulatedMachine> _starting = [];
    private readonly HashSet<SimulatedMachine> _unopened = [];
    private readonly HashSet<SimulatedMachine> _reigning = [];
    private SimulatedMachine? _losing;
    private SimulatedMachine? _striking;
    private int _shortReigns;
    private int _looks;
    private int _insisting;
    private bool _isOver;

    /// <summary>A maker of faults that has not begun.</summary>
    public Faultmaker(
        Scheduler scheduler, SimulatedNetwork network, IReadOnlyList<SimulatedMachine> machines, Dictionary<SimulatedMachine, Watch.MachineWatch> watches, Watch watch,
        GroupSettings settings, FaultMix mix, Random random, Random again, Action<string> tell)
    {
        (_scheduler, _network, _machines, _watches, _watch, _settings, _mix, _random, _again, _tell) =
            (scheduler, network, machines, watches, watch, settings, mix, random, again, tell);
        _ways = new NetworkFaults(scheduler, network, machines, random);
    }

    /// <summary>Whether a machine has lost its disk and is not yet whole again.</summary>
    public bool IsLosing => _losing is not null;

    /// <summary>The machine whose disk was taken away or damaged, until it is whole again.</summary>
    public SimulatedMachine? Losing => _losing;

    /// <summary>What struck.</summary>
    public FaultCounts Counts { get; } = new();

    /// <summary>Whether an ambush is being laid: what was refused is not tried again meanwhile.</summary>
    public bool IsAmbushed { get; set; }

    /// <summary>Breaks things until it is told to stop.</summary>
    public async Task RunAsync()
    {
        if (_mix.Kinds.Count == 0) return;
        if (_mix.Insists && (_mix.Kinds.Contains(FaultKind.OldBackup) || _settings.Retention is not null)) BackUpEarly();
        while (true)
        {
            await _scheduler.WaitAsync(_mix.Pause * -Math.Log(1 - _random.NextDouble())).ConfigureAwait(false);
            if (_isOver) return;
            Make(_mix.Kinds[_random.Next(_mix.Kinds.Count)], _machines[_random.Next(_machines.Count)]);
        }
    }

    /// <summary>Breaks one thing, unless faults are over.</summary>
    /// <param name="kind">What.</param>
    /// <param name="machine">Of which machine.</param>
    /// <param name="mayWait">Whether it may strike later, and another one, where it cannot now.</param>
    public void Strike(FaultKind kind, SimulatedMachine machine, bool mayWait = false)
    {
        if (!_isOver) Make(kind, machine, isAimed: true, mayWait);
    }

    /// <summary>A machine is off for a while, and nobody starts it meanwhile.</summary>
    public void TurnOff(SimulatedMachine machine, TimeSpan time)
    {
        if (_isOver || !_starting.Add(machine)) return;
        Counts.OnAsked(nameof(TurnOff));
        Counts.OnStruck(nameof(TurnOff));
        _tell($"{machine.Name} is off for {time.TotalSeconds:0.0} s");
        machine.Kill();
        _scheduler.After(time, owner: null, () => _starting.Remove(machine));
    }

    /// <summary>
    /// Damages the log of a machine where it knows what was there: a bit of what it had flushed turns over, its last segment is gone, or the end of it with the positions.
    /// As with a lost disk the others need not be well then, for it can know that it must not rely on what is left.
    /// </summary>
    /// <returns>Whether the group can do without it.</returns>
    public bool DamageKnown(SimulatedMachine machine)
    {
        if (_isOver) return false;
        Counts.OnAsked(nameof(DamageKnown));
        if (!MayLose(machine, isEmpty: true)) return false;
        machine.CutPower();
        machine.IsDamaged = true;
        if (Damage.OfKnownLog(machine, _random, _tell)) Counts.OnStruck(nameof(DamageKnown));
        return true;
    }

    /// <summary>All faults end: the network is whole, the disks are sound, whoever stands still goes on.</summary>
    public void Heal()
    {
        _tell("all faults end");
        _isOver = true;
        _ways.IsOver = true;
        _shortReigns = 0;
        _network.Weather.Clear();
        _network.Weather.SlowPerMille = 0;
        foreach (var machine in _machines)
        {
            machine.Files.Faults.Clear();
            machine.DiskSlowness = 1;
            SetSkew(machine, TimeSpan.Zero);
            machine.Process?.Resume();
        }
    }

    /// <summary>Looks after the machine that did something, and after all of them when nobody did, and now and then: what has died is started again after a while.</summary>
    /// <param name="owner">Whose event it was.</param>
    public void Tend(IOwner? owner)
    {
        var isForAll = owner is not SimulatedProcess || ++_looks % LooksAtAll == 0;
        foreach (var machine in _machines)
        {
            if (!isForAll && !ReferenceEquals(machine.Process, owner)) continue;
            if (machine.Node is not null) _unopened.Remove(machine);
            LookAtReign(machine);
            if (machine.NoticeDeath())
            {
                _tell($"{machine.Name} crashed at an effect");
                Counts.OnStruck(FaultKind.CrashAtEffect);
            }


            if (!_starting.Contains(machine) && NeedsStart(machine)) StartLater(machine);
        }

        if (_losing is not { } lost || lost == _striking || lost.Node is not { } node || !node.Core.Counts || !_watches[lost].IsSound || _watches[lost].Flushed < _watch.Ledger.Last) return;
        lost.IsDamaged = false; // It is mended: from here on it is held to what it has, as all are.
        _losing = null;
    }

    private void LookAtReign(SimulatedMachine machine)
    {
        if (machine.Node is not { IsPrimary: true })
        {
            _reigning.Remove(machine);
            return;
        }

        if (!_reigning.Add(machine) || _shortReigns == 0) return;
        _shortReigns--;
        var process = machine.Process!;
        _scheduler.After(Some(_random.Next(2) == 0 ? 0.02 : 0.3), process, () =>
        {
            _tell($"{machine.Name} dies in the first moments of its reign");
            Make(_random.Next(2) == 0 ? FaultKind.Kill : FaultKind.PowerCut, machine, isAimed: true);
        });
    }

    private static bool NeedsStart(SimulatedMachine machine) => !machine.IsUp ? !machine.IsAway : machine.Process!.OpenFailure is not null || machine.Node is { State: NodeState.Failed };

    private void StartLater(SimulatedMachine machine)
    {
        _starting.Add(machine);
        var pause = OperatorPause * (0.1 + (3 * _random.NextDouble()));
        _scheduler.After(pause, owner: null, () =>
        {
            _starting.Remove(machine);
            if (machine is { IsUp: true, Process: { } process } && NeedsStart(machine))
            {
                _tell($"{machine.Name} has failed: {(process.OpenFailure ?? process.Core?.Failure)?.Message}");
                if (process.OpenFailure is { } failure and not (MatchpointException or Files.SimulatedCrashException))
                    throw new ViolationException("opening fails with a reason", $"{machine.Name}: {failure}");
                // A damaged one cannot be opened while there is nobody who has what it lacks.
                if (process.OpenFailure is not null && _losing != machine && _unopened.Contains(machine))
                    throw new ViolationException("a sound disk can be opened", $"{machine.Name}: {process.OpenFailure.Message}");
                if (process.OpenFailure is not null) _unopened.Add(machine);
                machine.Files.Faults.Clear();
                machine.Kill();
            }

            if (machine.IsUp || machine.IsAway) return;
            _tell($"{machine.Name} starts");
            machine.Start();
        });
    }

    private void Make(FaultKind kind, SimulatedMachine machine, bool isAimed = false, bool mayWait = false)
    {
        if (!isAimed && _random.Next(3) == 0) machine = _machines.FirstOrDefault(static other => other.Node is { IsPrimary: true }) ?? machine;
        _tell($"{kind} {machine.Name}");
        Counts.OnAsked(kind);
        var struck = TryMake(kind, machine);
        if (struck || !_mix.Insists || (isAimed && !mayWait) || !IsOfData(kind)) return;
        Insist(kind, machine);
    }

    private void Insist(FaultKind kind, SimulatedMachine machine)
    {
        if (_insisting == MostInsisting) return;
        _insisting++;
        _scheduler.Watch(InsistAsync(kind, machine));
    }

    /// <summary>What takes data strikes seldom at the first try: tries it again, now on this machine and now on that, until the group can do without.</summary>
    private async Task InsistAsync(FaultKind kind, SimulatedMachine machine)
    {
        for (var (at, end) = (_machines.ToList().IndexOf(machine), _scheduler.Elapsed + Insistence); _scheduler.Elapsed < end; at++)
        {
            await _scheduler.WaitAsync(InsistencePause).ConfigureAwait(false);
            if (_isOver) break;
            if (IsAmbushed || !TryMake(kind, _machines[at % _machines.Count])) continue;
            _tell($"{kind} {_machines[at % _machines.Count].Name}, at last");
            break;
        }

        _insisting--;
    }

    private static bool IsOfData(FaultKind kind) => kind is FaultKind.MisdirectedWrite or FaultKind.BitFlip or FaultKind.LostDisk or FaultKind.OldBackup;

    /// <summary>Breaks one thing, if it can be done now; it is counted once it has struck.</summary>
    private bool TryMake(FaultKind kind, SimulatedMachine machine)
    {
        var isMade = IsOfData(kind) ? TryTakeData(kind, machine) : kind is FaultKind.FullDisk or FaultKind.FailedWrite or FaultKind.FailedFlush ? FailDisk(kind, machine) : MakeAround(kind, machine);
        if (isMade && kind is not (FaultKind.CrashAtEffect or FaultKind.FailedWrite or FaultKind.FailedFlush or FaultKind.MisdirectedWrite or FaultKind.OldBackup)) Counts.OnStruck(kind);
        return isMade;
    }

    private bool MakeAround(FaultKind kind, SimulatedMachine machine)
    {
        var wasUp = machine.IsUp;
        switch (kind)
        {
            case FaultKind.Kill:
                machine.Kill();
                return wasUp;
            case FaultKind.PowerCut when _settings.CountsUnflushed && !CanLoseUnflushed(machine):
                machine.Kill();
                if (wasUp) Counts.OnStruck(FaultKind.Kill);
                return false;
            case FaultKind.PowerCut:
                machine.CutPower();
                break;
            case FaultKind.PowerCutOfAll:
                if (_settings.CountsUnflushed && _losing is not null) return false;
                _watch.IsLossy |= _settings.CountsUnflushed;
                foreach (var each in _machines) each.CutPower();
                break;
            case FaultKind.CrashAtEffect:
                var effect = machine.Files.Effects + _random.Next(1, 40);
                if (_random.Next(2) == 0) machine.Files.CrashBefore(effect);
                else machine.Files.CrashWithin(effect);
                break;
            case FaultKind.ShortReigns:
                machine.Kill();
                _shortReigns = _random.Next(1, 6);
                foreach (var each in _machines.Where(_ => _random.Next(2) == 0)) each.DiskSlowness = _random.Next(2, 30);
                _scheduler.After(Some(10), owner: null, () => _machines.ToList().ForEach(static each => each.DiskSlowness = 1));
                break;
            case FaultKind.Pause:
                if (!wasUp) return false;
                var paused = machine.Process!;
                paused.Pause();
                _scheduler.After(Some(4), owner: null, paused.Resume);
                break;
            case FaultKind.Strand:
                return Strand(_machines.FirstOrDefault(static other => other.Node is { IsPrimary: true }) ?? machine);
            case FaultKind.Restart:
                if (wasUp) _scheduler.Watch(machine.StopAsync());
                return wasUp;
            case FaultKind.ClockJump:
                SetSkew(machine, Some(2 * LongestJump.TotalSeconds) - LongestJump);
                if (_settings.MaxClockSkew < LongestJump) _scheduler.After(TimeSpan.FromSeconds(1 + (10 * _again.NextDouble())), owner: null, () => SetSkew(machine, TimeSpan.Zero));
                break;
            case FaultKind.SlowDisk:
                machine.DiskSlowness = _random.Next(2, 100);
                _scheduler.After(Some(6), owner: null, () => machine.DiskSlowness = 1);
                break;
            default:
                return _ways.Make(kind, machine);
        }

        return true;
    }

    private bool FailDisk(FaultKind kind, SimulatedMachine machine)
    {
        var faults = machine.Files.Faults;
        _unopened.Remove(machine);
        switch (kind)
        {
            case FaultKind.FullDisk:
                faults.Capacity = 0;
                _scheduler.After(Some(5), owner: null, () => faults.Capacity = long.MaxValue);
                break;
            case FaultKind.FailedWrite:
                faults.FailWrite("*", _random.Next(1, 10), _random.Next(100), struck: () => Counts.OnStruck(kind));
                break;
            default:
                faults.FailFlush(_random.Next(3) == 0 ? "*ballot*" : "*", _random.Next(1, _random.Next(2, 10)), struck: () => Counts.OnStruck(kind));
                break;
        }

        return true;
    }

    private bool TryTakeData(FaultKind kind, SimulatedMachine machine)
    {
        if (kind == FaultKind.OldBackup && _mix.Insists && !machine.HasBackup) return false;
        if (!MayLose(machine, isEmpty: kind == FaultKind.LostDisk)) return false;
        _unopened.Remove(machine);
        switch (kind)
        {
            case FaultKind.MisdirectedWrite:
                Misdirect(machine);
                break;
            case FaultKind.BitFlip:
                machine.Kill();
                return Damage.OfAnyFile(machine, _random, _tell);
            case FaultKind.LostDisk:
                Lose(machine);
                break;
            default:
                _scheduler.Watch(PutBackAsync(machine));
                break;
        }

        return true;
    }

    /// <summary>A write lands elsewhere, and a moment later the machine dies.</summary>
    private void Misdirect(SimulatedMachine machine)
    {
        var faults = machine.Files.Faults;
        var hasStruck = false;
        _striking = machine; // What is sound until then may be none a moment later.
        faults.MisdirectWrite("*.log", _random.Next(1, 64 * 1024), struck: () =>
        {
            machine.IsDamaged = true;
            hasStruck = true;
            Counts.OnStruck(FaultKind.MisdirectedWrite);
            if (_mix.Insists) _scheduler.After(MisdirectedPause, owner: null, End);
        });
        _scheduler.After(_mix.Insists ? MisdirectedPatience : MisdirectedPause, owner: null, () =>
        {
            if (!hasStruck || !_mix.Insists) End();
        });

        void End()
        {
            faults.StrikeNoMore();
            if (hasStruck || !_mix.Insists) machine.Kill();
            _watches[machine].Forget();
            _striking = null;
        }
    }

    /// <summary>Takes a machine's disk with all its promises, if the group can do without; it is the only one until it is whole again.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="isEmpty">Whether it finds nothing afterwards, and so knows that something is gone: others need not be well then.</param>
    private bool MayLose(SimulatedMachine machine, bool isEmpty = false)
    {
        if (_losing is not null || _watch.IsLossy || _machines.Count < 3 || !machine.IsUp) return false;
        // Where the members have just changed, or may have, nothing is taken away.
        var leader = _machines.FirstOrDefault(static other => other.Node is { IsPrimary: true });
        var mayDiffer = MayMembersDiffer;
        var roster = leader?.Node?.Core.Members.Roster;
        if (mayDiffer && (roster is null || roster.Voters.Length < 3 || !_machines.All(each => IsSettled(each, roster)))) return false;
        var others = _machines.Where(other => other != machine && (!mayDiffer || roster!.IsVoter(other.Name))).ToList();
        var areWhole = others.TrueForAll(other => other.Node is { State: NodeState.Primary or NodeState.Following } node && node.Core.Counts && !other.Process!.IsPaused
            && _watches[other].Flushed >= _watch.Ledger.Last && node.Core.Elections.Term >= machine.Node?.Core.Elections.Term);
        // Those that have never joined cannot tell themselves from those that lost their disk: they are none of the majority that is left.
        var haveJoined = others.TrueForAll(static other => other.Process?.Core?.Elections.Standing == Standing.Full);
        // Where logs are trimmed, one that is away may need a full copy, and counts no more than one without a disk until it has caught up.
        if (!areWhole && (!isEmpty || !haveJoined || _settings.CountsUnflushed || _settings.Retention is not null)) return false;
        _losing = machine;
        _watches[machine].Forget();
        return true;
    }

    private bool MayMembersDiffer => _settings.IsReorganized || _settings.Spares > 0 || _settings.HasArbiter;

    /// <summary>Whether a machine is not the only one that counts, for any that runs: what such a one has not flushed nobody else need have.</summary>
    private bool HasOtherVoters(SimulatedMachine machine) => _machines.All(each => each.Node?.Core.Members.Voters is not [var only] || only != machine.Name);

    /// <summary>Whether a machine knows of no other members, or of none that are not durable; one that is no member knows less.</summary>
    private static bool IsSettled(SimulatedMachine machine, Protocol.Membership.Roster roster) => !roster.Contains(machine.Name)
        || machine.Node?.Core is { } core && core.Members.Roster.Equals(roster) && core.Appender.RosterAt <= core.Progress.Durable;

    /// <summary>Where records count that are written and not flushed, only one machine at a time may lose some.</summary>
    private bool CanLoseUnflushed(SimulatedMachine machine) =>
        _machines.Count > 1 && HasOtherVoters(machine) && _losing is null && _machines.All(other => other == machine || other.Node is { } node && node.Core.Counts);

    private void Lose(SimulatedMachine machine)
    {
        _tell($"{machine.Name} gets an empty disk");
        _watches[machine].Forget();
        machine.LoseDisk();
    }

    /// <summary>What is to be put back later is taken early, of every machine at a time of its own, and while it runs: what a kill would leave.</summary>
    private void BackUpEarly()
    {
        foreach (var machine in _machines)
        {
            _scheduler.After(TimeSpan.FromSeconds(1 + (15 * _again.NextDouble())), owner: null, () =>
            {
                if (_losing != machine && !machine.HasBackup) machine.BackUp();
            });
        }
    }

    private async Task PutBackAsync(SimulatedMachine machine)
    {
        _starting.Add(machine);
        _striking = machine; // Until it has stopped it is whole, and has lost nothing yet.
        var core = machine.Process?.Core;
        await machine.StopAsync().ConfigureAwait(false);
        // What it promised while it closed nobody else may know of yet, and the ballot in the backup would let it promise the same again.
        var isKnown = core is not null && _machines.All(other => other == machine || !core.Members.Roster.IsVoter(other.Name) || other.Node?.Core.Elections.Term >= core.Elections.Term);
        // Where members change there may be some that were removed and know an old group, in which such a ballot would count: the operator leaves it out there, as the docs say.
        if (isKnown && machine.PutBack(withBallot: !MayMembersDiffer))
        {
            _tell($"{machine.Name} gets its backup back");
            Counts.OnStruck(FaultKind.OldBackup);
        }
        else
        {
            machine.BackUp();
            if (_mix.Insists && !_isOver) Insist(FaultKind.OldBackup, machine);
        }

        _watches[machine].Forget();
        _starting.Remove(machine);
        if (_striking == machine) _striking = null;
    }

    /// <summary>A primary stands still and is cut off; when it goes on nobody tells it what has become of its reign.</summary>
    private bool Strand(SimulatedMachine machine)
    {
        if (!machine.IsUp) return false;
        var length = TimeSpan.FromSeconds(1) + Some(5);
        var process = machine.Process!;
        process.Pause();
        _ways.Isolate(machine);
        _scheduler.After(length, owner: null, process.Resume);
        _scheduler.After(length + Some(1), owner: null, _network.Weather.Clear);
        return true;
    }

    private void SetSkew(SimulatedMachine machine, TimeSpan skew)
    {
        machine.Skew = skew;
        if (machine.IsUp) machine.Process!.Clock.Skew = skew;
    }

    private TimeSpan Some(double seconds) => TimeSpan.FromSeconds(seconds * _random.NextDouble());
}
