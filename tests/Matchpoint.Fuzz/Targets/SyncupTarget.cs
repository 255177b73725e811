using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;
using Matchpoint.Protocol.Syncup;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Log;
using Matchpoint.Syncup;

namespace Matchpoint.Fuzz.Targets;

/// <summary>
/// One side of a syncup and whatever happens to it: frames of any bytes, or frames that are right but for some bytes, time, faults of its log, the end of a reign. The machine ends when its time
/// is over, never throws, and holds to its order: export, then cut, then stream. Nothing durable is cut.
/// </summary>
/// <param name="isReplica">Whether it is the replica's side.</param>
internal sealed class SyncupTarget(bool isReplica) : IFuzzTarget
{
    /// <summary>The records up to here are known to be durable: a piece, so that it is the sync point below it that counts.</summary>
    private static readonly Vlsn Durable = Vlsn.Of(6);

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
                yield return [.. Begin(version, 20, 0), .. Frame(new Entry(own).ToBytes()), .. Frame(new EntryRequest(Vlsn.Of(4)).ToBytes())];
                yield return [.. Begin(version, 30, 1), .. Frame(new AlternateMatchpoint(own).ToBytes()), .. Frame(default(EntryNotFound).ToBytes())];
                yield return [.. Begin(version, 9, 2), .. Frame(probe), .. Frame(answer), .. Frame(new StartStream(Vlsn.Of(8)).ToBytes())];
                // What is no frame: time that comes to its end and that does not, a frame while the log is asked, an end of the reign, a connection that goes.
                yield return [.. Begin(version, 20, 0), 0, 1, 100, .. Frame(new EntryRequest(Vlsn.Of(4)).ToBytes()), 0, 3, 0, .. Frame(new Entry(own).ToBytes()), 0, 2, 0];
                yield return [.. Begin(version, 20, 4), .. Frame(new EntryRequest(Vlsn.Of(4)).ToBytes()), 0, 0x87, 10, .. Frame(new EntryRequest(Vlsn.Of(5)).ToBytes()), 0, 5, 20];
                yield return [.. Begin(version, 20, 4), .. Frame(answer), .. Frame(new Entry(own).ToBytes()), 0, 1, 255, 0, 6, 1];
                yield return [.. Begin(version, 40, 3), .. Frame(new RestoreRequest(Vlsn.Of(3)).ToBytes()), .. Frame(default(RestoreResponse).ToBytes())];
                // The logs part there, above and below what is durable: with each of the log's answers missing in turn.
                foreach (var parting in new[] { Vlsn.Of(9), Vlsn.Of(4) })
                {
                    var at = answers.Entry(View.SyncPointAtOrBelow(parting));
                    byte[] all = new ProbeAnswer([.. Enumerable.Range(1, (int)at.Vlsn.Value).Select(vlsn => new ProbedEntry(Vlsn.Of(vlsn), answers.Entry(Vlsn.Of(vlsn))))]).ToBytes();
                    for (byte faultAt = 0; faultAt <= 6; faultAt++)
                        yield return [.. Begin((byte)(version + (faultAt << 2)), (byte)(at.Vlsn.Value - 1), 4), .. Frame(version == 1 ? new AlternateMatchpoint(at).ToBytes() : all)];
                }
            }
        }
    }

    /// <inheritdoc/>
    public void Run(ReadOnlySpan<byte> input)
    {
        var reader = new InputReader(input);
        var answers = new LogAnswers(View);
        var first = reader.Byte();
        var (version, faultAt) = (first % 2 == 0 ? SyncupVersion.Two : SyncupVersion.One, first >> 2);
        if (isReplica) RunReplica(version, answers, faultAt, ref reader);
        else RunFeeder(version, answers, faultAt, ref reader);
    }

    private static void RunReplica(ushort version, LogAnswers answers, int faultAt, ref InputReader reader)
    {
        var last = Vlsn.Of(1 + reader.Byte());
        var term = new Term((ulong)reader.Below(6));
        var hello = new FeederHello(
            version, SampleLog.Identity.Group, SampleLog.Identity.Node, "b", term, term, Vlsn.Of(1 + (reader.Below(4) == 0 ? last.Value - 1 : 0)), last, 0, Vlsn.Null, SyncupAnswer.None);
        var machine = new ReplicaSyncup(answers.Range, hello, View.End.Term, RollbackLimit.AtMost(reader.Byte()));
        var order = 0;
        new DrawnSession(machine, answers, isFeeder: false, faultAt, Perform, () => machine.Outcome).Run(ref reader);

        SyncupInput? Perform(SyncupEffect effect)
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
                    Invariant.Holds(cut.Matchpoint >= answers.Range.Durable, $"a cut behind {cut.Matchpoint}, and {answers.Range.Durable} is durable.");
                    order = 2;
                    return new SyncupInput.CutDurable();
                case SyncupEffect.Send { Message: StartStream start }:
                    Invariant.Holds(order == 2 || start.Start == View.Last.Next, $"the stream begins at {start.Start}, and nothing was cut.");
                    return null;
                default:
                    return null;
            }
        }
    }

    private static void RunFeeder(ushort version, LogAnswers answers, int faultAt, ref InputReader reader)
    {
        var last = reader.Byte() is var given && given == 0 ? Vlsn.Null : Vlsn.Of(given);
        var hello = new ReplicaHello(
            version, version, SampleLog.Identity.Group, SampleLog.Identity.Node, "b", new Term((ulong)reader.Below(6)), last.IsNull ? Vlsn.Null : Vlsn.First, last, 0, []);
        var machine = new FeederSyncup(version, answers.Range, hello);
        new DrawnSession(machine, answers, isFeeder: true, faultAt, static _ => null, () => machine.Outcome).Run(ref reader);
        if (machine.Outcome is FeederOutcome.Streaming streaming)
            Invariant.Holds(streaming.Start == Vlsn.First || answers.Entry(streaming.Start.Previous).IsSync, $"a stream is promised from {streaming.Start}, which is behind no sync point.");
    }

    /// <summary>The version with the answer that fails, the peer's last record, its term; and for a replica a feeder that holds record 1, and no limit.</summary>
    private byte[] Begin(byte version, byte last, byte term) => isReplica ? [version, last, term, 1, 255] : [version, last, term];

    private static byte[] Frame(byte[] bytes) => [checked((byte)bytes.Length), .. bytes];

    private static LogView Open()
    {
        var directory = DataDirectory.Open(SampleLog.Make(isKilled: false), SampleLog.Root, "fuzz");
        var log = RecordLog.Open(directory, SampleLog.Options);
        log.NoteDurable(Durable);
        return log.View();
    }
}
