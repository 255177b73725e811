using System.Globalization;
using Matchpoint.Protocol.Identities;
using Matchpoint.Simulation.Files;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Log;
using Matchpoint.Storage.Rollbacks;

namespace Matchpoint.Storage.Tests.Log;

/// <summary>A machine that stops at every effect of a scripted history, and again while it recovers.</summary>
public class LogCrashTests
{
    private const int Samples = 6;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void After_a_crash_at_any_effect_the_log_opens_with_all_that_was_acknowledged(bool within)
    {
        var effects = EffectsOf(new FaultyFiles(new Random(1)));
        Assert.InRange(effects, 60, 1000);
        var failures = new List<string>();
        for (var at = 1; at <= effects; at++)
        {
            var (history, files) = Crash(at, within, seed: at);
            var images = Images(files, at);
            Try(failures, $"effect {at} within={within} killed: {Last(files)}", () => CheckKilled(history, files.AfterKill()));
            foreach (var (name, image) in images)
                Try(failures, $"effect {at} within={within} power cut {name}: {Last(files)}", () => CheckImage(history, image));
        }

        Assert.True(failures.Count == 0, Sum(failures));
    }

    [Fact]
    public void A_crash_while_a_crash_is_mended_is_mended_too()
    {
        var effects = EffectsOf(new FaultyFiles(new Random(1)));
        var failures = new List<string>();
        for (var at = 1; at <= effects; at += 3)
        {
            var (history, files) = Crash(at, within: true, seed: at);
            var images = Images(files, at).Where((_, i) => i % 5 == at % 5).Take(2).Append(("everything", files.PowerCut().Everything));
            foreach (var (name, image) in images)
            {
                for (var second = 1; ; second++)
                {
                    var again = new FaultyFiles(new Random(second), image);
                    if (second % 2 == 0) again.CrashBefore(second);
                    else again.CrashWithin(second);
                    var survived = OpenAndClose(again);
                    var text = $"effect {at}, {name}, then effect {second} of the opening: {Last(again)}";
                    Try(failures, text + " power cut", () => CheckImage(history, again.PowerCut().Sample(new Random(second))));
                    Try(failures, text + " power cut, all lost", () => CheckImage(history, again.PowerCut().Nothing));
                    Try(failures, text + " killed", () => CheckKilled(history, again.AfterKill()));
                    if (survived) break;
                }
            }
        }

        Assert.True(failures.Count == 0, Sum(failures));
    }

    [Fact]
    public void A_directory_made_deep_below_what_was_there_survives_a_power_cut()
    {
        const string root = "/var/lib/matchpoint/one";
        var files = new FaultyFiles(new Random(1));
        using var open = TestLogs.Open(files, root: root);
        open.Log.Commit("a", "1");
        open.Log.FlushAll();
        using var again = TestLogs.Open(files.PowerCut().Nothing, root: root);
        Assert.Equal(open.Log.Headers(), again.Log.Headers());
    }

    [Fact]
    public void A_cut_whose_promise_a_failed_flush_left_in_the_cache_is_promised_again_before_it_is_finished()
    {
        for (var at = 1; ; at++)
        {
            var files = new FaultyFiles(new Random(1));
            using (var open = TestLogs.Open(files))
            {
                for (var i = 0; i < 14; i++) open.Log.Commit("key", "value");
                open.Log.FlushAll();
                files.Faults.FailFlush("data");
                Assert.ThrowsAny<Exception>(() => open.Log.CutAfter(Vlsn.Of(7), ""));
                open.Kill();
            }

            var restarted = files.AfterKill();
            Assert.True(restarted.FileExists($"{TestLogs.Root}/cut"));
            restarted.CrashBefore(at);
            var isFinished = OpenAndClose(restarted);
            foreach (var image in new[] { restarted.PowerCut().Nothing, restarted.PowerCut().Everything, restarted.PowerCut().Sample(new Random(at)) })
            {
                // All of it or none: which of them nobody was told yet.
                using var open = TestLogs.Open(new FaultyFiles(new Random(0), image));
                Assert.Contains(open.Log.Appended.Vlsn, new[] { Vlsn.Of(7), Vlsn.Of(14) });
            }

            if (isFinished) break;
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void A_finished_cut_is_not_done_again_after_a_power_cut_whichever_flush_of_its_names_failed(int nth)
    {
        var files = new FaultyFiles(new Random(1));
        using (var open = TestLogs.Open(files))
        {
            for (var i = 0; i < 14; i++) open.Log.Commit("key", "value");
            open.Log.FlushAll();
            files.Faults.FailFlush("data", nth);
            Assert.ThrowsAny<Exception>(() => open.Log.CutAfter(Vlsn.Of(7), ""));
            open.Kill();
        }

        var restarted = files.AfterKill();
        using (var open = TestLogs.Open(restarted))
        {
            for (var i = 0; i < 3; i++) open.Log.Commit("key", "acknowledged");
            open.Log.FlushAll();
            open.Kill();
        }

        using var again = TestLogs.Open(new FaultyFiles(new Random(0), restarted.PowerCut().Nothing));
        Assert.Equal(Vlsn.Of(10), again.Log.Appended.Vlsn);
    }

    [Fact]
    public void What_was_undone_is_told_as_undone_after_a_power_cut_whichever_flush_of_its_exports_name_failed()
    {
        var files = new FaultyFiles(new Random(1));
        string export;
        using (var open = TestLogs.Open(files))
        {
            for (var i = 0; i < 14; i++) open.Log.Commit("key", "value");
            open.Log.FlushAll();
            export = Export(open, 7);
            files.Faults.FailFlush("rollbacks");
            Assert.ThrowsAny<Exception>(() => open.Log.CutAfter(Vlsn.Of(7), export));
            open.Kill();
        }

        var restarted = files.AfterKill();
        using (var open = TestLogs.Open(restarted)) open.Kill();
        using var again = TestLogs.Open(new FaultyFiles(new Random(0), restarted.PowerCut().Nothing));
        Assert.Equal(Vlsn.Of(7), again.Log.Appended.Vlsn);
        var entry = Assert.Single(RollbackStore.List(again.Directory));
        Assert.Equal((export, RollbackState.Undone), (entry.Name, entry.State));
    }

    private static string Export(TestLogs.OpenLog open, long matchpoint)
    {
        using var view = open.Log.View();
        return RollbackExporter.Write(open.Directory, view, TestLogs.ExportOf(view, Vlsn.Of(matchpoint)), refused: false);
    }

    private static int EffectsOf(FaultyFiles files)
    {
        var history = new LogHistory();
        history.Run(files);
        return files.Effects;
    }

    private static (LogHistory History, FaultyFiles Files) Crash(int at, bool within, int seed)
    {
        var files = new FaultyFiles(new Random(seed));
        if (within) files.CrashWithin(at);
        else files.CrashBefore(at);
        var history = new LogHistory();
        history.Run(files);
        return (history, files);
    }

    private static IEnumerable<(string Name, MemoryFiles Image)> Images(FaultyFiles files, int seed)
    {
        var cut = files.PowerCut();
        if (cut.Count <= 32) return cut.Images().Select(image => (image.Mask.ToString(CultureInfo.InvariantCulture), image.Image));
        var random = new Random(seed);
        return Enumerable.Range(0, Samples).Select(i => ($"sample {i}", cut.Sample(random)))
            .Prepend(("nothing", cut.Nothing)).Prepend(("everything", cut.Everything));
    }

    private static bool OpenAndClose(FaultyFiles files)
    {
        TestLogs.OpenLog? open = null;
        try
        {
            open = TestLogs.Open(files);
            return true;
        }
        catch (Exception error) when (error is SimulatedCrashException or LogPoisonedException)
        {
            return false;
        }
        finally
        {
            open?.Kill();
        }
    }

    private static void CheckImage(LogHistory history, MemoryFiles image) => CheckKilled(history, new FaultyFiles(new Random(0), image));

    /// <summary>Opens the directory, checks all of it, goes on, and pulls the plug once more.</summary>
    private static void CheckKilled(LogHistory history, FaultyFiles files)
    {
        if (DataDirectory.Exists(files, TestLogs.Root)) LookAt(files);
        Vlsn last;
        using (var open = TestLogs.Open(files))
        {
            history.Check(open);
            var report = LogVerifier.Verify(open.Directory, CancellationToken.None);
            Assert.Empty(report.Damage);
            last = LogHistory.GoOn(open);
            var after = files.PowerCut().Nothing;
            using var again = TestLogs.Open(after);
            Assert.Equal(open.Log.Headers(), again.Log.Headers());
        }

        using var closed = TestLogs.Open(files);
        Assert.Equal(last, closed.Log.Appended.Vlsn);
        Assert.Equal(0, closed.Log.OpenReport.ScannedBytes);
    }

    /// <summary>A look before anything is mended: no damage, and nothing is changed.</summary>
    private static void LookAt(FaultyFiles files)
    {
        var effects = files.Effects;
        using var directory = DataDirectory.OpenReadOnly(files, TestLogs.Root);
        Assert.Empty(LogVerifier.Verify(directory, CancellationToken.None).Damage);
        using (var view = LogView.Look(directory)) TestLogs.Headers(view);
        Assert.Equal(effects, files.Effects);
    }

    private static string Last(FaultyFiles files) => files.Trace is [.., var last] ? last : "nothing";

    private static void Try(List<string> failures, string what, Action check)
    {
        try
        {
            check();
        }
        catch (Exception error)
        {
            failures.Add($"{what}: {error.GetType().Name}: {error.Message[..Math.Min(error.Message.Length, 300)]}");
        }
    }

    private static string Sum(List<string> failures) =>
        $"{failures.Count} failures:\n" + string.Join('\n', failures.Take(12));
}
