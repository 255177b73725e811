using Matchpoint.Client;
using Matchpoint.Copies;
using Matchpoint.Node;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Storage;
using Matchpoint.Storage.Backups;
using Matchpoint.Storage.Copies;
using Matchpoint.Storage.Data;
using Matchpoint.Transport;

namespace Matchpoint.Backups;

/// <summary>Gives backups of what a running node holds, one at a time: pictures of all that is durable, while reads and writes go on.</summary>
internal sealed class BackupDonor(Func<NodeCore> current, NodeParts parts)
{
    private int _isTaken;

    /// <summary>Takes a backup into a directory that this process reaches.</summary>
    public Task<BackupSummary> TakeAsync(string to, IProgress<BackupProgress>? progress, CancellationToken cancellation) => InTurnAsync(async (core, linked) =>
    {
        var holder = $"{parts.Process} (a backup of node {core.Options.Name}), since {core.Options.Time.GetUtcNow():yyyy-MM-dd HH:mm:ss} UTC";
        // Whether the directory can be used is known before anything is read.
        BackupStore.Open(parts.Files, to, core.Log.Directory.Identity.Group, holder).Dispose();
        var (source, facts) = await PictureAsync(core, waiting: null, linked).ConfigureAwait(false);
        using (source)
            return await Task.Run(() => LocalBackup.Write(source, facts, parts.Files, to, holder, core.Options.Time, progress, linked), linked).ConfigureAwait(false);
    }, cancellation);

    /// <summary>Serves a client that takes a backup, from its request until it leaves.</summary>
    /// <param name="channel">The client.</param>
    /// <param name="mayBeBusy">Whether it may be told that it has to wait.</param>
    /// <param name="send">Sends the answer that tells whose data it is; the offer and the chunks follow.</param>
    /// <param name="cancellation">Ends it.</param>
    public Task ServeAsync(Channel channel, bool mayBeBusy, Func<ClientAnswer, ValueTask> send, CancellationToken cancellation) => InTurnAsync(async (core, linked) =>
    {
        var (source, facts) = await PictureAsync(core, mayBeBusy ? channel : null, linked).ConfigureAwait(false);
        using (source)
        {
            await send(new ClientAnswer { Backup = ClientBackup.Of(facts, core.Options.Time.GetUtcNow()) }).ConfigureAwait(false);
            channel.Write(source.Offer);
            await channel.FlushAsync(Limits.MessageTimeout, linked).ConfigureAwait(false);
            await CopyDonor.SendChunksAsync(channel, source, core.Clock, new Outflow(core.Options.CopyBytesPerSecond, core.Pacing), linked).ConfigureAwait(false);
            return true;
        }
    }, cancellation);

    private async Task<T> InTurnAsync<T>(Func<NodeCore, CancellationToken, Task<T>> take, CancellationToken cancellation)
    {
        var core = current();
        if (Interlocked.Exchange(ref _isTaken, 1) != 0) throw new MatchpointException("a backup of this node is being taken already; try again when it is done");
        try
        {
            // A node that is being closed closes what the picture reads from.
            using var linked = CancellationTokenSource.CreateLinkedTokenSource(cancellation, core.Stopping);
            return await take(core, linked.Token).ConfigureAwait(false);
        }
        catch (DamageException damage) when (IsHeld(core.Log.Directory, damage.File))
        {
            throw core.OnDamage(damage);
        }
        finally
        {
            Volatile.Write(ref _isTaken, 0);
        }
    }

    /// <summary>Whether a damaged file is one that the node lives from; else it lies among the backups.</summary>
    private static bool IsHeld(DataDirectory directory, string file) => file == directory.StatePath || Path.GetDirectoryName(file) == directory.LogPath;

    private async Task<(CopySource Source, BackupFacts Facts)> PictureAsync(NodeCore core, Channel? waiting, CancellationToken cancellation)
    {
        LocalBackup.MustHoldRecords(core.Log);
        var durable = Vlsn.Min(core.Progress.Durable, core.Log.Appended.Vlsn);
        await core.Log.WaitAsync(durable, FlushPolicy.Write, cancellation).ConfigureAwait(false);
        CopySource Create(CancellationToken token) => CopySource.Create(
            core.Log.Directory, parts.States(core.Options), core.Log, core.State, durable, parts.NewId(), token, openBytes: core.Retention.OpenBytes);
        var source = waiting is null
            ? await Task.Run(() => Create(cancellation), cancellation).ConfigureAwait(false)
            : await BusyWork.RunAsync(waiting, core.Clock, Create, cancellation).ConfigureAwait(false);
        return (source, LocalBackup.FactsOf(source, core.Log.Directory, core.Options.Name, source.Offer.Last));
    }
}
