using Matchpoint.Node;
using Matchpoint.Protocol.Elections;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;

namespace Matchpoint.Tests.Node;

/// <summary>A member that is made the only one of its group.</summary>
public sealed class GroupResetTests : IDisposable
{
    private const string Name = "x";

    private readonly string _directory = System.IO.Directory.CreateTempSubdirectory("matchpoint").FullName;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private MatchpointOptions Options => new() { Directory = _directory, Name = Name };

    /// <summary>The ballot is saved before the record that says that the node is alone: a crash in between must not make it count among those of before.</summary>
    [Fact]
    public async Task A_reset_does_not_by_its_ballot_alone_take_away_what_the_node_must_not_do_and_it_leads_all_the_same()
    {
        await using (var node = await MatchpointNode.OpenAsync(Options, Cancellation))
            await node.Default.PutAsync("k"u8.ToArray(), "v"u8.ToArray(), cancellation: Cancellation);
        using (var directory = DataDirectory.Open(PhysicalFiles.Instance, _directory, "a test")) BallotFile.Open(directory, hasRecords: true).ForgetLog();
        var before = Ballot();
        Assert.Equal(Standing.BallotLost, before.Standing);

        GroupReset.Perform(PhysicalFiles.Instance, _directory, Name, GroupReset.Look(PhysicalFiles.Instance, _directory, Name));

        var after = Ballot();
        Assert.Equal((before.Standing, before.NoVoteUpTo, Name), (after.Standing, after.NoVoteUpTo, after.VotedFor));
        Assert.True(after.Term > before.Term);
        await using var again = await MatchpointNode.OpenAsync(Options, Cancellation);
        await again.Default.PutAsync("k"u8.ToArray(), "w"u8.ToArray(), cancellation: Cancellation);
        Assert.Equal(Standing.Full, Ballot().Standing);
    }

    public void Dispose() => System.IO.Directory.Delete(_directory, recursive: true);

    private Ballot Ballot() => BallotFile.Read(PhysicalFiles.Instance, System.IO.Path.Combine(_directory, "ballot")).Ballot;
}
