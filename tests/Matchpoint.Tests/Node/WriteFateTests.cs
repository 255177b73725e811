using Matchpoint.Client;
using Matchpoint.Transport;
using static Matchpoint.Tests.Node.TestGroup;

namespace Matchpoint.Tests.Node;

/// <summary>What becomes of writes when members or clients are gone: rows of docs/guarantees.md that no other test shows whole.</summary>
public sealed class WriteFateTests
{
    private static readonly CommitOptions ByAll = new() { Durability = Durability.Full with { Acks = AckPolicy.All } };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task With_one_replica_away_majority_goes_through_and_all_waits_for_it()
    {
        await using var group = await StartAsync();
        var primary = group.Primary;
        var away = group.Replicas[0].Options.Name;
        await group.StopAsync(away);
        await primary.Default.PutAsync(Utf8("majority"), Utf8("v"), cancellation: Cancellation);
        var error = await Assert.ThrowsAsync<InsufficientAcksException>(async () => await primary.Default.PutAsync(
            Utf8("all"), Utf8("v"), ByAll with { Timeout = TimeSpan.FromMilliseconds(300) }, Cancellation));
        Assert.Contains("outcome is unknown", error.Message, StringComparison.Ordinal);

        await group.StartAsync(away);
        await group.AgreedAsync();
        await primary.Default.PutAsync(Utf8("back"), Utf8("v"), ByAll, Cancellation);

        // What was unknown was never undone: it had been on its way to a majority all the time.
        var keys = await group[away].Default.ScanAsync(level: ReadLevel.Linearizable, cancellation: Cancellation).Select(item => item.KeyText).ToListAsync(Cancellation);
        Assert.Equal(["all", "back", "majority"], keys);
    }

    [Fact]
    public async Task The_last_of_three_serves_durable_reads_and_takes_no_writes_until_another_is_back()
    {
        await using var group = await StartAsync();
        await group.Primary.Default.PutAsync(Utf8("k"), Utf8("v"), cancellation: Cancellation);
        await group.AgreedAsync();
        var last = group.Replicas[0];
        var (other, primary) = (group.Replicas[1].Options.Name, group.Primary.Options.Name);

        // At once, so that nothing is handed over to the one that is left.
        group.Links(primary, link => link.Cut());
        group.Links(last.Options.Name, link => link.Cut());
        await group.StopAsync(primary);
        await group.StopAsync(other);
        await Eventually.HoldsAsync(() => last.State == NodeState.Electing, "it finds itself alone");
        Assert.Equal("v", Text(await last.Default.GetAsync(Utf8("k"), ReadLevel.Durable, Cancellation)));
        await Assert.ThrowsAsync<NotPrimaryException>(async () => await last.Default.PutAsync(Utf8("k"), Utf8("alone"), cancellation: Cancellation));

        group.Links(last.Options.Name, link => link.Heal());
        await group.StartAsync(other);
        await group.SettledAsync();
        await group.Primary.Default.PutAsync(Utf8("k"), Utf8("two"), cancellation: Cancellation);
    }

    [Fact]
    public async Task A_client_that_dies_before_its_answer_may_find_its_write_gone_through()
    {
        await using var group = await StartAsync(change: options => options with { ElectionTimeout = TimeSpan.FromSeconds(20) });
        var primary = group.Primary;
        var before = primary.GetStatus().Last;

        // No acknowledgement comes, so no answer goes before the client is gone.
        foreach (var replica in group.Replicas) group.Links(replica.Options.Name, link => link.Hang());
        await using var client = await NodeClient.ConnectAsync(Endpoint.Parse(primary.Address!), Eventually.Patience, Cancellation);
        var put = new ClientOperation(ChangeKind.Put, null, -1, "k"u8.ToArray(), "v"u8.ToArray());
        var asking = client.AskAsync(new ClientRequest { Op = "transact", Operations = [put] }, Eventually.Patience, Cancellation);
        await Eventually.HoldsAsync(() => primary.GetStatus().Last > before, "the commit in the primary's log");
        Assert.True(primary.GetStatus().Durable <= before);
        client.Channel.Abort();
        await Assert.ThrowsAnyAsync<ChannelException>(() => asking);

        foreach (var replica in group.Replicas) group.Links(replica.Options.Name, link => link.Heal());
        await group.AgreedAsync();
        Assert.Equal("v", Text(await primary.Default.GetAsync(Utf8("k"), ReadLevel.Linearizable, Cancellation)));
    }
}
