using Matchpoint.Node;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;
using Matchpoint.Storage.Copies;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Log;
using Matchpoint.Storage.State;
using Matchpoint.Syncup;
using Matchpoint.Transport;

namespace Matchpoint.Copies;

/// <summary>What a donor of full copies gives away, and as what.</summary>
/// <param name="Directory">The node's directory.</param>
/// <param name="States">The kind of its state.</param>
/// <param name="Log">Its log.</param>
/// <param name="State">Its state.</param>
/// <param name="Durable">The last record that it knows to be durable.</param>
/// <param name="Term">The term as whose primary it is confirmed, itself or through its feeder; none when it is not.</param>
internal sealed record CopyStock(DataDirectory Directory, IStateStore States, RecordLog Log, IState State, Func<Vlsn> Durable, Func<Term> Term);

/// <summary>
/// Gives full copies of what this node holds to members that need one, one at a time: describes a picture, then sends the chunks that are asked for. Reads and writes go on meanwhile.
/// </summary>
internal sealed class CopyDonor(CopyStock stock, Members members, NodeClock clock, Func<Guid> newId, long? bytesPerSecond) : IDisposable
{
    /// <summary>The service's name.</summary>
    public const string Service = "REP_COPY";

    private readonly SemaphoreSlim _turn = new(1, 1);

    /// <summary>Whether somebody is being served.</summary>
    public bool IsBusy => _turn.CurrentCount == 0;

    /// <summary>Serves one member, from its request until it has what it lacks or leaves.</summary>
    public async Task ServeAsync(Channel channel, CancellationToken stopping)
    {
        try
        {
            var request = CopyRequest.Decode((await channel.ReceiveAsync(Limits.MessageTimeout, stopping).ConfigureAwait(false)).Span);
            if ((Admission.WhyNot(channel, request.Name) ?? WhyNot(request)) is { } refusal)
            {
                await channel.CloseAsync(GoodbyeCode.Refused, refusal).ConfigureAwait(false);
                return;
            }

            if (!_turn.Wait(0, CancellationToken.None))
            {
                await channel.CloseAsync(GoodbyeCode.Busy, $"'{members.Self}' is copying to another member").ConfigureAwait(false);
                return;
            }

            try
            {
                await GiveAsync(channel, stopping).ConfigureAwait(false);
            }
            finally
            {
                _turn.Release();
            }
        }
        catch (ChannelClosedException)
        {
            // It has all that it lacked, or went: then it comes back.
        }
        catch (Exception error)
        {
            await SessionFailure.CloseAsync(channel, error).ConfigureAwait(false);
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _turn.Dispose();

    private string? WhyNot(in CopyRequest request)
    {
        var identity = stock.Directory.Identity;
        var term = stock.Term();
        return request.Version != CopyRequest.CurrentVersion ? $"version {request.Version} of copies is asked for, and this node speaks {CopyRequest.CurrentVersion}"
            : request.Group != identity.Group ? $"'{request.Name}' belongs to group {request.Group}, this node to group {identity.Group}"
            : !members.Contains(request.Name) || request.Name == members.Self || request.Node == identity.Node ? $"'{request.Name}' ({request.Node}) is no other member of this group"
            : stock.Directory.IsArbiter ? $"'{members.Self}' is an arbiter: it has no data to give"
            : term == Term.None || term < request.Term ? $"this node follows no primary of term {request.Term} now"
            : stock.Durable().Next < request.NeededFrom ? $"this node is itself behind: it knows of {stock.Durable()}, and a copy must reach up to the record before {request.NeededFrom}"
            : null;
    }

    private async Task GiveAsync(Channel channel, CancellationToken stopping)
    {
        var durable = Vlsn.Min(stock.Durable(), stock.Log.Appended.Vlsn);
        await stock.Log.WaitAsync(durable, FlushPolicy.Write, stopping).ConfigureAwait(false);
        using var source = await Task.Run(() => CopySource.Create(stock.Directory, stock.States, stock.Log, stock.State, durable, newId(), stopping), stopping).ConfigureAwait(false);
        channel.Write(source.Offer);
        await channel.FlushAsync(Limits.MessageTimeout, stopping).ConfigureAwait(false);
        await SendChunksAsync(channel, source, clock, bytesPerSecond, stopping).ConfigureAwait(false);
    }

    /// <summary>Sends the chunks of a picture that are asked for, until nobody asks any more: that ends in the channel's exception.</summary>
    internal static async Task SendChunksAsync(Channel channel, CopySource source, NodeClock clock, long? bytesPerSecond, CancellationToken stopping)
    {
        var nextAt = clock.Now;
        while (true)
        {
            var request = ChunkRequest.Decode((await channel.ReceiveAsync(Limits.MessageTimeout, stopping).ConfigureAwait(false)).Span);
            var length = Put(channel, source, request);
            if (bytesPerSecond is { } most)
            {
                // What was not used in a pause is not made up for: more than the rate never goes, over any time.
                var now = clock.Now;
                nextAt = (nextAt > now ? nextAt : now) + TimeSpan.FromSeconds((double)length / most);
                if (nextAt > now) await Task.Delay(nextAt - now, clock.Time, stopping).ConfigureAwait(false);
            }

            await channel.FlushAsync(Limits.MessageTimeout, stopping).ConfigureAwait(false);
        }
    }

    private static int Put(Channel channel, CopySource source, in ChunkRequest request)
    {
        if (request.File >= source.Offer.Files.Length)
            throw new ProtocolException(nameof(ChunkRequest), "file", $"below {source.Offer.Files.Length}", $"{request.File}");
        var file = source.Offer.Files[request.File];
        if (request.Chunk >= (ulong)file.Chunks.Length)
            throw new ProtocolException(nameof(ChunkRequest), "chunk", $"below {file.Chunks.Length}", $"{request.Chunk}");
        var length = Chunk.HeadSize + file.LengthOf((int)request.Chunk);
        var frame = channel.GetFrame(length);
        Chunk.EncodeHead(frame, request.File, request.Chunk);
        source.Read(request.File, (int)request.Chunk, frame[Chunk.HeadSize..]);
        channel.CommitFrame(length);
        return length;
    }
}
