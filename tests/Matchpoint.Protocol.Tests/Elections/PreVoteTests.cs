using Matchpoint.Protocol.Elections;
using Matchpoint.Protocol.Messages;

namespace Matchpoint.Protocol.Tests.Elections;

/// <summary>Whoever hears no primary asks first, and disturbs nobody by it.</summary>
public sealed class PreVoteTests
{
    [Fact]
    public void Replicas_do_not_tell_each_other_of_a_primary_that_none_of_them_hears()
    {
        var replica = new Machine();
        replica.Heard("b", 1);
        replica.Later(Machine.Timeout - 1);
        Assert.Equal(["answer a no, term 1 Full, primary b 1 (this node hears the primary b)"], replica.Poll(PollKind.PreVote, "c", 2));
        replica.Later(1);
        Assert.Equal(["answer a yes, term 1 Full"], replica.Poll(PollKind.PreVote, "c", 2));
        Assert.Equal(ElectionRole.Replica, replica.Role);
    }
}
