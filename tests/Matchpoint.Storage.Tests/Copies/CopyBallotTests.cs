using Matchpoint.Protocol.Elections;
using Matchpoint.Protocol.Identities;
using Matchpoint.Simulation.Files;
using Matchpoint.Simulation.State;
using Matchpoint.Storage.Copies;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Log;
using Matchpoint.Storage.State;
using Matchpoint.Storage.Tests.Log;

namespace Matchpoint.Storage.Tests.Copies;

/// <summary>What a node has promised, when a full copy takes the place of its log.</summary>
public sealed class CopyBallotTests
{
    private const string From = "/from";
    private const string To = "/to";

    [Theory]
    [InlineData(20, true)]
    [InlineData(30, true)]
    [InlineData(31, false)]
    public void A_node_takes_part_at_once_only_with_a_copy_that_reaches_as_far_as_its_log_did(int held, bool takesPart) =>
        Assert.Equal(takesPart ? Standing.Full : Standing.BallotLost, StandingBehind(held, Standing.Full));

    [Fact]
    public void A_node_that_took_no_part_takes_none_with_a_copy()
    {
        Assert.Equal(Standing.BallotLost, StandingBehind(held: 20, Standing.BallotLost));
        Assert.Equal(Standing.Rebooted, StandingBehind(held: 20, Standing.Rebooted));
    }

    /// <summary>How far it reached is not known then, and what it had may have been acknowledged.</summary>
    [Fact]
    public void A_node_whose_log_had_lost_its_end_takes_no_part_with_a_copy()
    {
        Assert.Equal(Standing.BallotLost, StandingBehind(held: 40, Standing.Full, static files => files.Delete($"{To}/log/{files.ListFiles($"{To}/log").Last(IsSegment)}")));
        Assert.Equal(Standing.BallotLost, StandingBehind(held: 20, Standing.Full, static files => files.Delete($"{To}/positions")));

        static bool IsSegment(string name) => name.EndsWith(".log", StringComparison.Ordinal);
    }

    /// <summary>How a node that holds so many records stands behind a copy of 30.</summary>
    private static Standing StandingBehind(int held, Standing before, Action<MemoryFiles>? damage = null)
    {
        var files = new MemoryFiles();
        using var donor = TestLogs.Open(files, new LogOptions { SegmentBytes = 600, OwnThread = false }, root: From);
        Fill(donor, records: 40);
        IState state = new OrderedState { Files = files };
        using (var view = donor.Log.View())
        using (var batch = state.NewBatch())
        {
            state.Apply(batch, new StatePosition(Vlsn.Of(25), view.PositionAt(Vlsn.Of(25)).Fingerprint));
        }

        using var source = CopySource.Create(
            donor.Log.Directory, new PictureStates(files), donor.Log, state, Vlsn.Of(30), new Guid(7, 0, 0, new byte[8]), CancellationToken.None);
        using (var old = TestLogs.Open(files, new LogOptions { SegmentBytes = 600, OwnThread = false }, root: To)) Fill(old, held);
        using var directory = DataDirectory.Open(files, To, "test");
        BallotFile.Open(directory, hasRecords: true).Save(new Ballot(new Term(3), "a", before, Term.None));
        using (var target = CopyTarget.Begin(directory, source.Offer, CancellationToken.None))
        {
            var buffer = new byte[1024 * 1024];
            foreach (var (file, chunk) in target.Missing.ToList()) target.Write(file, chunk, buffer.AsSpan(0, source.Read(file, chunk, buffer)));
            target.Finish(new PictureStates(files), export: "");
        }

        damage?.Invoke(files);
        Assert.True(CopyTarget.InstallWhole(directory));
        var ballot = BallotFile.Open(directory, hasRecords: true).Ballot;
        Assert.Equal((new Term(3), "a"), (ballot.Term, ballot.VotedFor));
        return ballot.Standing;
    }

    private static void Fill(TestLogs.OpenLog open, int records)
    {
        for (var i = 1; i <= records; i++)
        {
            open.Log.Commit($"k{i}", "v");
            open.Log.FlushAll();
        }
    }
}
