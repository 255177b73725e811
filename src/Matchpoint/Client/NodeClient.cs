using System.Text.Json;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Messages;
using Matchpoint.Transport;

namespace Matchpoint.Client;

/// <summary>The node answered that it could not be done.</summary>
internal sealed class ClientException(ClientError error) : MatchpointException(error.Message)
{
    /// <summary>What the node said.</summary>
    public ClientError Error { get; } = error;
}

/// <summary>A client of one node's service. For one request at a time.</summary>
internal sealed class NodeClient : IAsyncDisposable
{
    private readonly Channel _channel;

    private NodeClient(Channel channel, Endpoint endpoint)
    {
        _channel = channel;
        Endpoint = endpoint;
    }

    /// <summary>The node.</summary>
    public Endpoint Endpoint { get; }

    /// <summary>The connection, for requests whose answer goes on beyond its JSON.</summary>
    public Channel Channel => _channel;

    /// <summary>Connects to a node.</summary>
    /// <exception cref="ConnectException">There is no connection.</exception>
    /// <exception cref="PeerRefusedException">It is no node of the group.</exception>
    public static async Task<NodeClient> ConnectAsync(Endpoint endpoint, TimeSpan timeout, CancellationToken cancellation, IConnectionSecurity? security = null)
    {
        var channel = await TcpChannels.ConnectAsync(endpoint, timeout, TimeProvider.System, cancellation, security).ConfigureAwait(false);
        channel.MaxFrameBytes = Limits.FrameBytes;
        channel.OpenService(ClientService.Name);
        return new NodeClient(channel, endpoint);
    }

    /// <summary>Connects a node to another member of its group, the way that it connects to members.</summary>
    /// <exception cref="ConnectException">There is no connection.</exception>
    /// <exception cref="PeerRefusedException">Somebody else listens there.</exception>
    public static async Task<NodeClient> ConnectAsync(MatchpointNode from, string member, TimeSpan timeout, CancellationToken cancellation)
    {
        var endpoint = from.Core.Members.AddressOf(member);
        var channel = await from.Core.Network.ConnectAsync(endpoint, timeout, from.Options.Time, cancellation, member).ConfigureAwait(false);
        channel.MaxFrameBytes = Limits.FrameBytes;
        channel.OpenService(ClientService.Name);
        return new NodeClient(channel, endpoint);
    }

    /// <summary>Asks, and gives the one answer.</summary>
    /// <exception cref="ClientException">The node said that it could not be done.</exception>
    public async Task<ClientAnswer> AskAsync(ClientRequest request, TimeSpan timeout, CancellationToken cancellation)
    {
        await SendAsync(request, cancellation).ConfigureAwait(false);
        return await ReceiveAsync(timeout, cancellation).ConfigureAwait(false);
    }

    /// <summary>Asks for what the node has to work for first: it says so all the while, and is waited for as long as it does.</summary>
    /// <exception cref="ClientException">The node said that it could not be done.</exception>
    public async Task<ClientAnswer> AskForWorkAsync(ClientRequest request, TimeSpan timeout, CancellationToken cancellation)
    {
        await SendAsync(request with { MayBeBusy = true }, cancellation).ConfigureAwait(false);
        ReadOnlyMemory<byte> frame;
        do
        {
            frame = await _channel.ReceiveAsync(timeout, cancellation).ConfigureAwait(false);
        }
        while (Opcodes.Of(frame.Span) == Opcode.CopyBusy);
        return Read(frame);
    }

    /// <summary>Asks, and gives every part of the answer.</summary>
    /// <exception cref="ClientException">The node said that it could not be done.</exception>
    public async IAsyncEnumerable<ClientAnswer> AskManyAsync(
        ClientRequest request, TimeSpan timeout, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
    {
        await SendAsync(request, cancellation).ConfigureAwait(false);
        while (true)
        {
            var answer = await ReceiveAsync(timeout, cancellation).ConfigureAwait(false);
            yield return answer;
            if (answer.IsLast) yield break;
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _channel.CloseAsync(GoodbyeCode.Done, "");

    private async ValueTask SendAsync(ClientRequest request, CancellationToken cancellation)
    {
        var json = JsonSerializer.SerializeToUtf8Bytes(request, ClientJson.Default.ClientRequest);
        var frame = new byte[1 + json.Length];
        frame[0] = (byte)Opcode.ClientRequest;
        json.CopyTo(frame, 1);
        await _channel.SendAsync(frame, Limits.MessageTimeout, cancellation).ConfigureAwait(false);
    }

    private async ValueTask<ClientAnswer> ReceiveAsync(TimeSpan timeout, CancellationToken cancellation)
    {
        return Read(await _channel.ReceiveAsync(timeout, cancellation).ConfigureAwait(false));
    }

    /// <summary>Reads an answer.</summary>
    /// <exception cref="ClientException">The node said that it could not be done.</exception>
    internal static ClientAnswer Read(ReadOnlyMemory<byte> frame)
    {
        if (frame.Span[0] != (byte)Opcode.ClientAnswer) throw new ProtocolException("client", "opcode", $"{(byte)Opcode.ClientAnswer}", $"{frame.Span[0]}");
        ClientAnswer? answer;
        try
        {
            answer = JsonSerializer.Deserialize(frame.Span[1..], ClientJson.Default.ClientAnswer);
        }
        catch (JsonException error)
        {
            throw new ProtocolException("client", "answer", "JSON", error.Message);
        }

        return answer is null ? throw new ProtocolException("client", "answer", "an object", "null")
            : answer.Error is { } failed ? throw new ClientException(failed)
            : answer;
    }
}
