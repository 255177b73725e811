using Matchpoint.Cli.Torture;

namespace Matchpoint.Cli.Tests;

/// <summary>What a torture may take from a group: no more than the product promises to survive.</summary>
public sealed class GroupTruthTests
{
    [Theory]
    [InlineData("VVV", 0, true)]
    [InlineData("VVVV", 0, true)]
    [InlineData("VVA", 0, true)]
    [InlineData("VVA", 2, true)]
    [InlineData("VVS", 0, false)] // One of two that vote is no majority.
    [InlineData("VVS", 2, true)]
    [InlineData("VAA", 0, false)] // The log would be there, and the data nowhere.
    [InlineData("V", 0, false)]
    public void Data_may_be_lost_where_a_majority_remains_and_one_of_it_holds_data(string kinds, int which, bool mayLose) =>
        Assert.Equal(mayLose, Of(kinds).MayLose(Name(which)));

    [Theory]
    [InlineData("VVV", 0, false)]
    [InlineData("VVVV", 0, true)]
    [InlineData("VVVS", 3, true)]
    [InlineData("VVVA", 3, true)]
    [InlineData("VVVA", 0, true)]
    [InlineData("VVAA", 0, false)] // One with data would remain.
    [InlineData("VVAA", 2, true)]
    [InlineData("VVA", 2, false)]
    public void A_vote_may_be_taken_where_three_remain_two_of_them_with_data(string kinds, int which, bool mayTake) =>
        Assert.Equal(mayTake, Of(kinds).MayTakeVote(Name(which)));

    [Fact]
    public void Who_is_no_member_has_no_vote_to_take() => Assert.True(Of("VVV").MayTakeVote("z"));

    private static GroupTruth Of(string kinds) => new("a", 0, [.. kinds.Select((kind, i) =>
        new MemberStatus(Name(i), "", IsConnected: true, 0, 0, 0, 0, 0, 0, TimeSpan.Zero) { Kind = kind switch { 'V' => MemberKind.Voter, 'S' => MemberKind.Secondary, _ => MemberKind.Arbiter } })]);

    private static string Name(int i) => ((char)('a' + i)).ToString();
}
