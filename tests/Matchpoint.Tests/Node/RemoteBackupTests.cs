using System.Text.Json;
using Matchpoint.Backups;
using Matchpoint.Client;
using Matchpoint.Protocol.Messages;
using Matchpoint.Transport;

namespace Matchpoint.Tests.Node;

/// <summary>What a client does that takes a backup over the network, whatever the node says.</summary>
public class RemoteBackupTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_node_that_says_that_it_reads_for_its_digests_is_waited_for()
    {
        var asked = new TaskCompletionSource<ClientRequest?>(TaskCreationOptions.RunContinuationsAsynchronously);
        var services = new Dictionary<string, ServiceHandler>
        {
            [ClientService.Name] = async (channel, stopping) =>
            {
                var frame = await channel.ReceiveAsync(Eventually.Patience, stopping);
                asked.TrySetResult(JsonSerializer.Deserialize(frame.Span[1..], ClientJson.Default.ClientRequest));
                for (var i = 0; i < 3; i++) channel.Write(default(CopyBusy));
                var json = JsonSerializer.SerializeToUtf8Bytes(new ClientAnswer { Error = new ClientError("failed", "it holds nothing", null, null, null) }, ClientJson.Default.ClientAnswer);
                await channel.SendAsync((byte[])[(byte)Opcode.ClientAnswer, .. json], Eventually.Patience, stopping);
            },
        };
        using var backups = new Backups();
        await using var listener = await ServiceListener.StartAsync(new Endpoint("127.0.0.1", 0), services, static (_, _) => { });
        await using var client = await NodeClient.ConnectAsync(listener.LocalEndpoint, Eventually.Patience, Cancellation);
        var refused = await Assert.ThrowsAsync<ClientException>(() => RemoteBackup.TakeAsync(client, backups.Path, "a test", null, Cancellation));
        Assert.Equal("it holds nothing", refused.Message);
        Assert.Equal("backup", (await asked.Task)?.Op);
    }
}
