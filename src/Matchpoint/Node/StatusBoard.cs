using Matchpoint.Journal;

namespace Matchpoint.Node;

/// <summary>What a node shows of itself: its state, what it does, what is to be known; and who wants to hear of it.</summary>
internal sealed class StatusBoard(TimeProvider time)
{
    private const int MostNotes = 100;

    /// <summary>So long a warning stands that tells of an event: whoever is kept out for good comes again sooner.</summary>
    private static readonly TimeSpan AWhile = TimeSpan.FromSeconds(30);

    private readonly Lock _gate = new();
    private readonly Dictionary<string, string> _warnings = new(StringComparer.Ordinal);
    private readonly Dictionary<string, long> _passing = new(StringComparer.Ordinal);
    private readonly Queue<string> _notes = [];
    private long _noted;
    private NodeState _state = NodeState.Opening;
    private string _step = "opening";
    private CopyProgress? _copy;

    /// <summary>What it has done, in numbers.</summary>
    public Traffic Traffic { get; } = new();

    /// <summary>The node does something else now.</summary>
    public Action<StateChange>? StateChanged { get; set; }

    /// <summary>A syncup has taken a step.</summary>
    public Action<SyncupProgress>? SyncupStep { get; set; }

    /// <summary>A syncup has ended.</summary>
    public Action<SyncupSummary>? SyncupCompleted { get; set; }

    /// <summary>Transactions were undone.</summary>
    public Action<RollbackNotice>? Undone { get; set; }

    /// <summary>More of a full copy is here.</summary>
    public Action<CopyProgress>? CopyStep { get; set; }

    /// <summary>Something is to be known, by its source, or is no more.</summary>
    public Action<string, string?>? Warned { get; set; }

    /// <summary>Something was worth a line.</summary>
    public Action<string>? Noted { get; set; }

    /// <summary>What it does.</summary>
    public NodeState State
    {
        get { lock (_gate) return _state; }
    }

    /// <summary>What it does, in words.</summary>
    public string Step
    {
        get { lock (_gate) return _step; }
    }

    /// <summary>How far a full copy is that the node fetches; null when it fetches none.</summary>
    public CopyProgress? Copy
    {
        get { lock (_gate) return _state == NodeState.NeedsCopy ? _copy : null; }
    }

    /// <summary>What is to be known or done.</summary>
    public IReadOnlyList<string> Warnings
    {
        get
        {
            lock (_gate)
            {
                ForgetWhatHasPassed_Locked();
                return [.. _warnings.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => pair.Value)];
            }
        }
    }

    /// <summary>The last things worth a line, oldest first.</summary>
    public IReadOnlyList<string> Notes
    {
        get { lock (_gate) return [.. _notes]; }
    }

    /// <summary>The notes behind so many, as far as they are still there, and how many there were in all.</summary>
    public (IReadOnlyList<string> Notes, long Count) NotesAfter(long count)
    {
        lock (_gate) return ([.. _notes.TakeLast((int)Math.Clamp(_noted - count, 0, _notes.Count))], _noted);
    }

    /// <summary>Which state may follow which: a failed node does not come back, one that mends itself is opened anew, a closed one does nothing.</summary>
    public static bool IsLegal(NodeState from, NodeState to) => from switch
    {
        NodeState.Closed => false,
        NodeState.Failed => to == NodeState.Closed,
        NodeState.Repairing => to is NodeState.Failed or NodeState.Closed, // What is opened when it is mended has another board.
        _ => to != NodeState.Opening,
    };

    /// <summary>The node does something else now, or says it in other words.</summary>
    public void Report(NodeState state, string step)
    {
        StateChange? change = null;
        lock (_gate)
        {
            if (state == _state)
            {
                _step = step;
                return;
            }

            // What a part reports that has not yet heard of the end is no news.
            if (!IsLegal(_state, state)) return;
            change = new StateChange(_state, state, step);
            (_state, _step) = (state, step);
        }

        StateChanged?.Invoke(change);
    }

    /// <summary>The node closed what it held to open something else, and could not.</summary>
    public void FailedToReopen(string sentence)
    {
        lock (_gate) (_state, _step) = (NodeState.Failed, sentence);
        Warn("failure", $"{sentence} Close the node, mend the cause, and open it again.");
    }

    /// <summary>Something is to be known; null takes it back.</summary>
    public void Warn(string source, string? sentence)
    {
        lock (_gate)
        {
            if (_warnings.GetValueOrDefault(source) == sentence) return;
            if (sentence is null) _warnings.Remove(source);
            else _warnings[source] = sentence;
        }

        Warned?.Invoke(source, sentence);
    }

    /// <summary>Something has happened that is to be known for a while: if it does not happen again, it has passed.</summary>
    public void WarnForAWhile(string source, string sentence)
    {
        lock (_gate)
        {
            // Sources may be any number of strangers: what has passed goes before more comes.
            ForgetWhatHasPassed_Locked();
            _passing[source] = time.GetTimestamp();
        }

        Warn(source, sentence);
    }

    private void ForgetWhatHasPassed_Locked()
    {
        foreach (var (source, since) in _passing.ToList())
        {
            if (time.GetElapsedTime(since) < AWhile) continue;
            _passing.Remove(source);
            _warnings.Remove(source);
        }
    }

    /// <summary>Something worth a line.</summary>
    public void Note(string sentence)
    {
        lock (_gate)
        {
            _noted++;
            _notes.Enqueue(sentence);
            if (_notes.Count > MostNotes) _notes.Dequeue();
        }

        Noted?.Invoke(sentence);
    }

    /// <summary>A syncup has taken a step.</summary>
    public void SyncupProgressed(SyncupProgress progress) => SyncupStep?.Invoke(progress);

    /// <summary>A syncup has ended.</summary>
    public void SyncupEnded(SyncupSummary summary) => SyncupCompleted?.Invoke(summary);

    /// <summary>More of a full copy is here.</summary>
    public void CopyProgressed(CopyProgress progress)
    {
        lock (_gate) _copy = progress;
        CopyStep?.Invoke(progress);
    }

    /// <summary>Transactions were undone.</summary>
    public void RolledBack(RollbackNotice notice) => Undone?.Invoke(notice);
}
