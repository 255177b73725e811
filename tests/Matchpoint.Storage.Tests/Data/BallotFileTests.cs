using Matchpoint.Protocol.Elections;
using Matchpoint.Protocol.Identities;
using Matchpoint.Simulation.Files;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;

namespace Matchpoint.Storage.Tests.Data;

/// <summary>What a node promises in elections outlives its machine.</summary>
public sealed class BallotFileTests
{
    private static readonly NodeIdentity Identity = new(GroupId.FromName("test"), new NodeId(new Guid(1, 2, 3, new byte[8])));
    private static readonly Ballot Vote = new(new Term(6), "b", Standing.Full, Term.None);

    [Theory]
    [InlineData("ballot.tmp")]
    [InlineData("data")]
    public void A_vote_that_a_failed_flush_left_in_the_cache_is_durable_before_it_is_shown(string failing)
    {
        var files = new FaultyFiles(new Random(1));
        using (var directory = DataDirectory.Open(files, "/data", "a test", Identity))
        {
            var ballot = BallotFile.Open(directory, hasRecords: false);
            ballot.Save(Vote with { Term = new Term(5), VotedFor = "a" });
            files.Faults.FailFlush(failing);
            Assert.Throws<DiskException>(() => ballot.Save(Vote));
        }

        var next = files.AfterKill();
        Ballot shown;
        using (var directory = DataDirectory.Open(next, "/data", "a test")) shown = BallotFile.Open(directory, hasRecords: true).Ballot;
        using var afterPowerCut = DataDirectory.Open(next.PowerCut().Nothing, "/data", "a test");
        Assert.Equal(shown, BallotFile.Open(afterPowerCut, hasRecords: true).Ballot);
    }
}
