using System.Text;
using System.Text.Json;
using Matchpoint.Client;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Messages;
using Matchpoint.Transport;

namespace Matchpoint.Fuzz.Targets;

/// <summary>
/// The frames of the tool's service. A node takes any bytes: what is no request ends the connection as the fault of whoever sent it; what is one is answered, with what was asked or with a refusal in
/// words, whatever its fields are, and the next one on the connection as well. And what a tool takes for an answer is one, a refusal, or the fault of the node. The first byte says which of them.
/// </summary>
internal sealed class ClientServiceTarget : IFuzzTarget
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly byte[] Known = [(byte)Opcode.ClientRequest, .. """{"op":"status"}"""u8];
    private static readonly LoneNode Node = new();

    /// <inheritdoc/>
    public string Name => "service";

    /// <inheritdoc/>
    public IEnumerable<byte[]> Seeds =>
    [
        Request("""{"op":"get","key":"YQ==","level":"at-least","token":"1.3"}"""), Request("""{"op":"get","database":"d","key":"YQ==","level":"max-lag","lagMilliseconds":500}"""),
        Request("""{"op":"scan","key":"YQ==","to":"eg==","reverse":true,"limit":3,"level":"linearizable"}"""), Request("""{"op":"scan","limit":-1,"level":"local"}"""),
        Request("""{"op":"transact","conditions":[{"key":"YQ==","expected":null}],"operations":[{"kind":"Put","key":"YQ==","value":"MQ=="}],"acks":"All","timeoutMilliseconds":500}"""),
        Request("""{"op":"transact","operations":[{"kind":"DeleteRange","database":"d","databaseNumber":-1,"key":"YQ==","value":"eg=="},{"kind":"Delete","databaseNumber":0,"key":"YQ=="}]}"""),
        Request("""{"op":"transact","conditions":[null],"operations":[null],"acks":0}"""), Request("""{"op":"transact","conditions":null,"operations":[{"kind":1,"key":null}],"acks":7}"""),
        Request("""{"op":"reapply","since":0,"own":[2],"operations":[{"kind":"Put","databaseNumber":65535,"key":"YQ==","value":"MQ=="}]}"""),
        Request("""{"op":"reapply","since":-1,"own":null,"operations":[{"kind":"Put","database":"e","key":"YQ==","value":null}]}"""),
        Request("""{"op":"watch","token":"0.1","database":"d"}"""), Request("""{"op":"watch","token":"1.9223372036854775807"}"""), Request("""{"op":"status"}"""), Request("""{"op":"overview"}"""),
        Request("""{"op":"journal"}"""), Request("""{"op":"digest"}"""), Request("""{"op":"export","export":"../ballot"}"""), Request("""{"op":"export","export":"undo-1-2-3.jsonl"}"""),
        Request("""{"op":"backup","mayBeBusy":true}"""), Request("""{"op":"members-add","member":{"name":"b","address":"h:1","kind":"Voter","priority":1,"isDesignated":false}}"""),
        Request("""{"op":"members-set","member":{"name":null,"address":null,"kind":9,"priority":-1}}"""), Request("""{"op":"members-remove","name":"b"}"""), Request("""{"op":null}"""),
        Request("""{"op":"transfer","name":"b","timeoutMilliseconds":20}"""), Request("null"), Request("{}"), [0, (byte)Opcode.ClientAnswer, (byte)'{', (byte)'}'], [0, (byte)Opcode.CopyBusy],
        Answer("""{"isLast":false,"items":[{"key":"YQ==","value":"MQ=="},null]}"""), Answer("""{"error":{"kind":"not-primary","message":"m","primary":"b","address":"h:1","token":null}}"""),
        Answer("""{"found":true,"value":"MQ==","token":"1.2","changes":{"token":"1.2","time":"2026-01-01T00:00:00Z","operations":[{"kind":"Put","key":"YQ=="}],"isWhole":true}}"""),
        Answer("""{"error":{}}"""), Answer("null"), Answer("""{"conflicts":["c",null],"digest":"d","backup":{}}"""), [1, (byte)Opcode.CopyBusy],
    ];

    /// <inheritdoc/>
    public void Run(ReadOnlySpan<byte> input)
    {
        // No connection brings an empty frame.
        if (input.Length < 2) return;
        byte[] frame = [.. input[1..]];
        if (input[0] % 2 == 0) AskAsync(frame).GetAwaiter().GetResult();
        else Take(frame);
    }

    private static void Take(byte[] frame)
    {
        try
        {
            NodeClient.Read(frame);
        }
        catch (ClientException refused)
        {
            Invariant.Holds(frame[0] == (byte)Opcode.ClientAnswer && refused.Error is not null, "a refusal says nothing.");
        }
        catch (ProtocolException)
        {
            // The node's fault.
        }
    }

    private static async Task AskAsync(byte[] frame)
    {
        var node = await Node.OpenAsync().ConfigureAwait(false);
        var request = TryRead(frame);
        var (near, far) = MemoryChannels.CreatePair(TimeProvider.System);
        near.MaxFrameBytes = Limits.FrameBytes;
        var serving = ServeAsync(node, far);
        try
        {
            await near.SendAsync(frame, Patience, CancellationToken.None).ConfigureAwait(false);
            // Whoever watches hears of changes until it says something more.
            if (request?.Op == "watch") await near.SendAsync(Known, Patience, CancellationToken.None).ConfigureAwait(false);
            await near.SendAsync(Known, Patience, CancellationToken.None).ConfigureAwait(false);
            var isAnswered = await ListenAsync(near, request).ConfigureAwait(false);
            Invariant.Holds(isAnswered, $"{request} has no answer.");
        }
        catch (ChannelClosedException) when (request is null || request.Op == "backup")
        {
            // It was no request, or the connection was to bring chunks.
        }

        await near.CloseAsync(GoodbyeCode.Done, "").ConfigureAwait(false);
        var error = await serving.WaitAsync(Patience).ConfigureAwait(false);
        // Of what a client sends no other error comes: each one else is told to the operator as a mistake of this software.
        Invariant.Holds(error is null or ProtocolException || (request?.Op == "backup" && error is ChannelException), $"{Encoding.Latin1.GetString(frame)} ended a session with {error}");
        Invariant.Holds(request is not null || error is ProtocolException, $"{Encoding.Latin1.GetString(frame)} is no request, and was taken for one.");
    }

    /// <summary>Takes answers up to that of the request that is known.</summary>
    /// <returns>Whether what was asked before had one, too.</returns>
    private static async Task<bool> ListenAsync(Channel near, ClientRequest? request)
    {
        var isAnswered = request?.Op is "watch" or "status";
        while (true)
        {
            var frame = await near.ReceiveAsync(Patience, CancellationToken.None).ConfigureAwait(false);
            if (request?.Op == "backup" && frame.Span[0] != (byte)Opcode.ClientAnswer) continue;
            try
            {
                var answer = NodeClient.Read(frame);
                if (answer.Status is not null) return isAnswered;
                isAnswered |= answer.IsLast;
            }
            catch (ClientException refused)
            {
                Invariant.Holds(refused.Error.Kind.Length > 0 && refused.Error.Message.Length > 0, $"{request} is refused without a word.");
                isAnswered = true;
            }
        }
    }

    private static async Task<Exception?> ServeAsync(MatchpointNode node, Channel far)
    {
        try
        {
            await new ClientService(node).ServeAsync(far, CancellationToken.None).ConfigureAwait(false);
            await far.CloseAsync(GoodbyeCode.Done, "").ConfigureAwait(false);
            return null;
        }
        catch (Exception error)
        {
            await far.CloseAsync(GoodbyeCode.ProtocolFault, error.Message).ConfigureAwait(false);
            return error;
        }
    }

    private static ClientRequest? TryRead(byte[] frame)
    {
        if (frame[0] != (byte)Opcode.ClientRequest) return null;
        try
        {
            return JsonSerializer.Deserialize(frame.AsSpan(1), ClientJson.Default.ClientRequest);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static byte[] Request(string json) => [0, (byte)Opcode.ClientRequest, .. Encoding.UTF8.GetBytes(json)];

    private static byte[] Answer(string json) => [1, (byte)Opcode.ClientAnswer, .. Encoding.UTF8.GetBytes(json)];
}
