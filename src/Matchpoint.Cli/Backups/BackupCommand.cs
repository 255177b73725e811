using System.CommandLine;
using System.Globalization;
using Matchpoint.Backups;
using Matchpoint.Cli.Client;
using Matchpoint.Cli.Terminal;
using Matchpoint.Client;
using Matchpoint.Protocol.Identities;
using Matchpoint.Storage;
using Matchpoint.Storage.Backups;
using Matchpoint.Storage.Files;
using Matchpoint.Transport;

namespace Matchpoint.Cli.Backups;

/// <summary><c>matchpoint backup</c>: takes a backup of a running or a stopped node, and lists those that there are.</summary>
internal static class BackupCommand
{
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(5);

    private sealed record Request(string To, string[] Connect, string? Data, int? Keep, bool Json);

    /// <summary>Builds the command.</summary>
    public static Command Create()
    {
        var to = new Argument<string>("DIR") { Description = "The directory of backups; made when it is not there. Each group has its own." };
        var connect = new Option<string[]>("--connect") { Description = "Of a running node: the first of these that can be reached.", HelpName = "HOST:PORT[,HOST:PORT]" };
        var data = new Option<string?>("--data") { Description = "Of the data directory of a stopped node.", HelpName = "DIR" };
        var list = new Option<bool>("--list") { Description = "Take none: list those that are there, oldest first." };
        var keep = new Option<int?>("--keep") { Description = "Afterwards remove all but the newest so many, and what only they needed." };
        var json = Options.Json();
        var command = new Command("backup", "Take a backup. What earlier ones in the same directory have in common with it is neither sent nor written again.")
        {
            to, connect, data, list, keep, json,
        };
        command.SetAction((parsed, cancellation) => Options.RunAsync(parsed.GetValue(json), () =>
        {
            var request = new Request(parsed.GetRequiredValue(to), parsed.GetValue(connect) ?? [], parsed.GetValue(data), parsed.GetValue(keep), parsed.GetValue(json));
            if (parsed.GetValue(list)) return Task.FromResult(List(request));
            if (request.Keep is < 1) throw new UsageException($"--keep: expected 1 or more, found {request.Keep}");
            if ((request.Connect.Length == 0) == (request.Data is null)) throw new UsageException("name a running node with --connect, or the directory of a stopped one with --data");
            return TakeAsync(request, cancellation);
        }));
        return command;
    }

    /// <summary>A backup, for scripts.</summary>
    internal static object Facts(BackupManifest backup) => new
    {
        id = backup.Id,
        takenAt = backup.TakenAt,
        group = backup.Facts.Group.Value,
        node = backup.Facts.Node.Value,
        name = backup.Facts.Name,
        first = backup.Facts.First.Value,
        last = backup.Last.Value,
        durable = backup.Facts.Durable.Value,
        term = backup.Facts.Term.Value,
        fingerprint = backup.Facts.Fingerprint.ToString(),
        bytes = backup.Offer.TotalBytes,
        files = backup.Offer.Files.Length,
    };

    private static async Task<int> TakeAsync(Request request, CancellationToken cancellation)
    {
        var start = TimeProvider.System.GetTimestamp();
        var holder = Holder.Describe("backup");
        var progress = new TransferProgress("backing up", request.Json);
        var taken = request.Data is { } data
            ? await Task.Run(() => OfStopped(data, request.To, holder, progress, cancellation), cancellation)
            : await OfRunningAsync(request, holder, progress, cancellation);
        var seconds = TimeProvider.System.GetElapsedTime(start).TotalSeconds;
        var removed = request.Keep is { } keep ? RemoveOld(request.To, keep, taken.Id, holder) : [];
        if (request.Json)
        {
            Json.Print(new { taken.Id, taken.TakenAt, taken.First, taken.Last, taken.TotalBytes, taken.WrittenBytes, seconds, removed });
            return ExitCode.Success;
        }

        foreach (var id in removed) Console.Out.WriteLine($"removed backup {id}");
        Console.Out.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"backup {taken.Id}: records up to {Show.Count(taken.Last)}, {Show.Bytes(taken.TotalBytes)}, of which {Show.Bytes(taken.WrittenBytes)} were new; {seconds:0.0} s"));
        return ExitCode.Success;
    }

    private static BackupSummary OfStopped(string data, string to, string holder, TransferProgress progress, CancellationToken cancellation)
    {
        try
        {
            return LocalBackup.OfStopped(data, to, holder, progress, cancellation);
        }
        catch (DirectoryInUseException inUse) when (inUse.Directory == Path.TrimEndingDirectorySeparator(Path.GetFullPath(data)))
        {
            throw new RefusedException($"{inUse.Message} Take the backup of the running node instead: --connect HOST:PORT.");
        }
    }

    private static async Task<BackupSummary> OfRunningAsync(Request request, string holder, TransferProgress progress, CancellationToken cancellation)
    {
        var endpoints = Cluster.Parse(request.Connect);
        if (endpoints.Count == 0) throw new UsageException("--connect: name a node");
        for (var i = 0; ; i++)
        {
            NodeClient client;
            try
            {
                client = await NodeClient.ConnectAsync(endpoints[i], ConnectTimeout, cancellation);
            }
            catch (ConnectException) when (i + 1 < endpoints.Count)
            {
                continue;
            }

            await using (client) return await RemoteBackup.TakeAsync(client, request.To, holder, progress, cancellation);
        }
    }

    private static IReadOnlyList<string> RemoveOld(string path, int keep, string newest, string holder)
    {
        GroupId group;
        using (var look = BackupStore.OpenReadOnly(PhysicalFiles.Instance, path)) group = look.Group;
        using var store = BackupStore.Open(PhysicalFiles.Instance, path, group, holder);
        return store.Keep(keep, newest);
    }

    private static int List(Request request)
    {
        using var store = BackupStore.OpenReadOnly(PhysicalFiles.Instance, request.To);
        var found = new List<(string Id, BackupManifest? Backup, StorageException? Damage)>();
        foreach (var id in store.Ids())
        {
            try
            {
                found.Add((id, store.Find(id), null));
            }
            catch (StorageException error)
            {
                found.Add((id, null, error));
            }
        }

        if (request.Json) Json.Print(found.Select(item => item.Backup is { } backup ? Facts(backup) : new { id = item.Id, damage = DamageFacts.Of(item.Damage!) }));
        else if (found.Count == 0) Console.Out.WriteLine("there is no backup yet");
        foreach (var (id, backup, damage) in request.Json ? [] : found)
        {
            Console.Out.WriteLine(backup is null ? $"{id}  {damage!.Message}"
                : $"{id}  node {(backup.Facts.Name.Length > 0 ? backup.Facts.Name : backup.Facts.Node)}, "
                    + $"records up to {Show.Count(backup.Last.DistanceFrom(Vlsn.Null))}, {Show.Bytes(backup.Offer.TotalBytes)}");
        }

        return found.Exists(static item => item.Backup is null) ? ExitCode.Damaged : ExitCode.Success;
    }
}
