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
/// Fetches a full copy from one donor after another until it is whole: from the other replicas first, which have less to do, then from the primary. What was fetched of it is kept, whatever
/// ends the attempt. The node serves what it holds meanwhile.
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
        var reasons = new List<string>();
        foreach (var donor in members.Others.Where(name => name != primary).Append(primary))
        {
            try
            {
                await FromAsync(donor, term, neededFrom, cancellation).ConfigureAwait(false);
                return null;
            }
            catch (Exception error) when (!cancellation.IsCancellationRequested
                && error is ChannelException or ConnectException or ProtocolException or StorageException or IOException or UnauthorizedAccessException)
            {
                reasons.Add($"{donor}: {error.Message}");
            }
        }

        return string.Join(" ", reasons);
    }

    private async Task FromAsync(string donor, Term term, Vlsn neededFrom, CancellationToken cancellation)
    {
        var channel = await network.ConnectAsync(members.AddressOf(donor), options.ElectionTimeout * 2, clock.Time, cancellation, donor).ConfigureAwait(false);
        await using (channel.ConfigureAwait(false))
        {
            var identity = log.Directory.Identity;
            channel.OpenService(CopyDonor.Service);
            channel.Write(new CopyRequest(CopyRequest.CurrentVersion, identity.Group, identity.Node, members.Self, term, neededFrom));
            await channel.FlushAsync(Limits.MessageTimeout, cancellation).ConfigureAwait(false);
            channel.MaxFrameBytes = Limits.FrameBytes;
            // The donor reads all of it for its digests first.
            var offer = CopyOffer.Decode((await channel.ReceiveAsync(Limits.HandshakeTimeout, cancellation).ConfigureAwait(false)).Span);
            if (offer.Last.Next < neededFrom)
                throw new ProtocolException(nameof(CopyOffer), "last", $"{neededFrom.Previous} or more", $"{offer.Last}");
            using var target = await Task.Run(() => CopyTarget.Begin(log.Directory, offer, cancellation), cancellation).ConfigureAwait(false);
            await ReceiveAsync(channel, donor, offer, target, cancellation).ConfigureAwait(false);
            await channel.CloseAsync(GoodbyeCode.Done, "").ConfigureAwait(false);
            await log.WaitAsync(log.Appended.Vlsn, FlushPolicy.Write, cancellation).ConfigureAwait(false);
            await Task.Run(() => target.Finish(states, ExportUndecided()), cancellation).ConfigureAwait(false);
        }
    }

    private async Task ReceiveAsync(Channel channel, string donor, CopyOffer offer, CopyTarget target, CancellationToken cancellation)
    {
        var missing = target.Missing;
        var total = offer.TotalBytes;
        var (began, had, toldAt) = (clock.Now, target.Present, clock.Now - TellInterval);
        var asked = 0;
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
            var now = clock.Now;
            if (got + 1 < missing.Count && now - toldAt < TellInterval) continue;
            toldAt = now;
            Tell(donor, target.Present, total, target.Present - had, now - began);
        }

        if (missing.Count == 0) Tell(donor, target.Present, total, 0, TimeSpan.Zero);
    }

    private static void Take(ReadOnlySpan<byte> frame, (int File, int Chunk) wanted, CopyTarget target)
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
