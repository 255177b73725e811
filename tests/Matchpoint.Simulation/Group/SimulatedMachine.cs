using Matchpoint.Node;
using Matchpoint.Simulation.Files;
using Matchpoint.Simulation.Network;
using Matchpoint.Simulation.State;
using Matchpoint.Simulation.World;
using Matchpoint.Storage.Log;

namespace Matchpoint.Simulation.Group;

/// <summary>A machine of the group: its disk outlives its processes.</summary>
internal sealed class SimulatedMachine
{
    /// <summary>Where its data lies on its disk.</summary>
    public const string Directory = "/data";

    private readonly Scheduler _scheduler;
    private readonly SimulatedNetwork _network;
    private readonly GroupSettings _settings;
    private readonly Random _random;
    private readonly Action<string> _tell;
    private readonly double _clockRate;
    private readonly IReadOnlyList<GroupMember> _members;
    private readonly bool _isSpare;
    private (MemoryFiles Files, IReadOnlyDictionary<string, OrderedState> States)? _backup;
    private bool _isKnown;
    private int _lives;
    private int _ids;

    /// <summary>A machine that is off, with an empty disk.</summary>
    public SimulatedMachine(Scheduler scheduler, SimulatedNetwork network, GroupSettings settings, string name, IReadOnlyList<GroupMember> members, Random random, Action<string> tell)
    {
        (_scheduler, _network, _settings, Name, _members, _random, _tell) = (scheduler, network, settings, name, members, random, tell);
        _clockRate = 1 + (settings.ClockDrift * ((random.NextDouble() * 2) - 1));
        AsMember = members.FirstOrDefault(member => member.Name == name) ?? new GroupMember(name, $"{name}:7000");
        _isSpare = members.All(member => member.Name != name);
        Files = new FaultyFiles(random);
        States = new SimulatedStates(random, settings.PictureParts);
    }

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>Whom its operator knows of; null: those with whom the group began. Once they have changed all that are or were any are named, so that whoever mends its disk finds one.</summary>
    public Func<IReadOnlyList<GroupMember>?>? AllMembers { get; set; }

    /// <summary>What it is, or would be, among the members.</summary>
    public GroupMember AsMember { get; }

    /// <summary>What it is to the group when it is a member.</summary>
    public MemberKind Kind => AsMember.Kind;

    /// <summary>Whether it was ever a member: its own log has said so, or that it is none any more.</summary>
    public bool WasMember => !_isSpare || Node is { Core: { } core } && !core.Appender.RosterAt.IsNull;

    /// <summary>Whether operators know of it: whoever was a member stays in their lists, also while it is off, and when it has lost its disk.</summary>
    public bool IsKnown => _isKnown || WasMember;

    /// <summary>Its disk.</summary>
    public FaultyFiles Files { get; private set; }

    /// <summary>Its state store.</summary>
    public SimulatedStates States { get; }

    /// <summary>The process that runs, or ran last.</summary>
    public SimulatedProcess? Process { get; private set; }

    /// <summary>Whether a process runs.</summary>
    public bool IsUp => Process is { IsAlive: true };

    /// <summary>The node, where it is open and alive.</summary>
    public MatchpointNode? Node => IsUp ? Process!.Node : null;

    /// <summary>Hears how far a full copy is that it fetches.</summary>
    public Action<SimulatedMachine, CopyProgress>? Copying { get; set; }

    /// <summary>How wrong its wall clock is.</summary>
    public TimeSpan Skew { get; set; }

    /// <summary>Whether its disk holds something else than what was written.</summary>
    public bool IsDamaged { get; set; }

    /// <summary>Whether it is off, and nobody is to start it.</summary>
    public bool IsAway { get; set; }

    /// <summary>How much slower than usual its disk is.</summary>
    public int DiskSlowness { get; set; } = 1;

    /// <summary>Starts a process.</summary>
    public SimulatedProcess Start()
    {
        var process = Process = new SimulatedProcess(_scheduler, Name, ++_lives, _clockRate, new Random(_random.Next()), _tell);
        process.Clock.Skew = Skew;
        var options = new MatchpointOptions
        {
            Directory = Directory,
            Name = Name,
            Members = AllMembers?.Invoke() ?? (_isSpare ? [.. _members, AsMember] : _settings.Size == 1 && _settings.Spares == 0 ? [] : _members),
            Durability = _settings.Durability,
            ElectionTimeout = _settings.ElectionTimeout,
            CommitTimeout = TimeSpan.FromSeconds(5),
            ReadTimeout = TimeSpan.FromSeconds(5),
            MaxTailBytes = 1024 * 1024,
            LogKeepBytes = 64 * 1024 * 1024,
            RollbackLimit = int.MaxValue,
            ScrubBytesPerSecond = 64 * 1024,
            CopyBytesPerSecond = _settings.CopyBytesPerSecond,
            MaxClockSkew = _settings.MaxClockSkew,
            PreferredFeeder = _settings.HasChains && _settings.Size > 1 ? _members[_random.Next(_members.Count)].Name : null,
        };
        var states = States.Of(Files);
        var parts = new NodeParts
        {
            Files = Files,
            Network = _network.Of(process),
            States = _ => states,
            Log = new LogOptions
            {
                SegmentBytes = _settings.SegmentBytes,
                PendingBytes = 64 * 1024,
                OwnThread = false,
                Driver = log => new LogDriver(log, _scheduler, process, DiskLatency),
            },
            PieceBytes = _settings.PieceBytes,
            StateFlushBytes = _settings.StateFlushBytes,
            Retention = (options, log) => _settings.Retention ?? LogRetention.BudgetOf(options, log),
            ScrubAfter = TimeSpan.FromSeconds(3),
            ScrubInterval = TimeSpan.FromSeconds(15),
            NewId = () => new Guid(_random.Next(), (short)++_ids, 0, new byte[8]),
            Process = "a simulated process",
        };
        _ = process.OpenAsync(options, parts, progress => Copying?.Invoke(this, progress));
        return process;
    }

    /// <summary>The process is killed, if one runs: what it wrote stays, what its state did not flush goes.</summary>
    public void Kill()
    {
        if (!IsUp) return;
        Bury(isTold: true);
        Files = Files.AfterKill();
    }

    /// <summary>The machine loses power: what it did not flush may go.</summary>
    public void CutPower()
    {
        if (IsUp) Bury(isTold: false);
        Files = new FaultyFiles(_random, Files.PowerCut(bySector: _random.Next(2) == 0).Sample(_random));
    }

    /// <summary>The disk and all on it is lost; another one is there.</summary>
    public void LoseDisk()
    {
        if (IsUp) Bury(isTold: true);
        Files = new FaultyFiles(_random);
        IsDamaged = false;
        States.Lose();
    }

    /// <summary>Whether there is a backup of it.</summary>
    public bool HasBackup => _backup is not null;

    /// <summary>Takes a backup of the disk: of a node that runs, what a kill would leave.</summary>
    public void BackUp() => _backup = (Files.Image(), States.Copy());

    /// <summary>Puts the last backup back. The node must be stopped.</summary>
    /// <param name="withBallot">Whether with what it had promised by then.</param>
    /// <returns>Whether there was one.</returns>
    public bool PutBack(bool withBallot)
    {
        if (_backup is not { } backup) return false;
        Files = new FaultyFiles(_random, backup.Files);
        if (!withBallot && Files.FileExists($"{Directory}/ballot"))
        {
            Files.Delete($"{Directory}/ballot");
            Files.FlushDirectory(Directory);
        }

        IsDamaged = false;
        States.PutBack(backup.States);
        return true;
    }

    /// <summary>A process whose disk died under it is dead.</summary>
    public bool NoticeDeath()
    {
        if (!IsUp || !Files.IsDead) return false;
        Bury(isTold: true);
        Files = _settings.CountsUnflushed || _random.Next(2) == 0 ? Files.AfterKill() : new FaultyFiles(_random, Files.PowerCut(bySector: _random.Next(2) == 0).Sample(_random));
        return true;
    }

    /// <summary>Stops the process as an operator would.</summary>
    public async Task StopAsync()
    {
        if (Process is not { IsAlive: true } process) return;
        if (process.Node is not { } node)
        {
            Kill();
            return;
        }

        var closing = node.DisposeAsync().AsTask();
        // Killed while it closes, it never gets to the end of it.
        if (await Task.WhenAny(closing, process.Died).ConfigureAwait(false) == process.Died) return;
        try
        {
            await closing.ConfigureAwait(false);
        }
        catch (SimulatedCrashException)
        {
            NoticeDeath(); // It died while it was closing.
        }

        if (process.IsAlive) Bury(isTold: true, isCrash: false);
    }

    /// <summary>None of the node's sessions ended with an exception that only a mistake can throw.</summary>
    public void MadeNoMistake()
    {
        if (Node?.Core.Board.Warnings.FirstOrDefault(static warning => warning.Contains("a mistake of this software", StringComparison.Ordinal)) is { } mistake)
            throw new Checks.ViolationException("a session ends with a reason", $"{Name}: {mistake}");
    }

    private void Bury(bool isTold, bool isCrash = true)
    {
        var process = Process!;
        MadeNoMistake();
        _isKnown = IsKnown;
        process.Die();
        _network.OnDeath(process, isTold);
        if (isCrash) States.Crash();
    }

    private TimeSpan DiskLatency() => TimeSpan.FromMicroseconds(50) + (_settings.DiskDelay * (DiskSlowness * _random.NextDouble() * _random.NextDouble()));
}
