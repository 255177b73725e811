using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;

namespace Matchpoint.Protocol.Syncup;

/// <summary>
/// The feeder's side of a syncup, from after the hello until the replica asks for the stream or for a restore. It answers about its own log and believes nothing: requests must
/// move on, their number is bounded, and a stream starts only behind a record that it has just answered for. What is wrong on its own side ends the session and is never an
/// answer that could make the replica restore.
/// </summary>
internal abstract class FeederSyncup(LogRange range) : ISyncupMachine
{
    private HandshakeClock _clock;

    /// <summary>How it ended; null while it runs.</summary>
    public FeederOutcome? Outcome { get; private set; }

    /// <summary>When a <see cref="TimePassed"/> is due, counted from the start of the session.</summary>
    public TimeSpan? Deadline => _clock.Deadline;

    /// <summary>What this log holds.</summary>
    protected LogRange Range { get; } = range;

    /// <summary>Whether an answer of the own log is awaited: the replica has nothing to say meanwhile.</summary>
    protected SyncupMessage? Answering { get; set; }

    /// <summary>The feeder of a version 1 session.</summary>
    public static FeederSyncup Version1(LogRange range) => new LinearFeeder(range);

    /// <summary>The feeder of a version 2 session.</summary>
    /// <param name="range">What this log holds.</param>
    /// <param name="answered">The highest record that its hello told of; null when it told of none.</param>
    public static FeederSyncup Version2(LogRange range, Vlsn answered) => new ProbedFeeder(range, answered);

    /// <summary>Begins: from now on the replica is waited for.</summary>
    public void Start(TimeSpan now) => _clock.Heard(now);

    /// <summary>Takes what happened, and adds what is to be done.</summary>
    public void Step(SyncupInput input, TimeSpan now, List<SyncupEffect> effects)
    {
        if (Outcome is not null) return;
        switch (input)
        {
            case TimePassed:
                if (_clock.Expired(now) is { } why) Fail(FailureKind.TimedOut, why, effects);
                break;
            case ConnectionLost lost:
                Fail(FailureKind.ConnectionLost, lost.Why, effects);
                break;
            case GarbageReceived garbage:
                Fail(FailureKind.PeerFault, garbage.What, effects);
                break;
            case ReadFailed failed:
                Fail(FailureKind.OwnFault, failed.What, effects);
                break;
            case Demoted demoted:
                Fail(FailureKind.Demoted, demoted.Why, effects);
                break;
            case MessageReceived received:
                if (_clock.Expired(now) is { } late) Fail(FailureKind.TimedOut, late, effects);
                else Receive(received.Message, now, effects);
                break;
            case EntriesRead read:
                var question = Answering ?? throw Invariant.Unreachable(read);
                Answering = null;
                OnEntries(question, read.Entries, effects);
                break;
            default:
                throw Invariant.Unreachable(input);
        }
    }

    /// <summary>A message came while none of ours was due.</summary>
    protected abstract void OnMessage(SyncupMessage message, List<SyncupEffect> effects);

    /// <summary>The own log answered what a message asked.</summary>
    protected abstract void OnEntries(SyncupMessage question, LogEntry[] entries, List<SyncupEffect> effects);

    /// <summary>The replica broke the protocol.</summary>
    protected void Fault(string reason, List<SyncupEffect> effects) => Fail(FailureKind.PeerFault, reason, effects);

    /// <summary>Reads own records to answer a message.</summary>
    protected void Read(SyncupMessage question, Vlsn[] vlsns, List<SyncupEffect> effects)
    {
        Answering = question;
        effects.Add(new ReadEntries(vlsns));
    }

    /// <summary>The replica may have its stream.</summary>
    protected void StreamFrom(Vlsn from, List<SyncupEffect> effects) => End(new FeederOutcome.Stream(from), effects);

    /// <summary>The replica needs a full copy.</summary>
    protected void GrantRestore(List<SyncupEffect> effects)
    {
        effects.Add(new Send(new RestoreResponse()));
        End(new FeederOutcome.RestoreGranted(), effects);
    }

    private void Receive(SyncupMessage message, TimeSpan now, List<SyncupEffect> effects)
    {
        _clock.Heard(now);
        if (Answering is null) OnMessage(message, effects);
        else Fault($"the replica sent {message} before it had the answer to {Answering}", effects);
    }

    private void Fail(FailureKind kind, string reason, List<SyncupEffect> effects) => End(new FeederOutcome.Failed(kind, reason), effects);

    private void End(FeederOutcome outcome, List<SyncupEffect> effects)
    {
        Outcome = outcome;
        effects.Add(new FinishFeeding(outcome));
    }
}
