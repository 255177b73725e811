using Matchpoint.Copies;
using Matchpoint.Node;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;
using Matchpoint.Tests.Syncup;
using Matchpoint.Transport;

namespace Matchpoint.Tests.Node;

/// <summary>Who needs a full copy asks those that the primary names, in its order: an old log names members that may have gone, and does not name those that came since.</summary>
public class CopyDonorsTests
{
    private static readonly Term Reign = new(7);

    [Fact]
    public async Task The_donors_that_the_primary_names_are_asked_in_its_order_and_not_those_of_the_own_log()
    {
        var asked = new List<string>();
        using var replica = new TestNode("r").Write("t1 a");
        await using var primary = await ServeAsync("p", asked, donors: ["z", "r", "d", "p"]);
        await using var gone = await ServeAsync("o", asked);
        await using var first = await ServeAsync("z", asked);
        await using var second = await ServeAsync("d", asked);
        var options = new MatchpointOptions
        {
            Directory = "r",
            Name = "r",
            ElectionTimeout = TimeSpan.FromSeconds(20),
            Members = [new GroupMember("o", gone.LocalEndpoint.ToString()), new GroupMember("p", primary.LocalEndpoint.ToString()), new GroupMember("r", "127.0.0.1:2")],
            Routes = new Dictionary<string, string> { ["d"] = second.LocalEndpoint.ToString(), ["z"] = first.LocalEndpoint.ToString() },
        };
        var fetch = new CopyFetch(replica.Log, NodeParts.Real.States(options), new Members(options), new NodeClock(TimeProvider.System), options, TcpNetwork.Instance);

        var why = await fetch.RunAsync("p", Reign, Vlsn.Of(1), TestContext.Current.CancellationToken).WaitAsync(Meeting.Patience, TestContext.Current.CancellationToken);

        lock (asked) Assert.Equal(["z", "d", "p"], asked);
        Assert.Contains("z has no copy to give", why, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_not_durable_yet_is_in_no_copy()
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using var group = await TestGroup.StartAsync(change: static options => options with { ElectionTimeout = TimeSpan.FromSeconds(20) });
        await group.Primary.Default.PutAsync("k"u8.ToArray(), "v"u8.ToArray(), cancellation: cancellation);
        await group.AgreedAsync();
        var (primary, asker) = (group.Primary, group.Replicas[0].Options.Name);
        foreach (var replica in group.Replicas) await group.StopAsync(replica.Options.Name);
        var alone = new CommitOptions { Durability = Durability.Full with { Acks = AckPolicy.None } };
        await primary.Default.PutAsync("undecided"u8.ToArray(), "v"u8.ToArray(), alone, cancellation);
        var durable = primary.Core.Progress.Durable;
        Assert.True(durable < primary.Core.Log.Appended.Vlsn);

        await using var channel = await TcpNetwork.Instance.ConnectAsync(Endpoint.Parse(primary.Address!), Meeting.Patience, TimeProvider.System, cancellation, primary.Options.Name);
        channel.OpenService(CopyDonor.Service);
        var identity = primary.Core.Log.Directory.Identity;
        channel.Write(new CopyRequest(CopyRequest.CurrentVersion, identity.Group, new NodeId(Guid.NewGuid()), asker, primary.Core.Elections.Term, Vlsn.Of(1)));
        await channel.FlushAsync(Meeting.Patience, cancellation);
        ReadOnlyMemory<byte> frame;
        do frame = await channel.ReceiveAsync(Meeting.Patience, cancellation);
        while (Opcodes.Of(frame.Span) != Opcode.CopyOffer);
        Assert.Equal(durable, CopyOffer.Decode(frame.Span).Last);
    }

    /// <summary>A member that notes when it is asked for a copy, and gives none; with donors to name it is a primary, and keeps its log.</summary>
    private static ValueTask<ServiceListener> ServeAsync(string name, List<string> asked, params string[] donors)
    {
        var services = new Dictionary<string, ServiceHandler>
        {
            [CopyDonor.Service] = async (channel, stopping) =>
            {
                var frame = await channel.ReceiveAsync(Meeting.Patience, stopping);
                while (Opcodes.Of(frame.Span) == Opcode.HoldRequest)
                {
                    channel.Write(new HoldAnswer(Vlsn.Of(1), [.. donors]));
                    await channel.FlushAsync(Meeting.Patience, stopping);
                    frame = await channel.ReceiveAsync(Meeting.Patience, stopping);
                }

                lock (asked) asked.Add(name);
                await channel.CloseAsync(GoodbyeCode.Refused, $"{name} has no copy to give");
            },
        };
        return ServiceListener.StartAsync(new Endpoint("127.0.0.1", 0), services, static (_, _) => { });
    }
}
