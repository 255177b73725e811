using Matchpoint.Simulation.State;
using Matchpoint.Storage.State;

namespace Matchpoint.Storage.Tests.State;

/// <summary>The state in memory.</summary>
public sealed class OrderedStateTests : StateContract, IDisposable
{
    private readonly OrderedState _state = new();

    public void Dispose() => _state.Dispose();

    private protected override IState State => _state;

    [Fact]
    public void A_crash_leaves_what_was_flushed()
    {
        Put(1, 0, "a", "1");
        State.Flush();
        Put(2, 0, "b", "2");
        IState after = _state.AfterCrash();
        Assert.Equal((Position(1), "a=1"), (after.Applied, All(after)));
    }
}
