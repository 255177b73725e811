using System.CommandLine;
using System.Globalization;
using Matchpoint.Cli.Terminal;
using Matchpoint.Protocol.Identities;
using Matchpoint.Storage.Backups;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.State;

namespace Matchpoint.Cli.Backups;

/// <summary><c>matchpoint restore</c>: makes a data directory from a backup.</summary>
internal static class RestoreCommand
{
    private sealed record Request(string From, string Data, string? Backup, string? Group, bool Replace, bool BeginAgain, bool Json);

    /// <summary>Builds the command.</summary>
    public static Command Create()
    {
        var from = new Option<string>("--from") { Description = "The directory of backups.", Required = true, HelpName = "DIR" };
        var data = Options.Data();
        var backup = new Option<string?>("--backup") { Description = "Which one, as `matchpoint backup DIR --list` names it; the newest where none is named.", HelpName = "ID" };
        var group = new Option<string?>("--group") { Description = "Refuse backups of any other group than this." };
        var replace = new Option<bool>("--replace") { Description = "Where there is something in the data directory, set it aside under another name. Nothing is removed." };
        var again = new Option<bool>("--begin-again")
        {
            Description = "Every member of the group has lost its data, and each is restored with this: together they begin again. Not for one member of a group that lives.",
        };
        var json = Options.Json();
        var command = new Command("restore", "Make a node's data directory from a backup. Every byte is proved before it counts; until all is there, no node can be opened in it.")
        {
            from, data, backup, group, replace, again, json,
        };
        command.SetAction((parsed, cancellation) => Options.RunAsync(parsed.GetValue(json), () => Run(
            new Request(
                parsed.GetRequiredValue(from), parsed.GetRequiredValue(data), parsed.GetValue(backup), parsed.GetValue(group), parsed.GetValue(replace), parsed.GetValue(again), parsed.GetValue(json)),
            cancellation)));
        return command;
    }

    private static int Run(Request request, CancellationToken cancellation)
    {
        var files = PhysicalFiles.Instance;
        using var store = BackupStore.OpenReadOnly(files, request.From);
        if (request.Group is { } group && GroupId.FromName(group) is var wanted && wanted != store.Group)
            throw new RefusedException($"{store.Path}: these are backups of group {store.Group}, and '{group}' is group {wanted}. Name the backups of that group, or leave --group away.");
        var manifest = store.Find(request.Backup);
        var aside = SetAside(files, Path.GetFullPath(request.Data), request.Replace);
        var start = TimeProvider.System.GetTimestamp();
        var progress = new TransferProgress("restoring", request.Json);
        var total = manifest.Offer.TotalBytes;
        try
        {
            new BackupRestore
            {
                Store = store,
                Manifest = manifest,
                Files = files,
                States = new RocksStateStore(new RocksStateOptions()),
                Node = new NodeId(Guid.NewGuid()),
                Holder = Holder.Describe("restore"),
                BeginsAgain = request.BeginAgain,
                Progressed = bytes => progress.Report(bytes, total),
            }.Run(request.Data, cancellation);
        }
        catch when (aside is not null)
        {
            Console.Error.WriteLine($"matchpoint: what was in {request.Data} is untouched in {aside}");
            throw;
        }

        var seconds = TimeProvider.System.GetElapsedTime(start).TotalSeconds;
        if (request.Json) Json.Print(new { restored = BackupCommand.Facts(manifest), data = Path.GetFullPath(request.Data), aside, request.BeginAgain, seconds });
        else Tell(request, manifest, aside, seconds);
        return ExitCode.Success;
    }

    private static void Tell(Request request, BackupManifest manifest, string? aside, double seconds)
    {
        if (aside is not null) Console.Out.WriteLine($"what was there is in {aside}; remove it when you have looked at it");
        Console.Out.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"restored {manifest.Id} into {request.Data}: records up to {Show.Count(manifest.Last.DistanceFrom(Vlsn.Null))}, {Show.Bytes(manifest.Offer.TotalBytes)}; {seconds:0.0} s"));
        Console.Out.WriteLine(request.BeginAgain
            ? "Restore every member of the group with --begin-again, then start them all: they begin again when all are there. Never start an old directory of one beside them."
            : "A node by itself goes on from there. A member of a group that lives follows it, and takes part once it has caught up.");
    }

    /// <summary>Requires an empty directory; or moves what is there aside.</summary>
    private static string? SetAside(PhysicalFiles files, string path, bool replace)
    {
        if (!Directory.Exists(path)) return null;
        if (!replace)
        {
            BackupRestore.MustBeEmpty(files, path);
            if (files.FileExists(Path.Combine(path, DataDirectory.UnfinishedName))) return null;
            var strange = Directory.EnumerateFileSystemEntries(path).Select(Path.GetFileName).FirstOrDefault(static name => name is not "LOCK");
            return strange is null ? null
                : throw new RefusedException($"{path}: the directory is not empty: it holds {strange}. Nothing was touched. Name an empty or a missing directory; or give --replace.");
        }

        if (!Directory.EnumerateFileSystemEntries(path).Any()) return null;
        // Whoever has it open goes on writing into it, wherever it is moved.
        files.Lock(Path.Combine(path, "LOCK"), Holder.Describe("restore")).Dispose();
        for (var i = 1; ; i++)
        {
            var aside = $"{Path.TrimEndingDirectorySeparator(path)}.replaced-{i}";
            if (Path.Exists(aside)) continue;
            Directory.Move(path, aside);
            files.FlushDirectory(Path.GetDirectoryName(aside)!);
            return aside;
        }
    }
}
