using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.Rollbacks;

namespace Matchpoint.Journal;

/// <summary>What a node remembers of itself while it is open, bounded: its last syncups with their steps, its last changes of state. What was undone is on disk, and is read from there.</summary>
internal sealed class NodeJournal
{
    private const int MostSyncups = 100;
    private const int MostStates = 200;
    private const int MostSteps = 50;
    private const int MostExports = 100;
    private const int MostTries = 3;

    private readonly MatchpointNode _node;
    private readonly TimeProvider _time;
    private readonly Lock _gate = new();
    private readonly Queue<JournalSyncup> _syncups = new();
    private readonly Queue<JournalState> _states = new();
    private readonly List<JournalStep> _steps = [];
    private JournalSyncup? _last;
    private long _version = 1;
    private long _number;

    /// <summary>A journal that is kept from now on.</summary>
    public NodeJournal(MatchpointNode node, TimeProvider time)
    {
        _node = node;
        _time = time;
        node.SyncupProgressed += (_, progress) => Add(progress);
        node.SyncupCompleted += (_, summary) => Add(summary);
        node.RolledBack += (_, notice) => Add(notice);
        node.StateChanged += (_, change) => Add(change);
    }

    /// <summary>Where this node serves HTTP, as others reach it; null where it does not.</summary>
    public string? Web { get; set; }

    /// <summary>What is to be known or done about serving HTTP; null where nothing is served.</summary>
    public Func<IReadOnlyList<string>>? WebWarnings { get; set; }

    /// <summary>How the node is.</summary>
    public NodeOverview Overview()
    {
        var status = _node.GetStatus();
        var core = _node.Core;
        var traffic = core.Board.Traffic.Take((long)core.Log.Appended.End.Value);
        lock (_gate) return new NodeOverview(status, traffic, _version, [.. _steps], _last?.Matchpoint, Web);
    }

    /// <summary>Everything that is remembered.</summary>
    /// <exception cref="Storage.StorageException">An export cannot be read.</exception>
    public JournalPage Page()
    {
        long version;
        lock (_gate) version = _version;
        // Read after the version was taken: what comes in between is read again, not missed.
        var exports = Exports();
        lock (_gate) return new JournalPage(version, [.. _syncups], [.. _states], exports);
    }

    /// <summary>The last exports in the node's directory, oldest first.</summary>
    /// <exception cref="Storage.StorageException">One cannot be read.</exception>
    public IReadOnlyList<JournalExport> Exports()
    {
        using var directory = OpenDirectory();
        for (var left = MostTries; ; left--)
        {
            try
            {
                return List(directory);
            }
            catch (FileNotFoundException) when (left > 0)
            {
                // A syncup has just cut what it had exported: the export has its final name now.
            }
        }
    }

    private static List<JournalExport> List(DataDirectory directory) =>
    [
        .. RollbackStore.List(directory).TakeLast(MostExports).Select(static entry => new JournalExport(
            entry.Name, entry.State.ToString().ToLowerInvariant(), entry.Header.ExportedAt, Math.Max(0, entry.Header.Matchpoint.Value), entry.Header.Last.Value,
            entry.Header.Records, entry.Header.Commits, entry.Header.Acknowledged, entry.Header.Row, entry.Header.Reason)),
    ];

    /// <summary>The node's directory, to be looked at.</summary>
    public DataDirectory OpenDirectory() => DataDirectory.OpenReadOnly(PhysicalFiles.Instance, _node.Options.Directory);

    private void Add(SyncupProgress progress)
    {
        lock (_gate)
        {
            if (_steps.Count == MostSteps) _steps.RemoveAt(0);
            _steps.Add(new JournalStep(_time.GetUtcNow(), progress.Feeder, progress.Step));
        }
    }

    private void Add(SyncupSummary summary)
    {
        lock (_gate)
        {
            _last = new JournalSyncup(
                ++_number, _time.GetUtcNow(), summary.Feeder, summary.Matchpoint, summary.UndoneRecords, summary.UndoneCommits, summary.RoundTrips, summary.Decision,
                summary.Duration.TotalMilliseconds, [.. _steps]);
            _steps.Clear();
            Keep(_syncups, _last, MostSyncups);
        }
    }

    private void Add(RollbackNotice notice)
    {
        lock (_gate)
        {
            _version++;
            if (_last is null) return;
            // The notice follows the summary of the same syncup: the last one gets its export.
            var with = _last with { Export = Path.GetFileName(notice.Export) };
            var kept = _syncups.Select(syncup => syncup == _last ? with : syncup).ToList();
            _last = with;
            _syncups.Clear();
            foreach (var syncup in kept) _syncups.Enqueue(syncup);
        }
    }

    private void Add(StateChange change)
    {
        lock (_gate)
        {
            // A syncup that was broken off leaves steps behind; they belong to none that ended.
            if (change.To is NodeState.Primary or NodeState.Following) _steps.Clear();
            Keep(_states, new JournalState(_time.GetUtcNow(), change.From, change.To, change.Reason), MostStates);
        }
    }

    private void Keep<T>(Queue<T> entries, T entry, int most)
    {
        if (entries.Count == most) entries.Dequeue();
        entries.Enqueue(entry);
        _version++;
    }
}
