using Matchpoint.Client;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Messages;
using Matchpoint.Storage.Backups;
using Matchpoint.Storage.Files;
using Matchpoint.Transport;

namespace Matchpoint.Backups;

/// <summary>A backup of a running node, over its network service: only the chunks travel that are not in the directory yet.</summary>
internal static class RemoteBackup
{
    /// <summary>So many chunks are asked for ahead of what has come.</summary>
    private const int Ahead = 8;

    /// <summary>A node gives up on whoever asks for nothing: now and then a chunk is asked for although it is there.</summary>
    private static readonly TimeSpan Sign = TimeSpan.FromSeconds(10);

    /// <summary>Takes a backup.</summary>
    /// <param name="client">The node.</param>
    /// <param name="to">Where backups of its group lie.</param>
    /// <param name="holder">What the directory's lock says meanwhile.</param>
    /// <param name="progress">Hears how far it is.</param>
    /// <param name="cancellation">Gives up.</param>
    public static async Task<BackupSummary> TakeAsync(NodeClient client, string to, string holder, IProgress<BackupProgress>? progress, CancellationToken cancellation)
    {
        // The node reads all of it for its digests first, and says so meanwhile; an older one says nothing, and is waited for that long.
        var answer = await client.AskForWorkAsync(new ClientRequest { Op = "backup" }, Limits.HandshakeTimeout, cancellation).ConfigureAwait(false);
        if (answer.Backup is not { } said) throw new ProtocolException("client", "backup", "whose data it is", "nothing");
        var facts = said.ToFacts();
        var offer = CopyOffer.Decode((await client.Channel.ReceiveAsync(Limits.MessageTimeout, cancellation).ConfigureAwait(false)).Span);
        using var store = BackupStore.Open(PhysicalFiles.Instance, to, facts.Group, holder);
        var target = new BackupTarget(store, facts, offer);
        await ReceiveAsync(client.Channel, target, new BackupMeter(target, TimeProvider.System, progress), cancellation).ConfigureAwait(false);
        return LocalBackup.SummaryOf(target.Finish(said.TakenAt), target.Written);
    }

    private static async Task ReceiveAsync(Channel channel, BackupTarget target, BackupMeter meter, CancellationToken cancellation)
    {
        var time = TimeProvider.System;
        var asked = new Queue<(int File, int Chunk)>();
        var askedAt = time.GetTimestamp();
        var held = new HashSet<(int File, int Chunk)>();
        foreach (var wanted in target.Chunks())
        {
            if (target.Has(wanted.File, wanted.Chunk))
            {
                meter.Moved();
                if (time.GetElapsedTime(askedAt) < Sign) continue;
                held.Add(wanted);
            }

            askedAt = time.GetTimestamp();
            asked.Enqueue(wanted);
            channel.Write(new ChunkRequest((ushort)wanted.File, (ulong)wanted.Chunk));
            await channel.FlushAsync(Limits.MessageTimeout, cancellation).ConfigureAwait(false);
            if (asked.Count >= Ahead) await TakeAsync(channel, target, meter, asked, held, cancellation).ConfigureAwait(false);
        }

        while (asked.Count > 0) await TakeAsync(channel, target, meter, asked, held, cancellation).ConfigureAwait(false);
    }

    private static async Task TakeAsync(
        Channel channel, BackupTarget target, BackupMeter meter, Queue<(int File, int Chunk)> asked, HashSet<(int File, int Chunk)> held, CancellationToken cancellation)
    {
        var wanted = asked.Dequeue();
        var frame = await channel.ReceiveAsync(Limits.MessageTimeout, cancellation).ConfigureAwait(false);
        // In the place of a chunk comes why there is none.
        if (frame.Span[0] == (byte)Opcode.ClientAnswer) NodeClient.Read(frame);
        Take(frame.Span, wanted, isHeld: held.Remove(wanted), target);
        meter.Moved();
    }

    private static void Take(ReadOnlySpan<byte> frame, (int File, int Chunk) wanted, bool isHeld, BackupTarget target)
    {
        var chunk = Chunk.Decode(frame);
        if (chunk.File != wanted.File || chunk.Index != (ulong)wanted.Chunk)
            throw new ProtocolException(nameof(Chunk), "chunk", $"{wanted.Chunk} of file {wanted.File}", $"{chunk.Index} of file {chunk.File}");
        if (!isHeld) target.Write(wanted.File, wanted.Chunk, chunk.Bytes);
    }
}
