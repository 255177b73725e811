using System.Text;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Elections;
using Matchpoint.Protocol.Identities;
using Matchpoint.Simulation.Files;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.Log;
using Matchpoint.Storage.Repairs;
using Matchpoint.Storage.Rollbacks;
using Matchpoint.Storage.Tests.Log;

namespace Matchpoint.Storage.Tests.Repairs;

/// <summary>A damaged log is mended with the records of another one, and with nothing else.</summary>
public class SegmentMendTests
{
    private const int Records = 24;
    private static readonly DateTimeOffset Now = DateTimeOffset.UnixEpoch;

    [Fact]
    public void Every_flipped_byte_of_a_log_is_found_and_mended_to_the_same_bytes()
    {
        using var donor = TestLogs.Open(Written("v"));
        var sound = LogOf(Written("v"));
        Assert.True(sound.Count > 3);
        foreach (var (path, bytes) in sound)
        {
            for (var at = 0; at < bytes.Length; at++)
            {
                var files = Written("v");
                Flip(files, path, at);
                DeleteIndexes(files);
                using (var directory = Open(files))
                {
                    var rounds = 0;
                    while (LogSurvey.FindFirst(directory, CancellationToken.None) is { } gap)
                    {
                        Assert.True(++rounds <= 2, $"{path} at {at}: {gap.What.Message}");
                        Mend(directory, gap, donor.Log, Vlsn.Of(Records));
                    }

                    Assert.True(rounds > 0, $"{path} at {at}: not found");
                }

                Assert.Equal(sound, LogOf(files));
                using var log = TestLogs.Open(files);
                Assert.Equal(Records, log.Log.Headers().Count);
            }
        }
    }

    [Fact]
    public void Every_missing_segment_is_found_and_mended()
    {
        using var donor = TestLogs.Open(Written("v"));
        var sound = LogOf(Written("v"));
        foreach (var (path, _) in sound)
        {
            var files = Written("v");
            files.Delete(path);
            using (var directory = Open(files)) Mend(directory, LogSurvey.FindFirst(directory, CancellationToken.None)!, donor.Log, Vlsn.Of(Records));
            using var log = TestLogs.Open(files);
            Assert.Equal(donor.Log.Headers(), log.Log.Headers());
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(-1)]
    public void Records_of_another_history_are_refused_and_nothing_is_changed(int segment)
    {
        using var other = TestLogs.Open(Written("w"));
        var files = Written("v");
        var path = segment < 0 ? LogOf(files)[^-segment].Path : LogOf(files)[segment].Path;
        Flip(files, path, 200);
        var before = LogOf(files);
        using var directory = Open(files);
        var gap = LogSurvey.FindFirst(directory, CancellationToken.None)!;
        Assert.Throws<ProtocolException>(() => Mend(directory, gap, other.Log, Vlsn.Of(Records)));
        SegmentMend.RemoveLeftOver(directory);
        Assert.Equal(before, LogOf(files));
    }

    [Fact]
    public void A_record_that_was_changed_on_its_way_is_refused()
    {
        using var donor = TestLogs.Open(Written("v"));
        var files = Written("v");
        Flip(files, LogOf(files)[1].Path, 200);
        using var directory = Open(files);
        var gap = LogSurvey.FindFirst(directory, CancellationToken.None)!;
        using var view = donor.Log.View();
        var bytes = new byte[4096];
        Assert.True(view.TryCopy(gap.From, bytes, out var length));
        var before = view.PositionBefore(gap.From)!.Value;
        for (var at = 0; at < length; at++)
        {
            var changed = bytes[..length];
            changed[at] ^= 1;
            using var mend = SegmentMend.Begin(directory, gap, before, Vlsn.Of(Records));
            if (at < gap.Bytes) Assert.Throws<ProtocolException>(() => mend.Take(changed));
            else mend.Take(changed); // Behind the gap nothing is looked at.
            Assert.Equal(at >= gap.Bytes, mend.IsJoined);
        }
    }

    [Fact]
    public void What_lies_behind_the_last_record_of_its_own_is_taken_only_as_far_as_it_is_durable()
    {
        using var donor = TestLogs.Open(Written("v"));
        var files = Written("v");
        var (path, bytes) = LogOf(files)[^1];
        Flip(files, path, bytes.Length - 3);
        using var directory = Open(files);
        var gap = LogSurvey.FindFirst(directory, CancellationToken.None)!;
        Assert.Throws<ProtocolException>(() => Mend(directory, gap, donor.Log, Vlsn.Of(Records - 1)));
        Mend(directory, gap, donor.Log, Vlsn.Of(Records));
        Assert.Null(LogSurvey.FindFirst(directory, CancellationToken.None));
    }

    [Fact]
    public void What_nobody_can_give_is_cut_off_fenced_and_exported_as_far_as_it_can_be_read()
    {
        var files = Written("v");
        var (path, bytes) = LogOf(files)[^2];
        Flip(files, path, bytes.Length - 100);
        DeleteIndexes(files);
        LogGap gap;
        using (var directory = Open(files))
        {
            BallotFile.Open(directory, hasRecords: true).Save(Ballot.New with { Standing = Standing.Full, Term = new Term(1) });
            gap = LogSurvey.FindFirst(directory, CancellationToken.None)!;
            Assert.NotNull(LogSurrender.CutAt(directory, gap, Vlsn.Of(3), Now));
            Assert.Equal(Standing.Rebooted, BallotFile.Open(directory, hasRecords: true).Ballot.Standing);
            var exported = RollbackStore.List(directory).SelectMany(entry => RollbackStore.Operations(directory, entry.Name))
                .Select(static operation => Encoding.UTF8.GetString(operation.Key)).ToHashSet();
            var lost = Enumerable.Range(1, Records).Where(i => i > gap.Before!.Value.Vlsn.Value + 1).Select(static i => $"k{i}").ToHashSet();
            Assert.NotEmpty(lost);
            Assert.Equal(lost, exported);
        }

        using var log = TestLogs.Open(files);
        Assert.Equal(gap.Before!.Value, log.Log.Appended);
        Assert.Contains(files.ListFiles(log.Directory.DamagedPath), name => name.StartsWith(Path.GetFileName(path), StringComparison.Ordinal));
    }

    /// <summary>More may have gone with the end of a log than was fetched. After a crash the next open sees nothing of that: by then the node is fenced.</summary>
    [Fact]
    public void A_log_whose_end_was_fetched_is_fenced_before_it_looks_whole()
    {
        using var donor = TestLogs.Open(Written("v"));
        var image = Written("v");
        using (var directory = Open(image)) BallotFile.Open(directory, hasRecords: true).Save(Ballot.New with { Standing = Standing.Full, Term = new Term(1) });
        image.Delete(LogOf(image)[^1].Path);
        var (isWhole, isEnded) = (0, false);
        for (var effect = 1; !isEnded; effect++)
        {
            var files = new FaultyFiles(new Random(1), image);
            using (var directory = DataDirectory.Open(files, TestLogs.Root, "a test", TestLogs.Identity))
            {
                var gap = LogSurvey.FindFirst(directory, CancellationToken.None)!;
                files.CrashBefore(files.Effects + effect);
                try
                {
                    Mend(directory, gap, donor.Log, Vlsn.Of(Records));
                    isEnded = true;
                }
                catch (SimulatedCrashException)
                {
                    // The next process looks at what is left.
                }
            }

            using var next = DataDirectory.Open(files.AfterKill(), TestLogs.Root, "a test", TestLogs.Identity);
            if (LogSurvey.FindFirst(next, CancellationToken.None) is not null) continue;
            isWhole++;
            Assert.Equal(Standing.Rebooted, BallotFile.Open(next, hasRecords: true).Ballot.Standing);
        }

        Assert.True(isWhole > 1, "no crash left a log that looks whole");
    }

    private static void Mend(DataDirectory directory, LogGap gap, RecordLog donor, Vlsn durable)
    {
        using var view = donor.View();
        using var mend = SegmentMend.Begin(directory, gap, view.PositionBefore(gap.From)!.Value, durable);
        var bytes = new byte[4096];
        while (!mend.IsJoined && mend.Position.End < view.End.End && view.TryCopy(mend.Position.End, bytes, out var length)) mend.Take(bytes.AsSpan(0, length));
        mend.Finish();
    }

    /// <summary>A closed log of several segments, the same for the same values.</summary>
    private static MemoryFiles Written(string value)
    {
        var files = new MemoryFiles();
        using var log = TestLogs.Open(files);
        for (var i = 1; i <= Records; i++) log.Log.Commit($"k{i}", i < 3 ? "same" : value);
        log.Log.FlushAll();
        return files;
    }

    private static DataDirectory Open(MemoryFiles files) => DataDirectory.Open(files, TestLogs.Root, "a test", TestLogs.Identity);

    private static List<(string Path, string Bytes)> LogOf(MemoryFiles files)
    {
        var segments = new List<(string, string)>();
        foreach (var name in files.ListFiles($"{TestLogs.Root}/log").Where(static name => name.EndsWith(".log", StringComparison.Ordinal)))
        {
            using var file = files.Open($"{TestLogs.Root}/log/{name}", FileOpening.Read);
            var bytes = new byte[file.Length];
            file.Read(0, bytes);
            segments.Add((file.Path, Encoding.Latin1.GetString(bytes)));
        }

        return segments;
    }

    private static void Flip(MemoryFiles files, string path, long at)
    {
        using var file = files.Open(path, FileOpening.ReadWrite);
        var one = new byte[1];
        Assert.Equal(1, file.Read(at, one));
        one[0] ^= 0x10;
        file.Write(at, one);
    }

    private static void DeleteIndexes(MemoryFiles files)
    {
        foreach (var name in files.ListFiles($"{TestLogs.Root}/log").Where(static name => !name.EndsWith(".log", StringComparison.Ordinal))) files.Delete($"{TestLogs.Root}/log/{name}");
    }
}
