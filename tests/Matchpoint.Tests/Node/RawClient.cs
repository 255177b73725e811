using System.Text.Json;
using Matchpoint.Client;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Messages;
using Matchpoint.Transport;

namespace Matchpoint.Tests.Node;

/// <summary>A client of a node's service that says what it is told to, byte for byte: also what the tool would never say.</summary>
internal sealed class RawClient : IAsyncDisposable
{
    private readonly Channel _near;
    private readonly Task _serving;

    /// <summary>A client of a node, over pipes in memory.</summary>
    public RawClient(MatchpointNode node)
    {
        (_near, var far) = MemoryChannels.CreatePair(TimeProvider.System);
        _near.MaxFrameBytes = Limits.FrameBytes;
        var services = new Dictionary<string, ServiceHandler> { [ClientService.Name] = new ClientService(node).ServeAsync };
        _near.OpenService(ClientService.Name);
        _serving = new ServiceDispatcher(services, static (_, _) => { }).ServeAsync(far, Eventually.Patience, static () => { }, CancellationToken.None);
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>Says something, and gives the first answer.</summary>
    public async Task<ClientAnswer> AskAsync(string json)
    {
        await _near.SendAsync((byte[])[(byte)Opcode.ClientRequest, .. System.Text.Encoding.UTF8.GetBytes(json)], Eventually.Patience, Cancellation);
        return await NextAsync();
    }

    /// <summary>The next answer.</summary>
    public async Task<ClientAnswer> NextAsync()
    {
        var frame = await _near.ReceiveAsync(Eventually.Patience, Cancellation);
        Assert.Equal((byte)Opcode.ClientAnswer, frame.Span[0]);
        return JsonSerializer.Deserialize(frame.Span[1..], ClientJson.Default.ClientAnswer)!;
    }

    /// <summary>Leaves, and waits until the node has seen it.</summary>
    public async ValueTask DisposeAsync()
    {
        await _near.CloseAsync(GoodbyeCode.Done, "");
        await _serving.WaitAsync(Eventually.Patience);
    }
}
