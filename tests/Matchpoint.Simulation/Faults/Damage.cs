using Matchpoint.Simulation.Group;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.Log;

namespace Matchpoint.Simulation.Faults;

/// <summary>What may happen to what lies on a disk.</summary>
internal static class Damage
{
    private const string LogPath = SimulatedMachine.Directory + "/log";

    /// <summary>Where bits are turned over: full copies, and what came of them, among it.</summary>
    private static readonly IReadOnlyList<string> Damageable =
        [.. new[] { "", "/log", "/copy-1", "/copy-1/log", "/copy-1/state", "/copy-2", "/copy-2/log", "/copy-2/state" }.Select(static name => SimulatedMachine.Directory + name)];

    /// <summary>A bit turns over in any file.</summary>
    /// <returns>Whether there was one.</returns>
    public static bool OfAnyFile(SimulatedMachine machine, Random random, Action<string> tell)
    {
        var image = machine.Files;
        var names = Damageable.Where(image.DirectoryExists).SelectMany(directory => image.ListFiles(directory).Select(name => $"{directory}/{name}"))
            .Where(path => !path.EndsWith("LOCK", StringComparison.Ordinal)).ToList();
        if (names.Count == 0) return false;
        var path = names[random.Next(names.Count)];
        using var file = image.Open(path, FileOpening.Read);
        if (file.Length == 0) return false;
        var position = random.NextInt64(file.Length);
        tell($"a bit of {path} at {position} of {file.Length}");
        machine.IsDamaged = true;
        image.FlipBit(path, position, random.Next(8));
        return true;
    }

    /// <summary>A log is damaged where its node knows what was there.</summary>
    /// <returns>Whether it held anything yet.</returns>
    public static bool OfKnownLog(SimulatedMachine machine, Random random, Action<string> tell)
    {
        var (files, positions) = (machine.Files, $"{SimulatedMachine.Directory}/positions");
        var flushed = PositionsFile.Read(files, positions)?.Flushed.Value ?? 0;
        List<(string Path, long At)> segments = [];
        if (files.DirectoryExists(LogPath))
        {
            foreach (var name in files.ListFiles(LogPath))
            {
                if (SegmentHeader.TryParseName(name, out var at) && at.Value < flushed) segments.Add(($"{LogPath}/{name}", (long)at.Value));
            }
        }

        if (segments.Count == 0) return false;
        var (path, from) = segments[^1];
        var held = (long)flushed - from;
        switch (random.Next(3))
        {
            case 0:
                tell($"{machine.Name} loses {path}");
                files.Delete(path);
                files.FlushDirectory(LogPath);
                break;
            case 1:
                using (var file = files.Open(path, FileOpening.ReadWrite))
                {
                    var length = random.NextInt64(file.Length);
                    tell($"{machine.Name} loses its positions, and all of {path} from {length} on");
                    file.SetLength(length);
                    file.Flush();
                }

                files.Delete(positions);
                files.FlushDirectory(SimulatedMachine.Directory);
                break;
            default:
                var position = random.NextInt64(held);
                tell($"a bit of {path} at {position}, flushed up to {held}");
                files.FlipBit(path, position, random.Next(8));
                break;
        }

        return true;
    }
}
