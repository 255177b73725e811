using Matchpoint.Protocol;
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

    /// <summary>Where bits are turned over: full copies, and what came of them, among it.</summary>
    private static readonly IReadOnlyList<string> Damageable =
        [.. new[] { "", "/log", "/copy-1", "/copy-1/log", "/copy-1/state", "/copy-2", "/copy-2/log", "/copy-2/state" }.Select(static name => SimulatedMachine.Directory + name)];

    private const string LogPath = SimulatedMachine.Directory + "/log";

    private static readonly TimeSpan OperatorPause = TimeSpan.FromSeconds(1);

    private readonly Scheduler _scheduler;
    private readonly SimulatedNetwork _network;
    private readonly IReadOnlyList<SimulatedMachine> _machines;
    private readonly Dictionary<SimulatedMachine, Watch.MachineWatch> _watches;
    private readonly Watch _watch;
    private readonly GroupSettings _settings;
    private readonly FaultMix _mix;
    private readonly Random _random;
    private readonly Action<string> _tell;
    private readonly HashSet<SimulatedMachine> _starting = [];
    private readonly HashSet<SimulatedMachine> _unopened = [];
    private readonly HashSet<SimulatedMachine> _reigning = [];
    private SimulatedMachine? _losing;
    private SimulatedMachine? _striking;
    private int _shortReigns;
    private int _looks;
    private bool _isOver;

    /// <summary>A maker of faults that has not begun.</summary>
    public Faultmaker(
        Scheduler scheduler, SimulatedNetwork network, IReadOnlyList<SimulatedMachine> machines, Dictionary<SimulatedMachine, Watch.MachineWatch> watches, Watch watch,
        GroupSettings settings, FaultMix mix, Random random, Action<string> tell)
    {
        (_scheduler, _network, _machines, _watches, _watch, _settings, _mix, _random, _tell) = (scheduler, network, machines, watches, watch, settings, mix, random, tell);
    }

    /// <summary>Whether a machine has lost its disk and is not yet whole again.</summary>
    public bool IsLosing => _losing is not null;

    /// <summary>The machine whose disk was taken away or damaged, until it is whole again.</summary>
    public SimulatedMachine? Losing => _losing;

    /// <summary>How many faults there were.</summary>
    public int Count { get; private set; }

    /// <summary>Breaks things until it is told to stop.</summary>
    public async Task RunAsync()
    {
        if (_mix.Kinds.Count == 0) return;
        while (true)
        {
            await _scheduler.WaitAsync(_mix.Pause * -Math.Log(1 - _random.NextDouble())).ConfigureAwait(false);
            if (_isOver) return;
            Count++;
            Make(_mix.Kinds[_random.Next(_mix.Kinds.Count)], _machines[_random.Next(_machines.Count)]);
        }
    }

    /// <summary>Breaks one thing, unless faults are over.</summary>
    public void Strike(FaultKind kind, SimulatedMachine machine)
    {
        if (_isOver) return;
        Count++;
        Make(kind, machine, isAimed: true);
    }

    /// <summary>A machine is off for a while, and nobody starts it meanwhile.</summary>
    public void TurnOff(SimulatedMachine machine, TimeSpan time)
    {
        if (_isOver || !_starting.Add(machine)) return;
        Count++;
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
        if (_isOver || !MayLose(machine, isEmpty: true)) return false;
        Count++;
        machine.CutPower();
        machine.IsDamaged = true;
        var (files, positions) = (machine.Files, $"{SimulatedMachine.Directory}/positions");
        var flushed = Storage.Log.PositionsFile.Read(files, positions)?.Flushed.Value ?? 0;
        List<(string Path, long At)> segments = [];
        if (files.DirectoryExists(LogPath))
        {
            foreach (var name in files.ListFiles(LogPath))
            {
                if (Storage.Log.SegmentHeader.TryParseName(name, out var at) && at.Value < flushed) segments.Add(($"{LogPath}/{name}", (long)at.Value));
            }
        }

        if (segments.Count == 0) return true;
        var (path, from) = segments[^1];
        var held = (long)flushed - from;
        switch (_random.Next(3))
        {
            case 0:
                _tell($"{machine.Name} loses {path}");
                files.Delete(path);
                files.FlushDirectory(LogPath);
                break;
            case 1:
                using (var file = files.Open(path, Storage.Files.FileOpening.ReadWrite))
                {
                    var length = _random.NextInt64(file.Length);
                    _tell($"{machine.Name} loses its positions, and all of {path} from {length} on");
                    file.SetLength(length);
                    file.Flush();
                }

                files.Delete(positions);
                files.FlushDirectory(SimulatedMachine.Directory);
                break;
            default:
                var position = _random.NextInt64(held);
                _tell($"a bit of {path} at {position}, flushed up to {held}");
                files.FlipBit(path, position, _random.Next(8));
                break;
        }

        return true;
    }

    /// <summary>All faults end: the network is whole, the disks are sound, whoever stands still goes on.</summary>
    public void Heal()
    {
        _tell("all faults end");
        _isOver = true;
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
            if (machine.NoticeDeath()) _tell($"{machine.Name} crashed at an effect");
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

    private static bool NeedsStart(SimulatedMachine machine) => !machine.IsUp || machine.Process!.OpenFailure is not null || machine.Node is { State: NodeState.Failed };

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

            if (machine.IsUp) return;
            _tell($"{machine.Name} starts");
            machine.Start();
        });
    }

    private void Make(FaultKind kind, SimulatedMachine machine, bool isAimed = false)
    {
        if (!isAimed && _random.Next(3) == 0) machine = _machines.FirstOrDefault(static other => other.Node is { IsPrimary: true }) ?? machine;
        _tell($"{kind} {machine.Name}");
        switch (kind)
        {
            case FaultKind.Kill:
                machine.Kill();
                break;
            case FaultKind.PowerCut when _settings.CountsUnflushed && !CanLoseUnflushed(machine):
                machine.Kill();
                break;
            case FaultKind.PowerCut:
                machine.CutPower();
                break;
            case FaultKind.PowerCutOfAll:
                if (_settings.CountsUnflushed && _losing is not null) break;
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
                if (!machine.IsUp) break;
                var paused = machine.Process!;
                paused.Pause();
                _scheduler.After(Some(4), owner: null, paused.Resume);
                break;
            case FaultKind.Strand:
                Strand(_machines.FirstOrDefault(static other => other.Node is { IsPrimary: true }) ?? machine);
                break;
            case FaultKind.Restart:
                if (machine.IsUp) _scheduler.Watch(machine.StopAsync());
                break;
            case FaultKind.Partition:
                Split();
                _scheduler.After(Some(8), owner: null, _network.Weather.Clear);
                break;
            case FaultKind.OneWay:
                _network.Weather.Block(machine.Name, Other(machine));
                _scheduler.After(Some(8), owner: null, _network.Weather.Clear);
                break;
            case FaultKind.PartialPartition:
                var other = Other(machine);
                _network.Weather.Block(machine.Name, other);
                _network.Weather.Block(other, machine.Name);
                _scheduler.After(Some(8), owner: null, _network.Weather.Clear);
                break;
            case FaultKind.Isolate:
                Isolate(machine);
                _scheduler.After(Some(8), owner: null, _network.Weather.Clear);
                break;
            case FaultKind.Flap:
                for (var i = 0; i < 10; i++) _scheduler.After(Some(6), owner: null, i % 2 == 0 ? Split : _network.Weather.Clear);
                _scheduler.After(TimeSpan.FromSeconds(6), owner: null, _network.Weather.Clear);
                break;
            case FaultKind.Reset:
                _network.Break(machine.Name, _random);
                break;
            case FaultKind.SlowNetwork:
                _network.Weather.SlowPerMille = _random.Next(500);
                _scheduler.After(Some(6), owner: null, () => _network.Weather.SlowPerMille = 0);
                break;
            case FaultKind.SlowDisk:
                machine.DiskSlowness = _random.Next(2, 100);
                _scheduler.After(Some(6), owner: null, () => machine.DiskSlowness = 1);
                break;
            case FaultKind.ClockJump:
                SetSkew(machine, Some(600) - TimeSpan.FromSeconds(300));
                break;
            default:
                MakeOnDisk(kind, machine);
                break;
        }
    }

    private void MakeOnDisk(FaultKind kind, SimulatedMachine machine)
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
                faults.FailWrite("*", _random.Next(1, 10), _random.Next(100));
                break;
            case FaultKind.FailedFlush:
                faults.FailFlush(_random.Next(3) == 0 ? "*ballot*" : "*", _random.Next(1, _random.Next(2, 10)));
                break;
            case FaultKind.MisdirectedWrite:
                if (!MayLose(machine)) break;
                machine.IsDamaged = true;
                _striking = machine; // What is sound until then may be none a moment later.
                faults.MisdirectWrite("*.log", _random.Next(1, 64 * 1024));
                _scheduler.After(TimeSpan.FromMilliseconds(100), owner: null, () =>
                {
                    faults.StrikeNoMore();
                    machine.Kill();
                    _watches[machine].Forget();
                    _striking = null;
                });
                break;
            case FaultKind.BitFlip:
                if (!MayLose(machine)) break;
                machine.Kill();
                FlipBit(machine);
                break;
            case FaultKind.LostDisk:
                if (!MayLose(machine, isEmpty: true)) break;
                Lose(machine);
                break;
            case FaultKind.OldBackup:
                if (!MayLose(machine)) break;
                _scheduler.Watch(PutBackAsync(machine));
                break;
            default:
                throw Invariant.Unreachable(kind);
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
        var mayDiffer = _settings.IsReorganized || _settings.Spares > 0 || _settings.HasArbiter;
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

    private void FlipBit(SimulatedMachine machine)
    {
        var image = machine.Files;
        var names = Damageable.Where(image.DirectoryExists).SelectMany(directory => image.ListFiles(directory).Select(name => $"{directory}/{name}"))
            .Where(path => !path.EndsWith("LOCK", StringComparison.Ordinal)).ToList();
        if (names.Count == 0) return;
        var path = names[_random.Next(names.Count)];
        using var file = image.Open(path, Storage.Files.FileOpening.Read);
        if (file.Length == 0) return;
        var position = _random.NextInt64(file.Length);
        _tell($"a bit of {path} at {position} of {file.Length}");
        machine.IsDamaged = true;
        image.FlipBit(path, position, _random.Next(8));
    }

    private async Task PutBackAsync(SimulatedMachine machine)
    {
        _starting.Add(machine);
        var core = machine.Process?.Core;
        await machine.StopAsync().ConfigureAwait(false);
        // What it promised while it closed nobody else may know of yet, and the ballot in the backup would let it promise the same again.
        var isKnown = core is not null && _machines.All(other => other == machine || !core.Members.Roster.IsVoter(other.Name) || other.Node?.Core.Elections.Term >= core.Elections.Term);
        if (isKnown && machine.PutBack()) _tell($"{machine.Name} gets its backup back");
        else machine.BackUp();
        _watches[machine].Forget();
        _starting.Remove(machine);
    }

    /// <summary>A primary stands still and is cut off; when it goes on nobody tells it what has become of its reign.</summary>
    private void Strand(SimulatedMachine machine)
    {
        if (!machine.IsUp) return;
        var length = TimeSpan.FromSeconds(1) + Some(5);
        var process = machine.Process!;
        process.Pause();
        Isolate(machine);
        _scheduler.After(length, owner: null, process.Resume);
        _scheduler.After(length + Some(1), owner: null, _network.Weather.Clear);
    }

    private void SetSkew(SimulatedMachine machine, TimeSpan skew)
    {
        machine.Skew = skew;
        if (machine.IsUp) machine.Process!.Clock.Skew = skew;
    }

    private void Split()
    {
        var sides = _machines.ToDictionary(static machine => machine.Name, _ => _random.Next(2));
        foreach (var (from, left) in sides)
        {
            foreach (var (to, right) in sides)
            {
                if (left != right) _network.Weather.Block(from, to);
            }
        }
    }

    private void Isolate(SimulatedMachine machine)
    {
        foreach (var other in _machines.Where(other => other != machine))
        {
            _network.Weather.Block(machine.Name, other.Name);
            _network.Weather.Block(other.Name, machine.Name);
        }
    }

    private string Other(SimulatedMachine machine) => _machines[_random.Next(_machines.Count)] is { } other && other != machine ? other.Name : _machines[0].Name;

    private TimeSpan Some(double seconds) => TimeSpan.FromSeconds(seconds * _random.NextDouble());
}
