using System.Text.Json;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.Log;

namespace Matchpoint.Storage.Rollbacks;

/// <summary>The exports in a directory: what was ever undone here, and what was refused.</summary>
internal static class RollbackStore
{
    private const string Extension = ".jsonl";
    private const string RefusedExtension = ".refused.jsonl";
    private const int ReadBytes = 64 * 1024;

    /// <summary>The longest value, each byte escaped, and the rest of the line.</summary>
    private const int MostLineBytes = 128 * 1024 * 1024;

    /// <summary>The name of an export: the same for the same records.</summary>
    public static string NameOf(RollbackHeader header, bool refused)
    {
        var first = header.Matchpoint.Next;
        return $"undo-{first}-{header.Last}-{header.LastFingerprint}{(refused ? RefusedExtension : Extension)}";
    }

    /// <summary>All exports, oldest first.</summary>
    public static IReadOnlyList<RollbackEntry> List(DataDirectory directory)
    {
        if (!directory.Files.DirectoryExists(directory.RollbacksPath)) return [];
        return [.. directory.Files.ListFiles(directory.RollbacksPath)
            .Where(name => name.EndsWith(Extension, StringComparison.Ordinal)
                || name.EndsWith(Extension + LogCut.PendingSuffix, StringComparison.Ordinal))
            .Select(name => new RollbackEntry(name, StateOf(name), ReadHeader(directory, name)))
            .OrderBy(entry => entry.Header.ExportedAt)];
    }

    /// <summary>Reads every export, line by line.</summary>
    /// <param name="directory">The directory.</param>
    /// <param name="damage">Gets what is damaged.</param>
    /// <param name="notes">Gets what is worth knowing.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <returns>How many are sound.</returns>
    public static int Verify(DataDirectory directory, List<StorageException> damage, List<string> notes, CancellationToken cancellation)
    {
        if (!directory.Files.DirectoryExists(directory.RollbacksPath)) return 0;
        var sound = 0;
        foreach (var name in directory.Files.ListFiles(directory.RollbacksPath))
        {
            if (name.EndsWith(Extension + LogCut.PendingSuffix, StringComparison.Ordinal))
            {
                notes.Add($"{Path.Combine(directory.RollbacksPath, name)}: an export of a rollback that was interrupted before anything was cut.");
                continue;
            }

            if (!name.EndsWith(Extension, StringComparison.Ordinal)) continue;
            try
            {
                ReadHeader(directory, name);
                foreach (var _ in Operations(directory, name)) cancellation.ThrowIfCancellationRequested();
                sound++;
            }
            catch (StorageException error)
            {
                damage.Add(error);
            }
        }

        return sound;
    }

    /// <summary>The operations of an export, in the order in which they were written.</summary>
    /// <exception cref="StorageException">The export is damaged, or ends before its end.</exception>
    public static IEnumerable<UndoneOperation> Operations(DataDirectory directory, string name)
    {
        var path = Path.Combine(directory.RollbacksPath, name);
        var line = 0;
        long operations = 0;
        long? end = null;
        foreach (var text in Lines(directory.Files, path))
        {
            if (line++ == 0) continue;
            if (end is not null) throw Damaged(path, line, "nothing behind the end", "another line");
            UndoneOperation? operation = null;
            try
            {
                using var json = JsonDocument.Parse(text);
                if (json.RootElement.TryGetProperty("end", out var count)) end = count.GetInt64();
                else operation = RollbackJson.ReadOperation(json.RootElement);
            }
            catch (Exception error) when (IsUnreadable(error))
            {
                throw Damaged(path, line, "an operation in JSON", error.Message);
            }

            if (operation is null) continue;
            operations++;
            yield return operation;
        }

        if (end != operations) throw Damaged(path, line, $"an end after {operations} operations", end is null ? "none" : $"an end that counts {end}");
    }

    private static RollbackState StateOf(string name) =>
        name.EndsWith(LogCut.PendingSuffix, StringComparison.Ordinal) ? RollbackState.Pending
        : name.EndsWith(RefusedExtension, StringComparison.Ordinal) ? RollbackState.Refused
        : RollbackState.Undone;

    private static RollbackHeader ReadHeader(DataDirectory directory, string name)
    {
        var path = Path.Combine(directory.RollbacksPath, name);
        try
        {
            using var json = JsonDocument.Parse(Lines(directory.Files, path).FirstOrDefault());
            var format = json.RootElement.GetProperty(RollbackJson.FormatName).GetInt64();
            if (format != RollbackJson.Format)
                throw new ForeignException($"{path}: the export has format {format}; this build knows format {RollbackJson.Format}. Use the version of Matchpoint that wrote it, or a newer one.");
            return RollbackJson.ReadHeader(json.RootElement);
        }
        catch (Exception error) when (IsUnreadable(error))
        {
            throw Damaged(path, 1, "the header of an export in JSON", error.Message);
        }
    }

    private static bool IsUnreadable(Exception error) =>
        error is JsonException or KeyNotFoundException or InvalidOperationException or FormatException or OverflowException;

    private static DamageException Damaged(string path, int line, string expected, string found) =>
        new(path, 0, $"line {line}", expected, found, "The export cannot be trusted from this line on; the lines before it can.");

    /// <summary>The lines of a file, one at a time. A line holds one operation, so it is bounded by the record's limit.</summary>
    private static IEnumerable<ReadOnlyMemory<byte>> Lines(IFileSystem files, string path)
    {
        using var file = files.Open(path, FileOpening.Read);
        var buffer = new byte[ReadBytes];
        var count = 0;
        long at = 0;
        while (true)
        {
            if (count == buffer.Length)
            {
                if (count >= MostLineBytes) throw Damaged(path, 0, $"lines of at most {MostLineBytes} bytes", "a longer one");
                Array.Resize(ref buffer, buffer.Length * 2);
            }

            var read = file.Read(at, buffer.AsSpan(count));
            at += read;
            count += read;
            var start = 0;
            while (buffer.AsSpan(start, count - start).IndexOf((byte)'\n') is >= 0 and var length)
            {
                yield return buffer.AsMemory(start, length);
                start += length + 1;
            }

            if (read == 0)
            {
                if (count > start) yield return buffer.AsMemory(start, count - start);
                yield break;
            }

            buffer.AsSpan(start, count - start).CopyTo(buffer);
            count -= start;
        }
    }
}
