using System.CommandLine;
using Matchpoint.Cli.Terminal;
using Matchpoint.Protocol.Identities;
using Matchpoint.Storage;
using Matchpoint.Storage.Backups;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.Verification;
using Matchpoint.Verification;

namespace Matchpoint.Cli.Backups;

/// <summary><c>matchpoint verify</c>: the directory of a stopped node, or a directory of backups.</summary>
internal static class VerifyCommand
{
    /// <summary>Builds the command.</summary>
    public static Command Create()
    {
        var directory = new Argument<string>("DIR") { Description = "The data directory of a stopped node, or a directory of backups." };
        var deep = new Option<bool>("--deep")
        {
            Description = "Also apply the log to an empty state and compare, where the log reaches back to record 1; else read every key. "
                + "It takes as much room as the state, in the directory for temporary files.",
        };
        var json = Options.Json();
        var command = new Command("verify", "Read all that a stopped node keeps, or all backups of a directory, and name every damaged place: file, position, expected, found.")
        {
            directory, deep, json,
        };
        command.SetAction((parsed, cancellation) => Options.RunAsync(
            parsed.GetValue(json), () => Run(parsed.GetRequiredValue(directory), parsed.GetValue(deep), parsed.GetValue(json), cancellation)));
        return command;
    }

    private static int Run(string path, bool deep, bool json, CancellationToken cancellation)
    {
        var files = PhysicalFiles.Instance;
        return BackupStore.Exists(files, path) && !DataDirectory.Exists(files, path) ? RunOnBackups(path, json, cancellation) : RunOnNode(path, deep, json, cancellation);
    }

    private static int RunOnNode(string path, bool deep, bool json, CancellationToken cancellation)
    {
        var scratch = Path.Combine(Path.GetTempPath(), $"matchpoint-verify-{Guid.NewGuid():N}");
        var report = DirectoryVerifier.Verify(
            PhysicalFiles.Instance, path, deep ? (directory, view, state) => StateFold.Compare(directory, view, state, scratch, cancellation) : null, cancellation);
        var log = report.Log;
        if (json)
        {
            Json.Print(new
            {
                kind = "node",
                sound = report.Damage.Count == 0,
                segments = log?.Segments,
                records = log?.Records,
                bytes = log?.Bytes,
                applied = report.Applied.Value,
                stateFiles = report.StateFiles,
                exports = report.Exports,
                damage = report.Damage.Select(DamageFacts.Of),
                notes = report.Notes,
            });
            return CodeOf(report.Damage);
        }

        return Tell(
            report.Damage, report.Notes,
            $"{Show.Count(log?.Records ?? 0)} records in {log?.Segments ?? 0} segments, {Show.Bytes(log?.Bytes ?? 0)}; "
                + $"the state at record {Show.Count(report.Applied.DistanceFrom(Vlsn.Null))}, {report.StateFiles} files; {report.Exports} exports");
    }

    private static int RunOnBackups(string path, bool json, CancellationToken cancellation)
    {
        using var store = BackupStore.OpenReadOnly(PhysicalFiles.Instance, path);
        var report = BackupVerifier.Verify(store, cancellation);
        if (json)
        {
            Json.Print(new
            {
                kind = "backups",
                sound = report.Damage.Count == 0,
                backups = report.Backups.Select(static item => new { id = item.Manifest.Id, damagedChunks = item.Damaged }),
                report.Chunks,
                report.Bytes,
                damage = report.Damage.Select(DamageFacts.Of),
                report.Notes,
            });
            return CodeOf(report.Damage);
        }

        foreach (var (manifest, damaged) in report.Backups)
            Console.Out.WriteLine($"backup {manifest.Id}: {(damaged == 0 ? "whole" : $"{damaged} of its chunks are damaged: it cannot be restored")}");
        return Tell(report.Damage, report.Notes, $"{report.Backups.Count} backups, {Show.Count(report.Chunks)} chunks, {Show.Bytes(report.Bytes)}");
    }

    private static int Tell(IReadOnlyList<StorageException> damage, IReadOnlyList<string> notes, string read)
    {
        foreach (var note in notes) Console.Out.WriteLine($"note: {note}");
        foreach (var place in damage) Console.Out.WriteLine($"damage: {place.Message}");
        Console.Out.WriteLine(damage.Count == 0 ? $"sound: {read}" : $"damaged: {damage.Count} places; read: {read}");
        return CodeOf(damage);
    }

    private static int CodeOf(IReadOnlyList<StorageException> damage) => damage.Count == 0 ? ExitCode.Success : ExitCode.Damaged;
}
