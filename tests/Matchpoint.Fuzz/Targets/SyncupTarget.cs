using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;
using Matchpoint.Protocol.Syncup;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Log;
using Matchpoint.Syncup;

namespace Matchpoint.Fuzz.Targets;

/// <summary>
/// One side of a syncup and whatever a peer sends it: frames of any bytes, or frames that are right but for some bytes. The machine ends, never throws, and holds to its
/// order: export, then cut, then stream.
/// </summary>
/// <param name="isReplica">Whether it is the replica's side.</param>
internal sealed class SyncupTarget(bool isReplica) : IFuzzTarget
{
    private const int MostFrames = 24;

    private static readonly LogView View = Open();

    /// <inheritdoc/>
    public string Name => isReplica ? "replica" : "feeder";

    /// <inheritdoc/>
    public IEnumerable<byte[]> Seeds
    {
        get
        {
            var answers = new LogAnswers(View);
            foreach (byte version in new byte[] { 1, 2 })
            {
                var own = answers.Entry(View.Last);
                byte[] probe = new Probe([Vlsn.Of(3), Vlsn.Of(9)]).ToBytes();
                byte[] answer = new ProbeAnswer([new ProbedEntry(Vlsn.Of(3), answers.Entry(Vlsn.Of(3))), new ProbedEntry(Vlsn.Of(9), null)]).ToBytes();
                yield return [version, 20, 0, .. Frame(new Entry(own).ToBytes()), .. Frame(new EntryRequest(Vlsn.Of(4)).ToBytes())];
                yield return [version, 30, 1, .. Frame(new AlternateMatchpoint(own).ToBytes()), .. Frame(default(EntryNotFound).ToBytes())];
                yield return [version, 9, 2, .. Frame(probe), .. Frame(answer), .. Frame(new StartStream(Vlsn.Of(8)).ToBytes())];
                yield return [version, 40, 3, .. Frame(new RestoreRequest(Vlsn.Of(3)).ToBytes()), .. Frame(default(RestoreResponse).ToBytes())];
            }
        }
    }

    /// <inheritdoc/>
    public void Run(ReadOnlySpan<byte> input)
    {
        var reader = new InputReader(input);
        var answers = new LogAnswers(View);
        var version = reader.Below(2) == 0 ? SyncupVersion.Two : SyncupVersion.One;
        if (isReplica) RunReplica(version, answers, ref reader);
        else RunFeeder(version, answers, ref reader);
    }

    private static void RunReplica(ushort version, LogAnswers answers, ref InputReader reader)
    {
        var last = Vlsn.Of(1 + reader.Byte());
        var term = new Term((ulong)reader.Below(6));
        var hello = new FeederHello(
            version, SampleLog.Identity.Group, SampleLog.Identity.Node, "b", term, term, Vlsn.Of(1 + (reader.Below(4) == 0 ? last.Value - 1 : 0)), last, 0, Vlsn.Null, SyncupAnswer.None);
        var machine = new ReplicaSyncup(answers.Range, hello, View.End.Term, RollbackLimit.AtMost(reader.Byte()));
        var order = 0;
        Drive(machine, answers, ref reader, effect =>
        {
            switch (effect)
            {
                case SyncupEffect.ConfirmFeeder confirm:
                    return new SyncupInput.FeederChecked(confirm.PrimaryTerm >= View.End.Term);
                case SyncupEffect.ExportUndone:
                    order = 1;
                    return new SyncupInput.ExportDurable();
                case SyncupEffect.CutAfter cut:
                    Invariant.Holds(order == 1 && (cut.Matchpoint.IsNull || answers.Entry(cut.Matchpoint).IsSync), $"a cut behind {cut.Matchpoint} without an export, or at no sync point.");
                    order = 2;
                    return new SyncupInput.CutDurable();
                case SyncupEffect.Send { Message: StartStream start }:
                    Invariant.Holds(order == 2 || start.Start == View.Last.Next, $"the stream begins at {start.Start}, and nothing was cut.");
                    return null;
                default:
                    return null;
            }
        });
        Invariant.Holds(machine.Outcome is not null, "the syncup has no end.");
    }

    private static void RunFeeder(ushort version, LogAnswers answers, ref InputReader reader)
    {
        var last = reader.Byte() is var given && given == 0 ? Vlsn.Null : Vlsn.Of(given);
        var hello = new ReplicaHello(
            version, version, SampleLog.Identity.Group, SampleLog.Identity.Node, "b", new Term((ulong)reader.Below(6)), last.IsNull ? Vlsn.Null : Vlsn.First, last, 0, []);
        var machine = new FeederSyncup(version, answers.Range, hello);
        Drive(machine, answers, ref reader, static _ => null);
        Invariant.Holds(machine.Outcome is not null, "the syncup has no end.");
        if (machine.Outcome is FeederOutcome.Streaming streaming)
            Invariant.Holds(streaming.Start == Vlsn.First || answers.Entry(streaming.Start.Previous).IsSync, $"a stream is promised from {streaming.Start}, which is behind no sync point.");
    }

    private static void Drive(ISyncupMachine machine, LogAnswers answers, ref InputReader reader, Func<SyncupEffect, SyncupInput?> perform)
    {
        var effects = new EffectList();
        var inputs = new Queue<SyncupInput>();
        inputs.Enqueue(new SyncupInput.Started());
        for (var frames = 0; !machine.HasEnded;)
        {
            while (inputs.TryDequeue(out var input))
            {
                effects.Clear();
                machine.Step(input, TimeSpan.Zero, effects);
                foreach (var effect in effects)
                {
                    if ((answers.TryAnswer(effect) ?? perform(effect)) is { } answer) inputs.Enqueue(answer);
                }
            }

            if (machine.HasEnded) return;
            inputs.Enqueue(frames++ < MostFrames && reader.HasMore ? new SyncupInput.FrameReceived(reader.Bytes().ToArray()) : new SyncupInput.ConnectionLost("the input has ended"));
        }
    }

    private static byte[] Frame(byte[] bytes) => [(byte)bytes.Length, .. bytes];

    private static LogView Open()
    {
        var directory = DataDirectory.Open(SampleLog.Make(isKilled: false), SampleLog.Root, "fuzz");
        return RecordLog.Open(directory, SampleLog.Options).View();
    }
}
