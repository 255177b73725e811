using Matchpoint.Node;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;
using Matchpoint.Storage;
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
/// <param name="OpenBytes">So many bytes of log a transaction's first piece may lie below its commit.</param>
/// <param name="Durable">The last record that it knows to be durable.</param>
/// <param name="Role">As what it feeds others: the term as whose primary it is confirmed, itself or through its feeder.</param>
internal sealed record CopyStock(DataDirectory Directory, IStateStore States, RecordLog Log, IState State, long OpenBytes, Func<Vlsn> Durable, Func<FeedingRole> Role);

/// <summary>How fast a node gives away what it holds.</summary>
/// <param name="Most">The operator's rate in bytes per second; null for as many as go.</param>
/// <param name="Pacing">Sees to it that commits do not pay for it.</param>
internal sealed record Outflow(long? Most, CopyPacing Pacing);

/// <summary>
/// Gives full copies of what this node holds to members that need one, one at a time: describes a picture, then sends the chunks that are asked for. Reads and writes go on meanwhile. On the primary
/// it also keeps the log for those that fetch a copy, from whomever.
/// </summary>
internal sealed class CopyDonor(CopyStock stock, Members members, NodeClock clock, Func<Guid> newId, Outflow outflow, LogRetention retention) : IDisposable
{
    /// <summary>The service's name.</summary>
    public const string Service = "REP_COPY";

    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly CopyPicture _picture = new(clock);
    private readonly KnownDigests _known = new();
    private readonly Lock _gate = new();
    private (NodeId Node, CancellationTokenSource Replaced)? _serving;

    /// <summary>Whether somebody is being served.</summary>
    public bool IsBusy => _turn.CurrentCount == 0;

    /// <summary>Serves one member, from its request until it has what it lacks, or needs no hold any more, or leaves.</summary>
    public async Task ServeAsync(Channel channel, CancellationToken stopping)
    {
        try
        {
            var frame = await channel.ReceiveAsync(Limits.MessageTimeout, stopping).ConfigureAwait(false);
            if (Opcodes.Of(frame.Span) == Opcode.HoldRequest)
            {
                await HoldAsync(channel, frame, stopping).ConfigureAwait(false);
                return;
            }

            var request = CopyRequest.Decode(frame.Span);
            if ((Admission.WhyNot(channel, request.Name) ?? WhyNot(request) ?? WhyNoCopy(request)) is { } refusal)
            {
                await channel.CloseAsync(GoodbyeCode.Refused, refusal).ConfigureAwait(false);
                return;
            }

            if (!await HasTurnAsync(request.Node, stopping).ConfigureAwait(false))
            {
                await channel.CloseAsync(GoodbyeCode.Busy, $"'{members.Self}' is copying to another member").ConfigureAwait(false);
                return;
            }

            using var replaced = CancellationTokenSource.CreateLinkedTokenSource(stopping);
            try
            {
                lock (_gate) _serving = (request.Node, replaced);
                await GiveAsync(channel, request, replaced.Token).ConfigureAwait(false);
            }
            finally
            {
                lock (_gate) _serving = null;
                _turn.Release();
            }
        }
        catch (OperationCanceledException) when (!stopping.IsCancellationRequested)
        {
            // The member came back over another connection before the loss of this one was seen.
            channel.Abort();
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
    public void Dispose()
    {
        _picture.Dispose();
        _turn.Dispose();
    }

    /// <summary>One member at a time. One that asks while it is being served has lost that connection.</summary>
    private async Task<bool> HasTurnAsync(NodeId node, CancellationToken stopping)
    {
        if (_turn.Wait(0, CancellationToken.None)) return true;
        lock (_gate)
        {
            if (_serving is not { } serving || serving.Node != node) return false;
            serving.Replaced.Cancel();
        }

        return await _turn.WaitAsync(Limits.MessageTimeout / 2, stopping).ConfigureAwait(false);
    }

    private string? WhyNot(in CopyRequest request)
    {
        var identity = stock.Directory.Identity;
        var term = stock.Role().Term;
        return request.Version != CopyRequest.CurrentVersion ? $"version {request.Version} of copies is asked for, and this node speaks {CopyRequest.CurrentVersion}"
            : request.Group != identity.Group ? $"'{request.Name}' belongs to group {request.Group}, this node to group {identity.Group}"
            : !members.Contains(request.Name) || request.Name == members.Self || request.Node == identity.Node ? $"'{request.Name}' ({request.Node}) is no other member of this group"
            : stock.Directory.IsArbiter ? $"'{members.Self}' is an arbiter: it has no data to give"
            : term == Term.None || term < request.Term ? $"this node follows no primary of term {request.Term} now"
            : null;
    }

    private string? WhyNoCopy(in CopyRequest request) => stock.Durable().Next < request.NeededFrom
        ? $"this node is itself behind: it knows of {stock.Durable()}, and a copy must reach up to the record before {request.NeededFrom}"
        : null;

    /// <summary>Keeps the log for a member, anew with every request, until it asks no more.</summary>
    private async Task HoldAsync(Channel channel, ReadOnlyMemory<byte> frame, CancellationToken stopping)
    {
        while (true)
        {
            var asker = HoldRequest.Decode(frame.Span).Asker;
            if ((Admission.WhyNot(channel, asker.Name) ?? WhyNot(asker) ?? (stock.Role().IsPrimary ? null : $"'{members.Self}' is not the primary, and keeps no log for others")) is { } refusal)
            {
                await channel.CloseAsync(GoodbyeCode.Refused, refusal).ConfigureAwait(false);
                return;
            }

            channel.Write(new HoldAnswer(retention.Hold(asker.Name, asker.NeededFrom), [.. retention.Donors(asker.Name).Take(byte.MaxValue)]));
            await channel.FlushAsync(Limits.MessageTimeout, stopping).ConfigureAwait(false);
            frame = await channel.ReceiveAsync(Limits.MessageTimeout, stopping).ConfigureAwait(false);
        }
    }

    private async Task GiveAsync(Channel channel, CopyRequest request, CancellationToken stopping)
    {
        var durable = Vlsn.Min(stock.Durable(), stock.Log.Appended.Vlsn);
        await stock.Log.WaitAsync(durable, FlushPolicy.Write, stopping).ConfigureAwait(false);
        var source = _picture.Take(request) ?? await BusyWork.RunAsync(
            channel, clock, token => CopySource.Create(stock.Directory, stock.States, stock.Log, stock.State, durable, newId(), token, _known, stock.OpenBytes), stopping).ConfigureAwait(false);
        var isDone = false;
        try
        {
            await GiveAsync(channel, source, stopping).ConfigureAwait(false);
        }
        catch (ChannelClosedException closed) when (closed.Goodbye?.Code == GoodbyeCode.Done)
        {
            isDone = true;
        }
        catch (DamageException)
        {
            isDone = true; // A picture that the disk has lost a part of serves nobody.
            _known.Forget();
            throw;
        }
        finally
        {
            if (isDone) source.Dispose();
            else _picture.Keep(source, request.Node);
        }
    }

    private async Task GiveAsync(Channel channel, CopySource source, CancellationToken stopping)
    {
        channel.Write(source.Offer);
        await channel.FlushAsync(Limits.MessageTimeout, stopping).ConfigureAwait(false);
        await SendChunksAsync(channel, source, clock, outflow, stopping).ConfigureAwait(false);
    }

    /// <summary>Sends the chunks of a picture that are asked for, until nobody asks any more: that ends in the channel's exception.</summary>
    internal static async Task SendChunksAsync(Channel channel, CopySource source, NodeClock clock, Outflow outflow, CancellationToken stopping)
    {
        CopyPacer? pacer = null;
        try
        {
            while (true)
            {
                var frame = await channel.ReceiveAsync(Limits.MessageTimeout, stopping).ConfigureAwait(false);
                if (Opcodes.Of(frame.Span) == Opcode.CopyBusy) continue; // It looks through what it has already.
                // The time before the first chunk is asked for is none that could be made up for.
                pacer ??= outflow.Pacing.Begin(outflow.Most);
                var length = Put(channel, source, ChunkRequest.Decode(frame.Span));
                var wait = outflow.Pacing.WaitFor(pacer, length);
                if (wait > TimeSpan.Zero) await Task.Delay(wait, clock.Time, stopping).ConfigureAwait(false);
                await channel.FlushAsync(Limits.MessageTimeout, stopping).ConfigureAwait(false);
            }
        }
        finally
        {
            if (pacer is not null) outflow.Pacing.End(pacer);
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
