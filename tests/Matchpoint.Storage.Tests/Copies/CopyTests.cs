using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;
using Matchpoint.Simulation.Files;
using Matchpoint.Simulation.State;
using Matchpoint.Storage.Copies;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.Log;
using Matchpoint.Storage.State;
using Matchpoint.Storage.Tests.Log;

namespace Matchpoint.Storage.Tests.Copies;

/// <summary>A full copy from one directory into another, chunk by chunk, installed in one step.</summary>
public class CopyTests
{
    private const string From = "/from";
    private const string To = "/to";
    private static readonly Guid Id = new(7, 0, 0, new byte[8]);

    [Fact]
    public void A_copy_holds_the_log_from_the_pictures_segment_on_and_the_state()
    {
        using var donor = new Donor(new MemoryFiles(), records: 40, applied: 25, durable: 30);
        var offer = donor.Source.Offer;
        Assert.Equal((Vlsn.Of(25), Vlsn.Of(30)), (offer.Applied, offer.Last));
        Assert.Contains(offer.Files, static file => file.Name == "state/picture");
        Assert.True(offer.Files.Count(static file => file.Name.StartsWith("log/", StringComparison.Ordinal)) < donor.Segments);

        var files = new MemoryFiles();
        Fetch(donor, files, static _ => true).Finish(new PictureStates(files), export: "");
        using (var before = TestLogs.Open(files, root: To)) Assert.Equal(2, before.Log.Written.Value); // Nothing is replaced before it is installed.
        Install(files);
        AssertIsTheCopy(files, donor);
    }

    /// <summary>A copy may take long, and a picture wait for its member: the log must not grow all the while.</summary>
    [Fact]
    public void The_log_is_trimmed_under_a_copy_which_stays_whole()
    {
        using var donor = new Donor(new MemoryFiles(), records: 40, applied: 25, durable: 30);
        Assert.True(donor.Trim(Vlsn.Of(30)) > 0);
        var files = new MemoryFiles();
        Fetch(donor, files, static _ => true).Finish(new PictureStates(files), export: "");
        Install(files);
        AssertIsTheCopy(files, donor);
    }

    [Theory]
    [InlineData(5, false)] // Applied in the picture.
    [InlineData(20, true)]
    [InlineData(35, true)] // It comes with the stream that follows the copy.
    public void The_pieces_of_a_transaction_that_is_yet_to_be_applied_come_with_the_copy(int commit, bool areNeeded)
    {
        const int piece = 3;
        var files = new MemoryFiles();
        using var open = TestLogs.Open(files, new LogOptions { SegmentBytes = 600, OwnThread = false }, root: From);
        for (var i = 1; i <= 40; i++)
        {
            var writer = new TransactionWriter();
            writer.Put("key"u8, new byte[20]);
            var first = i == commit ? Vlsn.Of(piece) : Vlsn.Null;
            open.Log.Append(i == piece ? RecordKind.Piece : RecordKind.Commit, writer.Payload(0, first, first).Span);
            open.Log.FlushAll();
        }

        IState state = new OrderedState { Files = files };
        using (var view = open.Log.View())
        using (var batch = state.NewBatch())
        {
            state.Apply(batch, new StatePosition(Vlsn.Of(15), view.PositionAt(Vlsn.Of(15)).Fingerprint));
        }

        using var source = CopySource.Create(open.Log.Directory, new PictureStates(files), open.Log, state, Vlsn.Of(30), Id, CancellationToken.None);
        Assert.Equal(areNeeded, source.First <= Vlsn.Of(piece));
        Assert.True(source.First <= Vlsn.Of(15));
    }

    [Fact]
    public void What_was_fetched_is_not_fetched_again()
    {
        using var donor = new Donor(new MemoryFiles(), records: 40, applied: 25, durable: 30, valueBytes: 200_000);
        var files = new MemoryFiles();
        var fetched = new HashSet<(int, int)>();
        using (Fetch(donor, files, chunk => fetched.Count < donor.Chunks - 1 && fetched.Add(chunk)))
        {
            // The node is killed here.
        }

        using var target = Begin(donor, files);
        Assert.True(fetched.Count > 1);
        Assert.Single(target.Missing);
        Assert.Empty(target.Missing.Intersect(fetched));
        Assert.True(target.Present > 0);
    }

    /// <summary>Two directories take turns: what the content has replaced lay where the next copy is fetched into.</summary>
    [Fact]
    public void What_was_fetched_is_kept_by_a_restart_however_many_copies_there_were_before()
    {
        var files = new MemoryFiles();
        using var first = new Donor(new MemoryFiles(), records: 40, applied: 25, durable: 30);
        for (var i = 0; i < 2; i++)
        {
            Fetch(first, files, static _ => true).Finish(new PictureStates(files), export: "");
            Install(files);
            Assert.Equal(i + 1, CopyOf(files));
        }

        using var next = new Donor(new MemoryFiles(), records: 20, applied: 5, durable: 20, valueBytes: 200_000);
        var left = 2;
        int missing;
        using (var target = Fetch(next, files, _ => --left >= 0)) missing = target.Missing.Count;
        Assert.True(missing > 0);
        Install(files);
        using var again = Begin(next, files);
        Assert.Equal(missing, again.Missing.Count);
    }

    [Fact]
    public void A_file_is_no_longer_than_what_came_of_it_so_that_no_holes_are_read()
    {
        using var donor = new Donor(new MemoryFiles(), records: 40, applied: 25, durable: 30, valueBytes: 200_000);
        var files = new MemoryFiles();
        using var target = Begin(donor, files);
        var large = donor.Source.Offer.Files.Select(static (file, index) => (file, index)).First(static one => one.file.Length > 0 && one.file.Name.StartsWith("log/", StringComparison.Ordinal));
        using var file = files.Open($"{To}/{ContentSwitch.NameOf(1)}/{large.file.Name}", FileOpening.Read);
        Assert.Equal(0, file.Length);
        var buffer = new byte[Limits.ChunkBytes];
        var length = donor.Source.Read(large.index, 0, buffer);
        target.Write(large.index, 0, buffer.AsSpan(0, length));
        Assert.Equal(length, file.Length);
    }

    [Fact]
    public void What_the_node_holds_anyway_is_not_fetched()
    {
        var files = new MemoryFiles();
        using var donor = new Donor(files, records: 40, applied: 25, durable: 30);
        using (var whole = Fetch(donor, files, static _ => true)) whole.Finish(new PictureStates(files), export: "");
        Install(files);
        using var target = Begin(donor, files);
        Assert.Empty(target.Missing);
    }

    [Fact]
    public void A_chunk_that_is_not_the_one_offered_is_refused()
    {
        using var donor = new Donor(new MemoryFiles(), records: 10, applied: 5, durable: 10);
        using var target = Begin(donor, new MemoryFiles());
        var bytes = new byte[Limits.ChunkBytes];
        var length = donor.Source.Read(0, 0, bytes);
        bytes[length / 2] ^= 1;
        Assert.Contains("digest", Assert.Throws<ProtocolException>(() => target.Write(0, 0, bytes.AsSpan(0, length))).Message, StringComparison.Ordinal);
        bytes[length / 2] ^= 1;
        Assert.Throws<ProtocolException>(() => target.Write(0, 0, bytes.AsSpan(0, length - 1)));
        target.Write(0, 0, bytes.AsSpan(0, length));
        Assert.DoesNotContain((0, 0), target.Missing);
    }

    [Fact]
    public void A_state_of_another_history_is_refused_and_the_old_content_stays()
    {
        using var donor = new Donor(new MemoryFiles(), records: 10, applied: 5, durable: 10, isForeign: true);
        var files = new MemoryFiles();
        using var target = Fetch(donor, files, static _ => true);
        Assert.Contains("the state of a copy", Assert.Throws<DamageException>(() => target.Finish(new PictureStates(files), export: "")).Message, StringComparison.Ordinal);
        Install(files);
        using var still = TestLogs.Open(files, root: To);
        Assert.Equal(2, still.Log.Written.Value);
    }

    [Fact]
    public void After_a_crash_at_any_effect_the_directory_holds_the_old_content_or_the_copy()
    {
        using var donor = new Donor(new MemoryFiles(), records: 12, applied: 8, durable: 12);
        var old = new MemoryFiles();
        Begin(donor, old).Dispose();
        var effects = Run(donor, new FaultyFiles(new Random(1), old));
        Assert.InRange(effects, 30, 400);
        for (var at = 1; at <= effects; at++)
        {
            foreach (var within in new[] { false, true })
            {
                var files = new FaultyFiles(new Random(at), old);
                if (within) files.CrashWithin(at);
                else files.CrashBefore(at);
                try
                {
                    Run(donor, files);
                }
                catch (SimulatedCrashException)
                {
                    // As wanted.
                }

                foreach (var left in files.PowerCut().Images().Select(static image => image.Image).Append(files.PowerCut().Everything))
                {
                    Install(left);
                    using var open = TestLogs.Open(left, root: To);
                    Assert.True(open.Log.Written.Value is 2 or 12, $"effect {at} (within: {within}): {open.Log.Written}");
                    if (open.Log.Written.Value == 12) Assert.Equal(donor.Fingerprint, open.Log.Appended.Fingerprint);
                }
            }
        }
    }

    [Fact]
    public void What_a_step_has_flushed_survives_a_power_cut()
    {
        using var donor = new Donor(new MemoryFiles(), records: 40, applied: 25, durable: 30, valueBytes: 200_000);
        var files = new FaultyFiles(new Random(1));
        using (var target = Fetch(donor, files, static _ => true))
        {
            Assert.True(target.Unflushed > Limits.ChunkBytes);
            target.BeginFlush()();
            Assert.Equal(0, target.Unflushed);
            target.BeginFlush()(); // Nothing is left of it.
        }

        var described = donor.Source.Offer.Files.Single(static file => file.Name == "state/picture");
        var path = $"{To}/{ContentSwitch.NameOf(1)}/{described.Name}";
        // The name may be lost, it was not flushed; what is there under it is whole.
        var kept = files.PowerCut().Images().Select(static image => image.Image).Where(image => image.FileExists(path)).ToList();
        Assert.NotEmpty(kept);
        foreach (var image in kept)
        {
            using var file = image.Open(path, FileOpening.Read);
            var bytes = new byte[described.Length];
            Assert.Equal(bytes.Length, file.Read(0, bytes));
            Assert.Equal(described.Chunks[0], ChunkDigest.Of(bytes));
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_file_whose_flush_failed_is_fetched_again(bool inStep)
    {
        using var donor = new Donor(new MemoryFiles(), records: 40, applied: 25, durable: 30);
        var files = new FaultyFiles(new Random(1));
        using (var target = Fetch(donor, files, static _ => true))
        {
            files.Faults.FailFlush("picture");
            Assert.Throws<DiskException>(() =>
            {
                if (inStep) target.BeginFlush()();
                else target.Finish(new PictureStates(files), export: "");
            });
        }

        // The chunks can still be read, and are lost: a second flush of them would go well.
        using var again = Begin(donor, files);
        Assert.NotEmpty(again.Missing);
        Assert.All(again.Missing, missing => Assert.Equal("state/picture", donor.Source.Offer.Files[missing.File].Name));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_copy_is_durable_whichever_flush_of_an_earlier_attempt_failed(bool isKilled)
    {
        using var donor = new Donor(new MemoryFiles(), records: 40, applied: 25, durable: 30);
        var hasFailed = true;
        for (var nth = 1; hasFailed; nth++)
        {
            var files = new FaultyFiles(new Random(nth));
            MakeOld(files);
            files.Faults.FailFlush("*", nth);
            hasFailed = Attempt(donor, ref files, isKilled);
            files.Faults.Clear();
            Run(donor, files);
            AssertIsTheCopy(files.PowerCut().Nothing, donor);
        }
    }

    [Fact]
    public void A_copy_without_a_log_is_refused()
    {
        using var donor = new Donor(new MemoryFiles(), records: 10, applied: 5, durable: 10);
        var offer = donor.Source.Offer with { Applied = Vlsn.Null, Last = Vlsn.Null, Files = [] };
        var files = new MemoryFiles();
        MakeOld(files);
        using var directory = DataDirectory.Open(files, To, "test");
        using var target = CopyTarget.Begin(directory, offer, CancellationToken.None);
        Assert.Contains("the log of a copy", Assert.Throws<DamageException>(() => target.Finish(new PictureStates(files), export: "")).Message, StringComparison.Ordinal);
        Assert.False(CopyTarget.InstallWhole(directory));
    }

    /// <summary>A deletion that no flush follows may be undone, and with it the mark of a copy half of which is another one by then.</summary>
    [Fact]
    public void The_mark_of_a_whole_copy_does_not_come_back_over_the_next_one()
    {
        using var first = new Donor(new MemoryFiles(), records: 12, applied: 8, durable: 12);
        using var second = new Donor(new MemoryFiles(), records: 40, applied: 25, durable: 30);
        var files = new FaultyFiles(new Random(1));
        using (var whole = Fetch(first, files, static _ => true)) whole.Finish(new PictureStates(files), export: "");
        using var next = Fetch(second, files, static _ => true);
        next.BeginFlush()();
        foreach (var left in new[] { files.PowerCut().Nothing, files.PowerCut().Everything })
        {
            Install(left);
            using var open = TestLogs.Open(left, root: To);
            Assert.Equal(2, open.Log.Written.Value);
        }
    }

    /// <summary>Fetches a copy whole, unless a flush fails; then the process may be killed.</summary>
    private static bool Attempt(Donor donor, ref FaultyFiles files, bool isKilled)
    {
        CopyTarget? target = null;
        try
        {
            target = Fetch(donor, files, static _ => true);
            target.Finish(new PictureStates(files), export: "");
            target.Dispose();
            return false;
        }
        catch (DiskException)
        {
            if (isKilled) files = files.AfterKill();
            else target?.Dispose();
            return true;
        }
    }

    private static int Run(Donor donor, FaultyFiles files)
    {
        using (var target = Fetch(donor, files, static _ => true)) target.Finish(new PictureStates(files), export: "");
        Install(files);
        return files.Effects;
    }

    private static CopyTarget Begin(Donor donor, IFileSystem files)
    {
        if (!DataDirectory.Exists(files, To)) MakeOld(files);
        using var directory = DataDirectory.Open(files, To, "test");
        return CopyTarget.Begin(directory, donor.Source.Offer, CancellationToken.None);
    }

    /// <summary>A directory in which there is something already.</summary>
    private static void MakeOld(IFileSystem files)
    {
        using var old = TestLogs.Open(files, root: To);
        old.Log.Commit("old", "1");
        old.Log.Commit("old", "2");
        old.Log.FlushAll();
    }

    private static CopyTarget Fetch(Donor donor, IFileSystem files, Func<(int File, int Chunk), bool> wants)
    {
        var target = Begin(donor, files);
        var buffer = new byte[Limits.ChunkBytes];
        foreach (var (file, chunk) in target.Missing.Where(wants).ToList()) target.Write(file, chunk, buffer.AsSpan(0, donor.Source.Read(file, chunk, buffer)));
        return target;
    }

    private static void Install(IFileSystem files)
    {
        using var directory = DataDirectory.Open(files, To, "test");
        CopyTarget.InstallWhole(directory);
        CopyTarget.RemoveReplaced(directory, new PictureStates(files));
    }

    private static int CopyOf(IFileSystem files)
    {
        using var directory = DataDirectory.Open(files, To, "test");
        return directory.Copy;
    }

    private static void AssertIsTheCopy(IFileSystem files, Donor donor)
    {
        using var open = TestLogs.Open(files, root: To);
        Assert.Equal(donor.Source.Offer.Last, open.Log.Written);
        Assert.Equal(donor.Fingerprint, open.Log.Appended.Fingerprint);
        Assert.Equal(donor.Source.Offer.Last, open.Log.Durable);
        Assert.Null(open.Log.OpenReport.Torn);
        using var state = new PictureStates(files).Open(open.Log.Directory.StatePath);
        Assert.Equal(donor.Source.Offer.Applied, state.Applied.Vlsn);
        Assert.Equal("v25", System.Text.Encoding.UTF8.GetString(state.Get("k25"u8) ?? []));
    }

    /// <summary>A node's log and state, and a copy of them to be fetched.</summary>
    private sealed class Donor : IDisposable
    {
        private readonly TestLogs.OpenLog _open;

        public Donor(IFileSystem files, int records, int applied, int durable, int valueBytes = 10, bool isForeign = false)
        {
            _open = TestLogs.Open(files, new LogOptions { SegmentBytes = Math.Max(600, valueBytes * 4), OwnThread = false }, root: From);
            for (var i = 1; i <= records; i++)
            {
                _open.Log.Commit($"k{i}", new string('v', valueBytes));
                _open.Log.FlushAll();
            }

            using var view = _open.Log.View();
            Segments = view.Segments.Count();
            Fingerprint = view.PositionAt(Vlsn.Of(durable)).Fingerprint;
            IState state = new OrderedState { Files = files };
            for (var i = 1; i <= applied; i++)
            {
                using var batch = state.NewBatch();
                batch.Put(System.Text.Encoding.UTF8.GetBytes($"k{i}"), System.Text.Encoding.UTF8.GetBytes($"v{i}"));
                var fingerprint = view.PositionAt(Vlsn.Of(i)).Fingerprint;
                state.Apply(batch, new StatePosition(Vlsn.Of(i), isForeign ? new Fingerprint(fingerprint.Value + 1) : fingerprint));
            }

            Source = CopySource.Create(_open.Log.Directory, new PictureStates(files), _open.Log, state, Vlsn.Of(durable), Id, CancellationToken.None);
        }

        public CopySource Source { get; }

        public int Segments { get; }

        public Fingerprint Fingerprint { get; }

        public int Trim(Vlsn upTo) => _open.Log.RemoveUpTo(upTo);

        public int Chunks => Source.Offer.Files.Sum(static file => file.Chunks.Length);

        public void Dispose()
        {
            Source.Dispose();
            _open.Dispose();
        }
    }
}
