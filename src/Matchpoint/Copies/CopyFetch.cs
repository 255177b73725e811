using Matchpoint.Node;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;
using Matchpoint.Storage;
using Matchpoint.Storage.Copies;
using Matchpoint.Storage.Log;
using Matchpoint.Storage.Rollbacks;
using Matchpoint.Storage.State;
using Matchpoint.Transport;

namespace Matchpoint.Copies;

/// <summary>
/// Fetches a full copy from one donor after another until it is whole, in the order that the primary names: the other replicas first, which have less to do, then itself. The primary keeps the log
/// behind the copy meanwhile, so that the stream can go on there. What was fetched is kept, whatever ends the attempt. The node serves what it holds.
/// </summary>
internal sealed class CopyFetch(RecordLog log, IStateStore states, Members members, NodeClock clock, MatchpointOptions options, INetwork network)
{
    /// <summary>So many chunks are asked for ahead of what has come.</summary>
    private const int Ahead = 8;

    private static readonly TimeSpan TellInterval = TimeSpan.FromMilliseconds(100);

    /// <summary>Hears how far it is.</summary>
    public Action<CopyProgress> Progressed { get; init; } = static _ => { };

    /// <summary>Fetches a copy; afterwards it is marked as whole, and takes the place of the old content when the directory is opened again.</summary>
    /// <param name="primary">The primary.</param>
    /// <param name="term">Its term.</param>
    /// <param name="neededFrom">The first record that the primary still keeps.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <returns>Null when the copy is whole; else why no donor gave it, in words.</returns>
    public async Task<string?> RunAsync(string primary, Term term, Vlsn neededFrom, CancellationToken cancellation)
    {
        var identity = log.Directory.Identity;
        var asker = new CopyRequest(CopyRequest.CurrentVersion, identity.Group, identity.Node, members.Self, term, neededFrom);
        try
        {
            var hold = await CopyHold.OpenAsync(token => ConnectAsync(primary, token), asker, clock, cancellation).ConfigureAwait(false);
            await using (hold.ConfigureAwait(false))
            {
                return await FromAnyAsync(hold, asker, cancellation).ConfigureAwait(false);
            }
        }
        catch (Exception error) when (!cancellation.IsCancellationRequested && error is ChannelException or ProtocolException)
        {
            return $"{primary} was asked to keep its log meanwhile: {error.Message}";
        }
    }

    private async Task<string?> FromAnyAsync(CopyHold hold, CopyRequest asker, CancellationToken cancellation)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, hold.Lost);
        var reasons = new List<string>();
        // The primary knows who the members are; an old log here may name others.
        foreach (var donor in hold.Donors.Where(name => name != members.Self))
        {
            try
            {
                while (!await FromAsync(donor, asker, hold, either.Token).ConfigureAwait(false))
                {
                    // The connection was lost in the middle: the donor has kept the picture, and the next donor's is another one.
                }

                return null;
            }
            catch (Exception error) when (!either.IsCancellationRequested
                && error is ChannelException or ConnectException or ProtocolException or StorageException or IOException or UnauthorizedAccessException)
            {
                reasons.Add($"{donor}: {error.Message}");
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested && hold.Lost.IsCancellationRequested)
            {
                return hold.WhyLost;
            }
        }

        return reasons.Count > 0 ? string.Join(" ", reasons) : "the primary knows of no member that could give one.";
    }

    private async ValueTask<Channel> ConnectAsync(string member, CancellationToken cancellation)
    {
        var channel = await network.ConnectAsync(members.AddressOf(member), options.ElectionTimeout * 2, clock.Time, cancellation, member).ConfigureAwait(false);
        channel.OpenService(CopyDonor.Service);
        return channel;
    }

    /// <summary>Fetches from one donor.</summary>
    /// <returns>Whether it is whole; else the connection was lost after some of it had come.</returns>
    private async Task<bool> FromAsync(string donor, CopyRequest asker, CopyHold hold, CancellationToken cancellation)
    {
        var channel = await ConnectAsync(donor, cancellation).ConfigureAwait(false);
        await using (channel.ConfigureAwait(false))
        {
            var neededFrom = hold.NeededFrom;
            channel.Write(asker with { NeededFrom = neededFrom });
            await channel.FlushAsync(Limits.MessageTimeout, cancellation).ConfigureAwait(false);
            channel.MaxFrameBytes = Limits.FrameBytes;
            var frame = await channel.ReceiveAsync(Limits.MessageTimeout, cancellation).ConfigureAwait(false);
            // The donor reads what it does not know of it for its digests first.
            while (Opcodes.Of(frame.Span) == Opcode.CopyBusy) frame = await channel.ReceiveAsync(Limits.MessageTimeout, cancellation).ConfigureAwait(false);
            var offer = TakeOffer(frame.Span, neededFrom);
            hold.NeededFrom = offer.Last.Next;
            using var target = await BusyWork.RunAsync(channel, clock, token => CopyTarget.Begin(log.Directory, offer, token), cancellation).ConfigureAwait(false);
            var had = target.Present;
            try
            {
                await ReceiveAsync(channel, donor, offer, target, cancellation).ConfigureAwait(false);
            }
            catch (ChannelException) when (target.Present > had && !cancellation.IsCancellationRequested)
            {
                return false;
            }

            await channel.CloseAsync(GoodbyeCode.Done, "").ConfigureAwait(false);
            await log.WaitAsync(log.Appended.Vlsn, FlushPolicy.Write, cancellation).ConfigureAwait(false);
            await Task.Run(() => target.Finish(states, ExportUndecided()), cancellation).ConfigureAwait(false);
            return true;
        }
    }

    private async Task ReceiveAsync(Channel channel, string donor, CopyOffer offer, CopyTarget target, CancellationToken cancellation)
    {
        var missing = target.Missing;
        var total = offer.TotalBytes;
        var (began, had, toldAt) = (clock.Now, target.Present, clock.Now - TellInterval);
        var asked = 0;
        var flush = new SteppedFlush(target);
        await using var flushing = flush.ConfigureAwait(false);
        for (var got = 0; got < missing.Count; got++)
        {
            var wanted = Math.Min(missing.Count, got + Ahead);
            if (asked <= got + (Ahead / 2))
            {
                for (; asked < wanted; asked++) channel.Write(new ChunkRequest((ushort)missing[asked].File, (ulong)missing[asked].Chunk));
                await channel.FlushAsync(Limits.MessageTimeout, cancellation).ConfigureAwait(false);
            }

            var frame = await channel.ReceiveAsync(Limits.MessageTimeout, cancellation).ConfigureAwait(false);
            Take(frame.Span, missing[got], target);
            await flush.WroteAsync().ConfigureAwait(false);
            var now = clock.Now;
            if (got + 1 < missing.Count && now - toldAt < TellInterval) continue;
            toldAt = now;
            Tell(donor, target.Present, total, target.Present - had, now - began);
        }

        await flush.EndAsync().ConfigureAwait(false);
        if (missing.Count == 0) Tell(donor, target.Present, total, 0, TimeSpan.Zero);
    }

    /// <summary>Reads an offer, and sees to it that the stream can go on behind it.</summary>
    /// <exception cref="ProtocolException">It is none, or it ends too early.</exception>
    internal static CopyOffer TakeOffer(ReadOnlySpan<byte> frame, Vlsn neededFrom)
    {
        var offer = CopyOffer.Decode(frame);
        if (offer.Last.Value == long.MaxValue) throw new ProtocolException(nameof(CopyOffer), "last", "a record that another one can follow", $"{offer.Last}");
        return offer.Last.Next >= neededFrom ? offer : throw new ProtocolException(nameof(CopyOffer), "last", $"{neededFrom.Previous} or more", $"{offer.Last}");
    }

    /// <summary>Takes in the chunk that comes next.</summary>
    /// <exception cref="ProtocolException">It is another one, or not what was offered.</exception>
    internal static void Take(ReadOnlySpan<byte> frame, (int File, int Chunk) wanted, CopyTarget target)
    {
        var chunk = Chunk.Decode(frame);
        if (chunk.File != wanted.File || chunk.Index != (ulong)wanted.Chunk)
            throw new ProtocolException(nameof(Chunk), "chunk", $"{wanted.Chunk} of file {wanted.File}", $"{chunk.Index} of file {chunk.File}");
        target.Write(wanted.File, wanted.Chunk, chunk.Bytes);
    }

    private void Tell(string donor, long present, long total, long fetched, TimeSpan time)
    {
        var rate = time > TimeSpan.Zero ? fetched / time.TotalSeconds : 0;
        Progressed(new CopyProgress(donor, present, total, rate, rate > 0 ? TimeSpan.FromSeconds((total - present) / rate) : null));
    }

    /// <summary>
    /// What this log holds and is not known to be durable goes with it: nobody else may have it. It is exported like everything that is undone.
    /// </summary>
    private string ExportUndecided()
    {
        using var view = log.View();
        if (view.Last.IsNull) return "";
        var from = Vlsn.Max(log.Durable, view.First.Previous);
        var counts = view.CountAbove(from);
        if (counts.Commits == 0) return "";
        return RollbackExporter.Write(log.Directory, view, new RollbackHeader
        {
            Group = log.Directory.Identity.Group,
            Node = log.Directory.Identity.Node,
            Matchpoint = from,
            Last = view.Last,
            LastFingerprint = view.End.Fingerprint,
            Records = counts.Records,
            Commits = counts.Commits,
            Acknowledged = counts.UnconditionalCommits,
            Row = 5,
            Reason = "a full copy takes the place of this log; whether the group has these is not known here",
            ExportedAt = clock.Time.GetUtcNow(),
        }, refused: false);
    }
}
