using Matchpoint.Protocol.Identities;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Log;
using Matchpoint.Storage.State;

namespace Matchpoint.Storage.Repairs;

/// <summary>
/// Gives up what cannot be mended, so that the node fetches it again. In order: the node is fenced, durably (it neither votes nor counts until it has caught up); what can be read and may be
/// nowhere else is exported; the damaged files are set aside. After a crash in between, the next open finds damage again and goes on.
/// </summary>
internal static class LogSurrender
{
    /// <summary>Keeps what lies before a gap, and gives up what lies behind it. The cut is finished when the log is opened.</summary>
    /// <returns>What was done, one sentence each; null where nothing sound lies before the gap, so that all has to go.</returns>
    public static IReadOnlyList<string>? CutAt(DataDirectory directory, LogGap gap, Vlsn durable, DateTimeOffset now)
    {
        if (gap.Before is not { } before || before.Vlsn.IsNull) return null;
        var behind = SegmentsOf(directory).Where(segment => segment.Path == gap.Path || segment.First >= before.End).ToList();
        if (!SegmentsOf(directory).Any(segment => segment.First < before.End)) return null;
        var done = Begin(directory, before.End, durable, now);
        foreach (var (_, path) in behind)
        {
            if (Aside.Copy(directory, path) is { } aside) done.Add($"{path} is kept as {aside}");
        }

        // A cut that was under way above this one is a part of it, and its export becomes final with it.
        var export = CutIntent.TryRead(directory.Files, directory.CutPath)?.Export ?? "";
        new CutIntent(before, export).Write(directory.Files, directory.CutPath);
        done.Add($"the log was cut behind record {before.Vlsn}, before the damage");
        return done;
    }

    /// <summary>Gives up all of the log and the state.</summary>
    public static IReadOnlyList<string> SetAllAside(DataDirectory directory, IStateStore states, Vlsn durable, DateTimeOffset now)
    {
        var done = Begin(directory, Lsn.Zero, durable, now);
        Move(directory.CutPath);
        if (directory.Files.DirectoryExists(directory.LogPath))
        {
            // From the last one back: what is left is one log at every moment, and shorter than it was flushed, which the next open takes for damage again.
            foreach (var name in directory.Files.ListFiles(directory.LogPath).Reverse().ToList()) Move(Path.Combine(directory.LogPath, name));
        }

        if (states.SetAside(directory.StatePath, directory.Path) is { } state) done.Add($"the state is kept as {state}");
        Move(directory.PositionsPath);
        return done;

        void Move(string path)
        {
            if (Aside.Move(directory, path) is { } aside) done.Add($"{path} is kept as {aside}");
        }
    }

    private static List<string> Begin(DataDirectory directory, Lsn from, Vlsn durable, DateTimeOffset now)
    {
        var done = new List<string>();
        if (DirectoryMend.Fence(directory) is { } ballot) done.Add(ballot);
        done.AddRange(LostRecords.Export(directory, from, durable, now).Select(static export => $"what could be read and may be nowhere else was exported: {export}"));
        return done;
    }

    private static List<(Lsn First, string Path)> SegmentsOf(DataDirectory directory)
    {
        var segments = new List<(Lsn, string)>();
        foreach (var name in directory.Files.ListFiles(directory.LogPath))
        {
            if (SegmentHeader.TryParseName(name, out var first)) segments.Add((first, Path.Combine(directory.LogPath, name)));
        }

        return segments;
    }
}
