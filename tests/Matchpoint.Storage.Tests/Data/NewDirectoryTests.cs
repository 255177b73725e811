using Matchpoint.Protocol.Elections;
using Matchpoint.Protocol.Identities;
using Matchpoint.Simulation.Files;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.Repairs;

namespace Matchpoint.Storage.Tests.Data;

/// <summary>A data directory that is being made: what a failed flush left in the page cache alone is made again, and what is not ours is left.</summary>
public sealed class NewDirectoryTests
{
    private static readonly NodeIdentity Identity = new(GroupId.FromName("group"), new NodeId(new Guid("00000000-0000-0000-0000-000000000001")));

    [Theory]
    [InlineData("log")]
    [InlineData("rollbacks")]
    public void A_directory_whose_name_a_failed_flush_left_in_the_cache_is_made_again(string name)
    {
        var files = new FaultyFiles(new Random(1));
        files.Faults.FailFlush("data");
        Assert.Throws<DiskException>(() => DataDirectory.Open(files, "/data", "a test", Identity));

        var next = files.AfterKill();
        Assert.True(next.DirectoryExists($"/data/{name}"));
        DataDirectory.Open(next, "/data", "a test", Identity).Dispose();
        Assert.True(next.PowerCut().Nothing.DirectoryExists($"/data/{name}"));
    }

    [Fact]
    public void What_a_directory_says_of_itself_is_durable_before_it_is_believed()
    {
        var files = new FaultyFiles(new Random(1));
        var mended = Identity with { Node = new NodeId(new Guid("00000000-0000-0000-0000-000000000002")) };
        using (var directory = DataDirectory.Open(files, "/data", "a test", Identity))
        {
            files.Faults.FailFlush("data");
            Assert.Throws<DiskException>(() => mended.Write(files, "/data/identity"));
            files.Faults.FailFlush("data");
            Assert.Throws<DiskException>(directory.SwitchToNextCopy);
            files.Faults.FailFlush("data");
            Assert.Throws<DiskException>(directory.MakeArbiter);
        }

        var next = files.AfterKill();
        using (var shown = DataDirectory.Open(next, "/data", "a test")) Assert.Equal((mended, 1, true), (shown.Identity, shown.Copy, shown.IsArbiter));
        using var afterPowerCut = DataDirectory.Open(next.PowerCut().Nothing, "/data", "a test");
        Assert.Equal((mended, 1, true), (afterPowerCut.Identity, afterPowerCut.Copy, afterPowerCut.IsArbiter));
    }

    [Fact]
    public void An_identity_is_mended_though_mending_it_failed_before()
    {
        var files = new FaultyFiles(new Random(1));
        using (var directory = DataDirectory.Open(files, "/data", "a test", Identity))
            BallotFile.Open(directory, hasRecords: false).Save(Ballot.New);
        files.FlipBit("/data/identity", 40, 3);
        files.Faults.FailWrite("identity.tmp");
        Assert.Throws<DiskException>(() => DirectoryMend.Mend(files, "/data", "a test", Identity));

        var next = files.AfterKill();
        Assert.Single(DirectoryMend.Mend(next, "/data", "a test", Identity));
        using var mended = DataDirectory.Open(next, "/data", "a test");
        Assert.Equal(Identity, mended.Identity);
        Assert.True(next.FileExists("/data/damaged/identity.1"));
    }

    [Theory]
    [InlineData("log")]
    [InlineData("rollbacks")]
    public void A_directory_with_something_of_somebodys_is_not_taken(string name)
    {
        var files = new FaultyFiles(new Random(1));
        files.CreateDirectory($"/data/{name}");
        files.Open($"/data/{name}/letter", FileOpening.CreateNew).Dispose();
        var error = Assert.Throws<ForeignException>(() => DataDirectory.Open(files, "/data", "a test", Identity));
        Assert.Contains($"it holds {name}/letter", error.Message, StringComparison.Ordinal);
        Assert.True(files.FileExists($"/data/{name}/letter"));
    }
}
