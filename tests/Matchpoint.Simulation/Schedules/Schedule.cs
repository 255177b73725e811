using Matchpoint.Simulation.Checks;
using Matchpoint.Simulation.Clients;
using Matchpoint.Simulation.Faults;
using Matchpoint.Simulation.Group;
using Matchpoint.Simulation.Network;
using Matchpoint.Simulation.World;

namespace Matchpoint.Simulation.Schedules;

/// <summary>How a schedule went.</summary>
/// <param name="Seed">Its number.</param>
/// <param name="Violation">What was broken; null for nothing.</param>
/// <param name="Settings">The group.</param>
/// <param name="Mix">The faults.</param>
/// <param name="Time">The virtual time it took.</param>
/// <param name="Events">Its events.</param>
/// <param name="Faults">Its faults.</param>
/// <param name="Operations">What clients asked.</param>
/// <param name="Acknowledged">Writes that took effect, as clients were told.</param>
/// <param name="Reigns">Terms with a primary.</param>
/// <param name="Undone">Records undone.</param>
/// <param name="Copies">Full copies.</param>
/// <param name="Hash">Of all that happened: equal for equal runs.</param>
internal sealed record ScheduleResult(
    ulong Seed, Exception? Violation, GroupSettings Settings, FaultMix Mix, TimeSpan Time, long Events, int Faults, int Operations, int Acknowledged, int Reigns, long Undone,
    CopyFigures Copies, ulong Hash)
{
    /// <summary>What struck.</summary>
    public required FaultCounts Counts { get; init; }

    /// <summary>Whether what was acknowledged may have been lost, as the group had chosen: then most of the verdict is left out.</summary>
    public required bool IsLossy { get; init; }

    /// <summary>How long after the last fault the group had come together; null if that was not seen.</summary>
    public TimeSpan? Together { get; init; }

    /// <summary>How long a majority alone took for it before, without the rest of the group; null where none was left alone.</summary>
    public TimeSpan? MajorityTogether { get; init; }

    /// <summary>Registers whose histories were too long to be decided.</summary>
    public int Undecided { get; init; }
}

/// <summary>One run of a group under virtual time: everything in it follows from the seed.</summary>
internal sealed class Schedule
{
    private static readonly TimeSpan FaultsEnd = TimeSpan.FromSeconds(50);

    /// <summary>So long after the last fault all members must have come together, and all that was asked must be answered.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>Whose logs are trimmed is drawn from here. From 6 on it is the first number that leaves all seeds as they were in which something had been found before.</summary>
    private const int TrimmingStream = 33760;

    /// <summary>Who is ambushed is drawn from here: from 8 on the first number that leaves those seeds as they were.</summary>
    private const int AmbushStream = 48492;

    /// <summary>Which groups have six members is drawn from here. These are the first numbers from 200 on that change the least of the last seeds in which something had been found before.</summary>
    private const int SixStream = 230;

    /// <summary>Who refuses clocks that are a minute apart is drawn from here.</summary>
    private const int SkewStream = 3121;

    /// <summary>Where faults that are refused are tried again is drawn from here.</summary>
    private const int InsistenceStream = 3361;

    /// <summary>Where a minority stays away in the end is drawn from here.</summary>
    private const int AbsenceStream = 2128;

    private const int LooksForEnd = 16;

    private readonly ulong _seed;
    private readonly GroupSettings _settings;
    private readonly FaultMix _mix;
    private readonly Scheduler _scheduler = new();
    private readonly SimulatedNetwork _network;
    private readonly List<SimulatedMachine> _machines = [];
    private readonly Watch _watch = new();
    private readonly Dictionary<SimulatedMachine, Watch.MachineWatch> _watches = [];
    private readonly History _history = new();
    private readonly Faultmaker _faults;
    private readonly ChangeFollower _follower;
    private readonly Reorganizer _reorganizer;
    private readonly CopyCount _copies;
    private readonly Absence _absence;
    private bool _areFaultsOver;
    private bool _isAlone;
    private TimeSpan _wholeSince;
    private TimeSpan _deadline = FaultsEnd + Patience;
    private TimeSpan? _together;
    private TimeSpan? _majorityTogether;
    private int _looks;
    private readonly List<Task> _clients = [];
    private readonly Action<string>? _tell;
    private bool _areClientsOver;
    private ulong _hash = 14695981039346656037;
    private Exception? _violation;
    private int _undecided;

    /// <summary>A schedule that has not begun.</summary>
    /// <param name="seed">Its number.</param>
    /// <param name="tell">Hears what happens; null for nobody.</param>
    public Schedule(ulong seed, Action<string>? tell = null)
    {
        _seed = seed;
        _tell = tell;
        var random = new Random(HashCode(seed, 0));
        _settings = GroupSettings.Draw(random);
        _mix = FaultMix.Draw(random);
        // From numbers of its own: groups whose members stay the same are drawn as ever.
        _settings = _settings.DrawMembers(new Random(HashCode(seed, 4))).DrawTrimming(new Random(HashCode(seed, TrimmingStream)));
        _settings = _settings.DrawSix(new Random(HashCode(seed, SixStream)));
        if (_mix.Kinds.Contains(FaultKind.ClockJump) && new Random(HashCode(seed, SkewStream)).Next(2) == 0) _settings = _settings with { MaxClockSkew = TimeSpan.FromMinutes(1) };
        _mix = _mix with
        {
            Insists = new Random(HashCode(seed, InsistenceStream)).Next(3) != 0,
            EndsWithMajority = Absence.IsPossible(_settings) && new Random(HashCode(seed, AbsenceStream)).Next(2) == 0,
        };
        var weather = new Weather(new Random(HashCode(seed, 1)));
        _network = new SimulatedNetwork(_scheduler, weather);
        weather.Cleared = _network.OnCleared;
        GroupMember[] members = [.. Enumerable.Range(0, _settings.Size).Select(i => new GroupMember(
            $"{(char)('a' + i)}", $"{(char)('a' + i)}:7000", _settings.HasArbiter && i == _settings.Size - 1 ? MemberKind.Arbiter : MemberKind.Voter))];
        for (var i = 0; i < _settings.Size + _settings.Spares; i++)
        {
            var machine = new SimulatedMachine(_scheduler, _network, _settings, $"{(char)('a' + i)}", members, new Random(HashCode(seed, 100 + i)), Tell);
            _machines.Add(machine);
            _watches.Add(machine, _watch.Add(machine));
        }

        _faults = new Faultmaker(_scheduler, _network, _machines, _watches, _watch, _settings, _mix, new Random(HashCode(seed, 2)), new Random(HashCode(seed, 14)), Tell);
        _absence = new Absence(_network, _machines, _faults, new Random(HashCode(seed, 15)), Tell);
        _reorganizer = new Reorganizer(_scheduler, _machines, _faults, _settings, new Random(HashCode(seed, 5)), Tell);
        foreach (var machine in _machines)
            machine.AllMembers = () => _reorganizer.Changes > 0 ? [.. _machines.Where(each => each.IsKnown || each == machine).Select(static each => each.AsMember)] : null;
        _copies = new CopyCount(_machines);
        if (_settings.Retention is not null) FollowCopies();
        _follower = new ChangeFollower(_scheduler, _machines, mayMiss: _settings.Retention is not null, new Random(HashCode(seed, 3)), Tell)
        {
            MayLose = () => _watch.IsLossy,
            IsAway = machine => _absence.Away.Contains(machine),
        };
        var pause = TimeSpan.FromMilliseconds(random.Next(100, 1500) / (_settings.Retention is null ? 1 : 3));
        for (var i = 0; i < 4; i++)
            _clients.Add(new SimulatedClient(_scheduler, _machines, _history, i, pause, new Random(HashCode(seed, 10 + i))).RunAsync(() => _areClientsOver));
    }

    /// <summary>What clients asked.</summary>
    public History History => _history;

    /// <summary>Runs it to its end.</summary>
    public async Task<ScheduleResult> RunAsync()
    {
        Tell($"{_settings.Size} nodes, {_settings}; faults: {string.Join(", ", _mix.Kinds)} every {_mix.Pause.TotalSeconds:0.0} s");
        foreach (var machine in _machines) _scheduler.After(TimeSpan.Zero, owner: null, () => machine.Start());
        _scheduler.Watch(_faults.RunAsync());
        if (IsAmbushed(_seed, _settings, _mix)) _scheduler.Watch(
            new Ambushes(_scheduler, _network, _machines, _faults, _reorganizer, _settings, new Random(HashCode(_seed, 9)), Tell).RunAsync(() => _areFaultsOver));
        foreach (var client in _clients) _scheduler.Watch(client);
        _scheduler.Watch(_follower.RunAsync());
        _scheduler.Watch(_reorganizer.RunAsync(() => _areFaultsOver));
        _scheduler.After(FaultsEnd, owner: null, () =>
        {
            _areFaultsOver = true;
            _wholeSince = FaultsEnd;
            _faults.Heal();
            if (_mix.EndsWithMajority) _absence.Begin();
            _isAlone = _absence.Away.Count > 0;
        });
        _scheduler.After(FaultsEnd + TimeSpan.FromSeconds(5), owner: null, () => _areClientsOver = true);
        _scheduler.After(FaultsEnd + TimeSpan.FromSeconds(10), owner: null, Await);
        _scheduler.AfterEvent = AfterEvent;
        try
        {
            await _scheduler.RunAsync().ConfigureAwait(false);
        }
        catch (Exception error)
        {
            _violation ??= error;
            foreach (var machine in _machines) Tell(Describe(machine));
        }

        return new ScheduleResult(
            _seed, _violation, _settings, _mix, _scheduler.Elapsed, _scheduler.Events, _faults.Counts.Struck, _history.Operations.Count,
            _history.Operations.Count(static operation => operation is { Outcome: Outcome.Ok, IsRead: false }), _watch.Reigns, _watch.Undone, _copies.Figures, _hash)
        {
            Counts = _faults.Counts,
            IsLossy = _watch.IsLossy,
            Undecided = _undecided,
            Together = _isAlone ? null : _together,
            MajorityTogether = _isAlone ? _together : _majorityTogether,
        };
    }

    /// <summary>A third of the groups whose members change, and of those that can do without one member's data and stay as they are.</summary>
    private static bool IsAmbushed(ulong seed, GroupSettings settings, FaultMix mix) => mix.Kinds.Count > 0
        && settings is { IsReorganized: true } or { Size: >= 3, CountsUnflushed: false, Retention: null, Spares: 0, HasArbiter: false }
        && new Random(HashCode(seed, AmbushStream)).Next(3) == 0;

    private void FollowCopies()
    {
        var strikes = _mix.Kinds.Count == 0 ? null : new CopyStrikes(_scheduler, _machines, _faults, new Random(HashCode(_seed, 7)));
        if (strikes is not null) _scheduler.Watch(strikes.RunAsync(() => _areFaultsOver));
        _watch.ComparesOpened = true;
        _watch.Copied = machine =>
        {
            Tell($"{machine.Name} has opened a full copy");
            _copies.OnCopied(machine);
        };
        foreach (var machine in _machines)
        {
            machine.Copying = (receiver, progress) =>
            {
                Tell($"{receiver.Name} has {progress.Bytes} of {progress.TotalBytes} bytes of a full copy from {progress.Donor}");
                _copies.OnProgress(receiver, progress);
                strikes?.OnProgress(receiver, progress);
            };
        }
    }

    private static int HashCode(ulong seed, int what)
    {
        var x = (seed + 1) * 0x9E3779B97F4A7C15 + ((ulong)what * 0xD1B54A32D192ED03);
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
        return (int)(x ^ (x >> 31));
    }

    private void AfterEvent()
    {
        _faults.Tend(_scheduler.Owner);
        _watch.Look(_scheduler.Owner);
        if (_areFaultsOver && _together is null) LookForEnd();
        _hash = (_hash ^ (ulong)_scheduler.Now) * 1099511628211;
    }

    private void Await()
    {
        if (IsTogether() && HasHeardAll())
        {
            _together ??= _scheduler.Elapsed - _wholeSince;
            if (!_isAlone)
            {
                End();
                return;
            }

            (_isAlone, _majorityTogether, _together) = (false, _together, null);
            (_wholeSince, _deadline) = (_scheduler.Elapsed, _scheduler.Elapsed + Patience);
            _absence.End();
        }

        if (_scheduler.Elapsed > _deadline)
            throw new ViolationException(
                _isAlone ? "a majority comes together" : "a group that is whole comes together",
                $"{Patience.TotalSeconds} s after the last fault: {string.Join(" | ", _machines.Select(Describe))}; "
                + $"{_clients.Count(static client => !client.IsCompleted)} clients wait, the changes were followed up to {_follower.Last}: "
                + $"{string.Join("; ", _history.Operations.Where(static operation => operation.AnsweredAt == long.MaxValue))}");
        _scheduler.After(TimeSpan.FromMilliseconds(500), owner: null, Await);
    }

    private bool HasHeardAll() => _clients.TrueForAll(static client => client.IsCompleted)
        && (_watch.IsLossy || _follower.Last.Vlsn >= _watch.Ledger.LastTransaction.DistanceFrom(Protocol.Identities.Vlsn.Null));

    /// <summary>Notes when the group has come together, while clients may still be at work; what an ambush does that had begun before is a fault, too.</summary>
    private void LookForEnd()
    {
        if (_faults.IsAmbushed) _wholeSince = _scheduler.Elapsed;
        else if (++_looks % LooksForEnd == 0 && IsTogether()) _together = _scheduler.Elapsed - _wholeSince;
    }

    private bool IsTogether()
    {
        // Whoever is away reigns over nobody, and knows it.
        if (_absence.Away.Any(static machine => machine.Node is { IsPrimary: true })) return false;
        var nodes = _machines.Except(_absence.Away).Select(static machine => machine.Node).ToList();
        if (nodes.Exists(static node => node is null)) return false;
        if (nodes.Find(static node => node!.State == NodeState.Primary && node.Core.IsReady) is not { } leader) return false;
        var roster = leader.Core.Members.Roster;
        // Who is no member is told so; who was to count does.
        if (_machines.Exists(machine => machine.WasMember && !roster.Contains(machine.Name) && machine.Node!.State != NodeState.Removed)) return false;
        if (roster.Members.Any(static member => member.IsPending)) return false;
        nodes.RemoveAll(node => !roster.Contains(node!.Core.Members.Self));
        // Whoever knows that something is lost that was durable is left as it is, for its operator.
        nodes.RemoveAll(node => IsLeftAlone(node!));
        return nodes.Count(static node => node!.State == NodeState.Primary && node.Core.IsReady) == 1
            && nodes.TrueForAll(node => node!.State is NodeState.Primary or NodeState.Following && LastSync(node) == End() && node.Core.State.Applied.Vlsn == End());

        Protocol.Identities.Vlsn End() => _watch.IsLossy ? LastSync(leader) : _watch.Ledger.Last;

        // Pieces of a transaction that was given up may lie behind it.
        static Protocol.Identities.Vlsn LastSync(MatchpointNode node) => node.Core.Log.SyncPointAtOrBelow(node.Core.Log.Appended.Vlsn);
    }

    private static string Describe(SimulatedMachine machine) => machine.Node is not { } node
        ? $"{machine.Name}: {(machine.IsUp ? "opening" : "down")} {machine.Process?.OpenFailure?.Message}"
        : $"{machine.Name}: {node.State} '{node.Core.Board.Step}' last {node.Core.Log.Appended.Vlsn} flushed {node.Core.Log.Flushed} durable {node.Core.Progress.Durable} "
            + $"applied {node.Core.State.Applied.Vlsn} primary {node.Core.Elections.Primary} term {node.Core.Elections.Term} {node.Core.Elections.Standing} "
            + $"members {node.Core.Members.Roster} since {node.Core.Appender.RosterAt} "
            + $"feeds {(node.IsPrimary ? string.Join(",", node.Core.Feeders.Status().Where(static s => s.IsConnected).Select(static s => s.Name)) : "nobody")}";

    private bool IsLeftAlone(MatchpointNode node) => _watch.IsLossy && node.State == NodeState.AwaitingOperator;

    private void End()
    {
        foreach (var machine in _machines)
        {
            machine.MadeNoMistake();
            _watches[machine].ExportsStay(machine.Node!.Core);
        }

        var leader = _machines.Find(static machine => machine.Node is { State: NodeState.Primary } node && node.Core.IsReady)!;
        var roster = leader.Node!.Core.Members.Roster;
        var whole = _machines.FindAll(machine => roster.Contains(machine.Name) && machine.Node!.Core.HasData && !IsLeftAlone(machine.Node));
        _undecided = Verdict.Check(_watch.IsLossy ? _watch.HistoryOf(_watches[leader].Log) : _watch.Ledger, _watch.IsLossy, _history, _follower.Heard, _follower.Missed, whole, _watch.HistoryAt);
        _scheduler.End();
    }

    private void Tell(string what) => _tell?.Invoke(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{_scheduler.Elapsed.TotalSeconds,9:0.0000}  {what}"));
}
