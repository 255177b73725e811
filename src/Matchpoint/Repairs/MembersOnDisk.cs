using Matchpoint.Node;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Membership;
using Matchpoint.Protocol.Records;
using Matchpoint.Storage;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.Log;
using Matchpoint.Storage.State;

namespace Matchpoint.Repairs;

/// <summary>
/// The members of the group as a damaged node's disk still tells: the state knows them, and the sound parts of the log. They are asked for what is damaged; the options name those of the group's
/// beginning, and it may have others now.
/// </summary>
internal static class MembersOnDisk
{
    /// <summary>Finds the newest that can be read; null when there is none. Nothing of the directory may be open.</summary>
    public static Roster? Find(DataDirectory directory, IStateStore states, CancellationToken cancellation)
    {
        var (applied, known) = InState(directory, states);
        var newest = known;
        if (!directory.Files.DirectoryExists(directory.LogPath)) return newest?.Roster;
        foreach (var name in directory.Files.ListFiles(directory.LogPath).OrderDescending(StringComparer.Ordinal))
        {
            cancellation.ThrowIfCancellationRequested();
            if (!SegmentHeader.TryParseName(name, out var first)) continue;
            var before = InSegment(directory, Path.Combine(directory.LogPath, name), first, ref newest);
            // What is below that the state has seen, or this segment has replaced it.
            if (newest is not null && (newest != known || before < applied)) break;
        }

        return newest?.Roster;
    }

    private static (Vlsn Applied, (Vlsn At, Roster Roster)? Known) InState(DataDirectory directory, IStateStore states)
    {
        try
        {
            using var state = states.Look(directory.StatePath);
            return state is null ? default : (state.Position.Vlsn, RosterLog.In(state));
        }
        catch (StorageException)
        {
            return default; // It is mended in its turn; now only the log can tell.
        }
    }

    /// <summary>Reads a segment as far as it is sound.</summary>
    /// <returns>The record before it; null when even its header cannot be read.</returns>
    private static Vlsn? InSegment(DataDirectory directory, string path, Lsn first, ref (Vlsn At, Roster Roster)? newest)
    {
        try
        {
            Span<byte> bytes = stackalloc byte[SegmentHeader.Size];
            using var file = directory.Files.Open(path, FileOpening.Read);
            var before = SegmentHeader.Read(bytes[..file.Read(0, bytes)], path, directory.Identity.Group, first);
            using var scanner = new RecordScanner(file, file.Length, before);
            while (scanner.MoveNext())
            {
                if (scanner.Header.Kind != RecordKind.Membership || newest?.At >= scanner.Header.Vlsn) continue;
                if (RosterCodec.TryDecode(scanner.Payload, out _) is { } roster) newest = (scanner.Header.Vlsn, roster);
            }

            return before.Vlsn;
        }
        catch (StorageException)
        {
            return null; // This is what is to be mended.
        }
    }
}
