using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;
using Matchpoint.Protocol.Syncup;

namespace Matchpoint.Protocol.Tests.Syncup;

/// <summary>One machine against a peer whose every message the test chooses.</summary>
internal static class Peers
{
    public static FeederHello FeederHello(ushort version, ITestLog log, SyncupAnswer answer = default) => new(
        version, GroupId.FromName("group"), new NodeId(new Guid(2, 0, 0, new byte[8])), "feeder", new Term(9), new Term(9),
        log.Range.First, log.Range.Last, 0, Vlsn.Null, answer);

    public static ReplicaHello ReplicaHello(ushort version, ITestLog log) => new(
        version, version, GroupId.FromName("group"), new NodeId(new Guid(1, 0, 0, new byte[8])), "replica", new Term(9),
        log.Range.First, log.Range.Last, 0, TermList.Thin(log.Terms));
}

/// <summary>A replica's machine; the test is its feeder.</summary>
internal sealed class LoneReplica
{
    private readonly ITestLog _log;

    public LoneReplica(ITestLog log, ITestLog feeder, ushort version = 1, SyncupAnswer answer = default)
        : this(log, Peers.FeederHello(version, feeder, answer))
    {
    }

    public LoneReplica(ITestLog log, FeederHello hello)
    {
        _log = log;
        Machine = new ReplicaSyncup(log.Range, hello, new Term(9), RollbackLimit.Default);
        Step(new SyncupInput.Started());
    }

    public ReplicaSyncup Machine { get; }

    public TimeSpan Now { get; set; }

    public List<IMessage> Sent { get; } = [];

    public List<SyncupEffect> Effects { get; } = [];

    public bool IsClosed => Effects.Any(effect => effect is SyncupEffect.Close);

    public LoneReplica Receive(params IMessage[] messages)
    {
        foreach (var message in messages) Step(new SyncupInput.FrameReceived(message.ToBytes()));
        return this;
    }

    public void Step(SyncupInput first)
    {
        var inputs = new Queue<SyncupInput>([first]);
        var list = new EffectList();
        while (inputs.TryDequeue(out var input))
        {
            list.Clear();
            Machine.Step(input, Now, list);
            foreach (var effect in list)
            {
                Effects.Add(effect);
                if (Perform(effect) is { } answer) inputs.Enqueue(answer);
            }
        }
    }

    public void Failed(FailureKind kind, string reason)
    {
        var failed = Assert.IsType<ReplicaOutcome.Failed>(Machine.Outcome);
        Assert.Equal(kind, failed.Kind);
        Assert.Contains(reason, failed.Reason);
        Assert.True(IsClosed);
        Assert.DoesNotContain(Sent, message => message is StartStream);
        Assert.DoesNotContain(Effects, effect => effect is SyncupEffect.CutAfter);
    }

    private SyncupInput? Perform(SyncupEffect effect)
    {
        switch (effect)
        {
            case SyncupEffect.Send send:
                Sent.Add(send.Message);
                return null;
            case SyncupEffect.ReadEntries read:
                return new SyncupInput.EntriesRead([.. read.Vlsns.Select(vlsn => _log.Read(vlsn)!.Value)]);
            case SyncupEffect.FindSyncPoint find:
                return new SyncupInput.SyncPointFound(_log.FindSyncPoint(find.AtOrBelow));
            case SyncupEffect.CountAbove count:
                return new SyncupInput.Counted(_log.CountAbove(count.Matchpoint));
            case SyncupEffect.ConfirmFeeder:
                return new SyncupInput.FeederChecked(true);
            case SyncupEffect.ExportUndone:
                return new SyncupInput.ExportDurable();
            case SyncupEffect.CutAfter:
                return new SyncupInput.CutDurable();
            case SyncupEffect.Close or SyncupEffect.Show:
                return null;
            default:
                throw Invariant.Unreachable(effect);
        }
    }
}

/// <summary>A feeder's machine; the test is its replica.</summary>
internal sealed class LoneFeeder
{
    private readonly ITestLog _log;

    public LoneFeeder(ITestLog log, ITestLog replica, ushort version = 1)
    {
        _log = log;
        Machine = new FeederSyncup(version, log.Range, Peers.ReplicaHello(version, replica));
        Step(new SyncupInput.Started());
    }

    public FeederSyncup Machine { get; }

    public TimeSpan Now { get; set; }

    public List<IMessage> Sent { get; } = [];

    public List<SyncupEffect> Effects { get; } = [];

    public SyncupAnswer Answer { get; private set; }

    public LoneFeeder Receive(params IMessage[] messages)
    {
        foreach (var message in messages) Step(new SyncupInput.FrameReceived(message.ToBytes()));
        return this;
    }

    public void Step(SyncupInput first)
    {
        var inputs = new Queue<SyncupInput>([first]);
        var list = new EffectList();
        while (inputs.TryDequeue(out var input))
        {
            list.Clear();
            Machine.Step(input, Now, list);
            foreach (var effect in list)
            {
                Effects.Add(effect);
                if (Perform(effect) is { } answer) inputs.Enqueue(answer);
            }
        }
    }

    public void Failed(FailureKind kind, string reason)
    {
        var failed = Assert.IsType<FeederOutcome.Failed>(Machine.Outcome);
        Assert.Equal(kind, failed.Kind);
        Assert.Contains(reason, failed.Reason);
        Assert.Contains(Effects, effect => effect is SyncupEffect.Close);
    }

    private SyncupInput? Perform(SyncupEffect effect)
    {
        switch (effect)
        {
            case SyncupEffect.SendHello hello:
                Answer = hello.Answer;
                return null;
            case SyncupEffect.Send send:
                Sent.Add(send.Message);
                return null;
            case SyncupEffect.ReadEntries read:
                var entries = read.Vlsns.Select(vlsn => _log.Read(vlsn)).ToList();
                return entries.Exists(entry => entry is null)
                    ? new SyncupInput.LogFaulted("damaged")
                    : new SyncupInput.EntriesRead([.. entries.Select(entry => entry!.Value)]);
            case SyncupEffect.FindCommonTerm find:
                return new SyncupInput.CommonTermFound(TermList.NewestCommon(find.Listed, _log.Terms));
            case SyncupEffect.Close:
                return null;
            default:
                throw Invariant.Unreachable(effect);
        }
    }
}
