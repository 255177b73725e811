using System.Collections.Immutable;
using Matchpoint.Protocol.Hello;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;
using Matchpoint.Protocol.Syncup;

namespace Matchpoint.Protocol.Tests.Syncup;

/// <summary>Where a replica's process ends.</summary>
internal enum Crash
{
    None,
    AfterExport,
    AfterIntent,
    AfterCut,
    BeforeStartStream,
}

/// <summary>How a run differs from the ordinary one.</summary>
internal sealed record RunOptions
{
    public ushort Version { get; init; } = 2;

    public RollbackLimit Limit { get; init; } = RollbackLimit.Default;

    public Term FeederTerm { get; init; } = new(100);

    public Term FeederPrimaryTerm { get; init; } = new(100);

    public Term ReplicaTerm { get; init; } = new(1);

    /// <summary>What the node says when the machine asks it to confirm the feeder.</summary>
    public bool IsStillConfirmed { get; init; } = true;

    public Crash Crash { get; init; }

    /// <summary>The feeder is gone once it has sent so many messages, the hello included.</summary>
    public int FeederDiesAfter { get; init; } = int.MaxValue;

    public int FeederIsDemotedAfter { get; init; } = int.MaxValue;

    public string ReplicaGroup { get; init; } = "group";

    public bool SameNodeId { get; init; }

    public OwnNodeRule OwnNode { get; init; } = OwnNodeRule.Refuse;
}

/// <summary>
/// One syncup between two logs in memory: the driver of both machines. Every message goes through its bytes. It stops
/// where nothing more can happen, and keeps a trace that a person can read.
/// </summary>
internal sealed class SyncupRun
{
    private readonly ITestLog _replicaLog;
    private readonly ITestLog _feederLog;
    private readonly RunOptions _options;
    private readonly Queue<byte[]> _toReplica = [];
    private readonly Queue<byte[]> _toFeeder = [];
    private readonly List<string> _trace = [];
    private ReplicaHello _replicaHello;
    private int _feederMessages;
    private bool _isFeederGone;

    public SyncupRun(ITestLog replica, ITestLog feeder, RunOptions options)
    {
        _replicaLog = replica;
        _feederLog = feeder;
        _options = options;
    }

    public ReplicaSyncup? Replica { get; private set; }

    public FeederSyncup? Feeder { get; private set; }

    public bool HasCrashed { get; private set; }

    public HelloVerdict? Verdict { get; private set; }

    public IReadOnlyList<string> Trace => _trace;

    public string TraceText => string.Join('\n', _trace);

    /// <summary>Everything the replica sent, in order.</summary>
    public List<IMessage> Sent { get; } = [];

    /// <summary>All effects of the replica, in order.</summary>
    public List<SyncupEffect> Effects { get; } = [];

    public static SyncupRun Of(ITestLog replica, ITestLog feeder, RunOptions? options = null)
    {
        var run = new SyncupRun(replica, feeder, options ?? new RunOptions());
        run.Run();
        return run;
    }

    public void Run()
    {
        if (!Greet()) return;
        StepFeeder(new SyncupInput.Started());
        while (!HasCrashed && (_toFeeder.Count > 0 || _toReplica.Count > 0))
        {
            if (_toReplica.TryDequeue(out var frame)) ReplicaReceives(frame);
            else if (!_isFeederGone) StepFeeder(new SyncupInput.FrameReceived(_toFeeder.Dequeue()));
            else _toFeeder.Clear();
        }

        if (_isFeederGone && !HasCrashed) StepReplica(new SyncupInput.ConnectionLost("the connection broke"));
        if (HasCrashed) StepFeeder(new SyncupInput.ConnectionLost("the connection broke"));
        TraceOutcomes();
    }

    private static NodeId Node(int number) => new(new Guid(number, 0, 0, new byte[8]));

    private bool Greet()
    {
        var group = GroupId.FromName("group");
        var range = _replicaLog.Range;
        var hello = new ReplicaHello(
            _options.Version, _options.Version, GroupId.FromName(_options.ReplicaGroup), Node(_options.SameNodeId ? 2 : 1), "replica",
            _options.ReplicaTerm, range.First, range.Last, 0, TermList.Thin(_replicaLog.Terms));
        _replicaHello = ReplicaHello.Decode(hello.ToBytes());
        var self = new Introduction(group, Node(2), SyncupVersion.One, SyncupVersion.Two, _feederLog.Range.Last, 0);
        Verdict = HelloCheck.OfReplica(_replicaHello, self, new HelloRules(TimeSpan.FromSeconds(5), _options.OwnNode));
        if (Verdict is HelloVerdict.Refused refused)
        {
            _trace.Add($"feeder: refuses the hello ({refused.Reason})");
            return false;
        }

        Feeder = new FeederSyncup(((HelloVerdict.Admitted)Verdict).Version, _feederLog.Range, _replicaHello);
        if (_options.Version > 1) _trace.Add($"replica -> feeder  hello: holds {range}, terms {TermsInWords(_replicaHello.Terms)}");
        return true;
    }

    private void ReplicaReceives(byte[] frame)
    {
        if (Replica is not null)
        {
            StepReplica(new SyncupInput.FrameReceived(frame));
            return;
        }

        var hello = FeederHello.Decode(frame);
        Replica = new ReplicaSyncup(_replicaLog.Range, hello, _options.ReplicaTerm, _options.Limit);
        StepReplica(new SyncupInput.Started());
    }

    private void StepReplica(SyncupInput first)
    {
        if (Replica is null) return;
        var inputs = new Queue<SyncupInput>([first]);
        var effects = new EffectList();
        while (!HasCrashed && inputs.TryDequeue(out var input))
        {
            effects.Clear();
            Replica.Step(input, TimeSpan.Zero, effects);
            foreach (var effect in effects)
            {
                Effects.Add(effect);
                if (HasCrashed) break;
                if (Perform(effect) is { } answer) inputs.Enqueue(answer);
            }
        }
    }

    private SyncupInput? Perform(SyncupEffect effect)
    {
        switch (effect)
        {
            case SyncupEffect.Send send:
                return SendToFeeder(send.Message);
            case SyncupEffect.ReadEntries read:
                return Read(_replicaLog, read);
            case SyncupEffect.FindSyncPoint find:
                return new SyncupInput.SyncPointFound(_replicaLog.FindSyncPoint(find.AtOrBelow));
            case SyncupEffect.CountAbove count:
                return new SyncupInput.Counted(_replicaLog.CountAbove(count.Matchpoint));
            case SyncupEffect.ConfirmFeeder:
                return new SyncupInput.FeederChecked(_options.IsStillConfirmed);
            case SyncupEffect.ExportUndone export:
                _trace.Add($"replica: exports what lies above {export.Matchpoint}: {_replicaLog.CountAbove(export.Matchpoint)}");
                return Unless(Crash.AfterExport, new SyncupInput.ExportDurable());
            case SyncupEffect.CutAfter cut:
                return Cut(cut.Matchpoint);
            case SyncupEffect.Close:
                _toFeeder.Clear();
                StepFeeder(new SyncupInput.ConnectionLost("the replica closed the connection"));
                return null;
            case SyncupEffect.Show:
                return null;
            default:
                throw Invariant.Unreachable(effect);
        }
    }

    private SyncupInput? Cut(Vlsn matchpoint)
    {
        if (_options.Crash == Crash.AfterIntent)
        {
            ((TestLog)_replicaLog).Intent = matchpoint;
            return Unless(Crash.AfterIntent, null);
        }

        _replicaLog.CutAfter(matchpoint);
        _trace.Add($"replica: cuts after {matchpoint}");
        return Unless(Crash.AfterCut, new SyncupInput.CutDurable());
    }

    private SyncupInput? SendToFeeder(IMessage message)
    {
        if (message is StartStream && Unless(Crash.BeforeStartStream, new SyncupInput.TimePassed()) is null) return null;
        Sent.Add(message);
        _trace.Add($"replica -> feeder  {InWords(message)}");
        _toFeeder.Enqueue(message.ToBytes());
        return null;
    }

    private SyncupInput? Unless(Crash crash, SyncupInput? answer)
    {
        if (_options.Crash != crash) return answer;
        HasCrashed = true;
        _trace.Add("replica: crashes");
        return null;
    }

    private void StepFeeder(SyncupInput first)
    {
        if (Feeder is null) return;
        var inputs = new Queue<SyncupInput>([first]);
        var effects = new EffectList();
        while (inputs.TryDequeue(out var input))
        {
            effects.Clear();
            Feeder.Step(input, TimeSpan.Zero, effects);
            foreach (var effect in effects)
                if (PerformOnFeeder(effect) is { } answer) inputs.Enqueue(answer);
        }
    }

    private SyncupInput? PerformOnFeeder(SyncupEffect effect)
    {
        switch (effect)
        {
            case SyncupEffect.SendHello hello:
                if (_options.Version > 1) _trace.Add($"feeder -> replica  hello: holds {_feederLog.Range}, answers {InWords(hello.Answer)}");
                var range = _feederLog.Range;
                return SendToReplica(new FeederHello(
                    _options.Version, GroupId.FromName("group"), Node(2), "feeder", _options.FeederTerm, _options.FeederPrimaryTerm,
                    range.First, range.Last, 0, Vlsn.Null, hello.Answer));
            case SyncupEffect.Send send:
                _trace.Add($"feeder -> replica  {InWords(send.Message)}");
                return SendToReplica(send.Message);
            case SyncupEffect.ReadEntries read:
                return Read(_feederLog, read);
            case SyncupEffect.FindCommonTerm find:
                return new SyncupInput.CommonTermFound(TermList.NewestCommon(find.Listed, _feederLog.Terms));
            case SyncupEffect.Close:
                _isFeederGone = true;
                return null;
            default:
                throw Invariant.Unreachable(effect);
        }
    }

    private SyncupInput.Demoted? SendToReplica(IMessage message)
    {
        _toReplica.Enqueue(message.ToBytes());
        _feederMessages++;
        if (_feederMessages == _options.FeederDiesAfter)
        {
            _trace.Add("feeder: dies");
            _isFeederGone = true;
        }

        return _feederMessages == _options.FeederIsDemotedAfter ? new SyncupInput.Demoted("another node is the primary now") : null;
    }

    private static SyncupInput Read(ITestLog log, SyncupEffect.ReadEntries read)
    {
        var entries = ImmutableArray.CreateBuilder<LogEntry>(read.Vlsns.Length);
        foreach (var vlsn in read.Vlsns)
        {
            if (log.Read(vlsn) is not { } entry) return new SyncupInput.LogFaulted($"record {vlsn} is damaged");
            entries.Add(entry);
        }

        return new SyncupInput.EntriesRead(entries.MoveToImmutable());
    }

    private void TraceOutcomes()
    {
        if (Replica is { Outcome: not null } replica && !HasCrashed)
        {
            var report = replica.Report;
            if (report.Comparisons is > 0 and <= SyncupReport.ComparisonsKept)
                _trace.Add($"compared: {string.Join(", ", report.Compared.Select(c => $"{c.Vlsn} {(c.IsEqual ? "equal" : "differs")}"))}");
            var row = report.Row is { } number ? $"row {number}, undoes {report.Undone}; " : "";
            _trace.Add($"replica: {row}{report.Reason}");
        }

        if (Feeder?.Outcome is { } outcome) _trace.Add($"feeder: {InWords(outcome)}");
    }

    private static string InWords(FeederOutcome outcome) => outcome switch
    {
        FeederOutcome.Streaming streaming => $"streams from {streaming.Start}",
        FeederOutcome.Restoring restoring => $"offers a full copy, no match at {restoring.At}",
        FeederOutcome.Failed failed => $"ends ({failed.Kind}): {failed.Reason}",
        _ => throw Invariant.Unreachable(outcome),
    };

    private static string InWords(SyncupAnswer answer) =>
        answer.At is not { } at ? "nothing" : answer.Next is { } next ? $"{at.Vlsn} and {next.Vlsn}" : $"{at.Vlsn}";

    private static string TermsInWords(ImmutableArray<TermEnd> terms) =>
        terms.IsEmpty ? "none" : string.Join(", ", terms.Select(end => $"{end.Term} up to {end.Last}"));

    private static string InWords(IMessage message) => message switch
    {
        EntryRequest request => $"EntryRequest {request.Vlsn}",
        Entry entry => $"Entry {entry.Record.Vlsn}",
        EntryNotFound => "EntryNotFound",
        AlternateMatchpoint alternate => $"AlternateMatchpoint {alternate.Record.Vlsn}",
        StartStream start => $"StartStream {start.Start}",
        RestoreRequest restore => $"RestoreRequest {restore.Failed}",
        RestoreResponse => "RestoreResponse",
        Probe probe => $"Probe {InWords([.. probe.Vlsns])}",
        ProbeAnswer answer => $"ProbeAnswer {InWords([.. answer.Entries.Select(entry => entry.Vlsn)])}",
        _ => throw Invariant.Unreachable(message),
    };

    private static string InWords(List<Vlsn> vlsns) =>
        vlsns.Count <= 12 ? string.Join(' ', vlsns) : $"{vlsns.Count} records from {vlsns[0]} to {vlsns[^1]}";
}
