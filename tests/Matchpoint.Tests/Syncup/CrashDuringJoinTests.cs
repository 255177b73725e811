using Matchpoint.Protocol.Messages;
using Matchpoint.Protocol.Syncup;
using Matchpoint.Simulation.Files;
using Matchpoint.Storage;
using Matchpoint.Storage.Rollbacks;
using Matchpoint.Syncup;

namespace Matchpoint.Tests.Syncup;

/// <summary>
/// The replica's process dies at every effect on its disk during a join, and its machine at some; then it joins again. The logs are equal, every
/// undone operation is in exactly one final
/// export, and at the moment the feeder hears StartStream the cut would survive a power cut.
/// </summary>
[Trait("Hazard", "H6")]
public class CrashDuringJoinTests
{
    private const string Tail = "x y z w";
    private const string LongTail = "x y z w 1 2 3 4 5 6 7 8 9 10 11 12";
    private const string Pieces = "(x (y (z";

    public static TheoryData<byte, bool, string, string> Ways
    {
        get
        {
            var data = new TheoryData<byte, bool, string, string>();
            foreach (byte version in new[] { 1, 2 })
            {
                data.Add(version, false, "t1 a b c", Tail);
                data.Add(version, true, "t1 a b c", Tail);
                data.Add(version, true, "t1 a b c", LongTail);
                data.Add(version, true, "", Pieces);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task A_join_that_dies_anywhere_is_finished_by_the_next_and_nothing_is_lost(byte version, bool within, string common, string tail)
    {
        using var feeder = new TestNode("feeder").Write($"{common} t2 d e f g h i j k");
        var undone = tail.Replace("(", "", StringComparison.Ordinal);
        var crashes = 0;
        for (var effect = 1; ; effect++)
        {
            var (disk, ended) = await JoinAsync(feeder, version, effect, within, $"{common} {tail}");
            if (ended) break;
            crashes++;
            var cut = disk.PowerCut();
            await MustRecoverAsync(feeder, version, undone, $"effect {effect}, killed", disk.AfterKill());
            foreach (var (image, how) in Images(cut, effect)) await MustRecoverAsync(feeder, version, undone, $"effect {effect}, {how}", image);
        }

        // The export, the intent, the cut, the positions, the records that follow: fewer would be a join that does not reach the disk.
        Assert.True(crashes > 20, $"{crashes}");
    }

    private static IEnumerable<(MemoryFiles Image, string How)> Images(PowerCut cut, int effect)
    {
        yield return (cut.Nothing, "all unflushed lost");
        yield return (cut.Everything, "all unflushed kept");
        for (var seed = 0; seed < 4; seed++) yield return (cut.Sample(new Random((effect * 100) + seed)), $"seed {(effect * 100) + seed}");
    }

    private static async Task<(FaultyFiles Disk, bool Ended)> JoinAsync(TestNode feeder, byte version, int effect, bool within, string script)
    {
        var disk = new FaultyFiles(new Random(effect));
        var replica = new TestNode("replica", disk).Write(script);
        disk.Settle();
        if (within) disk.CrashWithin(disk.Effects + effect);
        else disk.CrashBefore(disk.Effects + effect);
        var watcher = new StartWatcher(disk);
        var met = await new Meeting { Version = version, FeederObserver = watcher }.RunAsync(replica, feeder);
        Assert.True(watcher.Failure is null, $"effect {effect}: {watcher.Failure}");
        var ended = met.Report?.Outcome is ReplicaOutcome.Streaming;
        if (!ended) Assert.True(met.ReplicaError is SimulatedCrashException or LogPoisonedException || met.Report?.Outcome is ReplicaOutcome.Failed, $"effect {effect}: {met}");
        try
        {
            disk.AfterKill();
            replica.Dispose();
        }
        catch (Exception error) when (error is SimulatedCrashException or StorageException)
        {
            // The dead write nothing.
        }

        replica.Directory.Dispose();
        return (disk, ended);
    }

    private static async Task MustRecoverAsync(TestNode feeder, byte version, string undone, string how, Storage.Files.IFileSystem files)
    {
        TestNode replica;
        try
        {
            replica = new TestNode("replica", files);
        }
        catch (Exception error)
        {
            throw new InvalidOperationException($"{how}: the directory does not open", error);
        }

        using (replica)
        {
            var met = await new Meeting { Version = version }.RunAsync(replica, feeder);
            Assert.True(met.Report?.Outcome is ReplicaOutcome.Streaming, $"{how}: {met}");
            replica.MustEqual(feeder);
            replica.MustBeSound();
            var final = replica.Exports().Where(export => export.State == RollbackState.Undone).ToList();
            Assert.True(final.Count == 1 && replica.Undone(final[0].Name) == undone, $"{how}: {string.Join("; ", replica.Exports())}");
            Assert.True(replica.Exports().All(export => export.State != RollbackState.Pending), $"{how}: an export is still pending");
        }
    }

    /// <summary>At the moment StartStream is heard: whatever a power cut leaves of the replica's disk, the log opens behind the matchpoint.</summary>
    private sealed class StartWatcher(FaultyFiles disk) : ISyncupObserver
    {
        public string? Failure { get; private set; }

        public void OnStep(SyncupStep step, SyncupReport report)
        {
        }

        public void OnMessage(bool sent, IMessage message)
        {
            if (message is not StartStream start) return;
            var cut = disk.PowerCut();
            foreach (var (image, how) in Images(cut, 0))
            {
                using var after = new TestNode("replica", image);
                if (after.Log.Appended.Vlsn.Next != start.Start) Failure = $"StartStream({start.Start}) was sent, and after a power cut ({how}) the log ends at {after.Log.Appended.Vlsn}";
            }
        }

        public void OnRecords(bool sent, long records, long bytes)
        {
        }
    }
}
