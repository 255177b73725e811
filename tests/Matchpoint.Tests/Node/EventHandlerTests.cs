using static Matchpoint.Tests.Node.TestGroup;

namespace Matchpoint.Tests.Node;

/// <summary>What a program does in the handlers of a node's events is its own affair: the node goes on.</summary>
public sealed class EventHandlerTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_handler_that_throws_is_warned_of_and_costs_neither_the_node_nor_the_other_handlers_anything()
    {
        await using var group = await StartAsync();
        var (before, heir) = (group.Primary, group.Replicas[0]);
        var heard = new List<NodeState>();
        foreach (var node in group.Nodes) node.StateChanged += static (_, change) => throw new InvalidOperationException($"cannot stand {change.To}");
        heir.StateChanged += (_, change) => heard.Add(change.To);
        await before.TransferAsync(heir.Options.Name, cancellation: Cancellation);
        await group.AgreedAsync();
        await heir.Default.PutAsync(Utf8("k"), Utf8("v"), new CommitOptions { Durability = Durability.Full with { Acks = AckPolicy.All } }, Cancellation);
        Assert.Equal(NodeState.Following, before.State);
        Assert.Contains(NodeState.Primary, heard);
        Assert.Contains(heir.GetStatus().Warnings, static warning => warning.Contains("a handler of StateChanged threw InvalidOperationException: cannot stand Primary", StringComparison.Ordinal));
    }
}
