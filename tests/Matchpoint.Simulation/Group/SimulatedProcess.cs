using Matchpoint.Node;
using Matchpoint.Simulation.Network;
using Matchpoint.Simulation.World;

namespace Matchpoint.Simulation.Group;

/// <summary>One life of a node, from its start to its death.</summary>
internal sealed class SimulatedProcess : IMachine
{
    /// <summary>How late timers may be when a process goes on that stood still: the operating system promises no order between them and what came over the network.</summary>
    private static readonly TimeSpan MostLate = TimeSpan.FromMilliseconds(50);

    private readonly List<(Action Action, bool IsTimer)> _deferred = [];
    private readonly TaskCompletionSource _died = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Scheduler _scheduler;
    private readonly Action<string> _tell;
    private readonly Random _random;

    /// <summary>A process that has not done anything yet.</summary>
    public SimulatedProcess(Scheduler scheduler, string name, int number, double clockRate, Random random, Action<string> tell)
    {
        (_scheduler, Name, Number, _random, _tell) = (scheduler, name, number, random, tell);
        Clock = new VirtualClock(scheduler, this, clockRate);
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <summary>The how many-th life of its machine it is.</summary>
    public int Number { get; }

    /// <summary>Its clock.</summary>
    public VirtualClock Clock { get; }

    /// <inheritdoc/>
    public bool IsAlive { get; private set; } = true;

    /// <inheritdoc/>
    public bool IsPaused { get; private set; }

    /// <summary>The node, once it is open.</summary>
    public MatchpointNode? Node { get; private set; }

    /// <summary>The node's inside, once it is open.</summary>
    public NodeCore? Core => Node?.Core;

    /// <summary>Why it could not be opened; null as long as that is not so.</summary>
    public Exception? OpenFailure { get; private set; }

    /// <summary>Completes when it has died.</summary>
    public Task Died => _died.Task;

    /// <summary>Opens the node.</summary>
    public async Task OpenAsync(MatchpointOptions options, NodeParts parts, Action<CopyProgress> copying)
    {
        try
        {
            var node = await MatchpointNode.OpenAsync(options with { Time = Clock }, parts, CancellationToken.None).ConfigureAwait(false);
            node.StateChanged += (_, change) =>
            {
                _tell($"{Name} {change}");
                if (change.From == NodeState.Repairing) TellWarnings(node);
            };
            node.CopyProgressed += (_, progress) =>
            {
                if (IsAlive) copying(progress);
            };
            TellWarnings(node);
            Node = node;
        }
        catch (Exception error)
        {
            // A crash while it opens is one too; anything else the schedule looks at.
            OpenFailure = error;
        }
    }

    private void TellWarnings(MatchpointNode node)
    {
        foreach (var warning in node.GetStatus().Warnings) _tell($"{Name} warns: {warning}");
    }

    /// <inheritdoc/>
    public void Defer(Action action, bool isTimer) => _deferred.Add((action, isTimer));

    /// <summary>Stands still.</summary>
    public void Pause() => IsPaused = true;

    /// <summary>Goes on, and finds all that came meanwhile.</summary>
    public void Resume()
    {
        if (!IsPaused) return;
        IsPaused = false;
        var late = MostLate * _random.NextDouble();
        foreach (var (action, isTimer) in _deferred) _scheduler.After(isTimer ? late : TimeSpan.Zero, this, action);
        _deferred.Clear();
    }

    /// <summary>Is gone.</summary>
    public void Die()
    {
        IsAlive = false;
        _died.TrySetResult();
    }
}
