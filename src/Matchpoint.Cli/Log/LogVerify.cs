using Matchpoint.Cli.Terminal;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.Log;

namespace Matchpoint.Cli.Log;

/// <summary><c>log verify</c>.</summary>
internal static class LogVerify
{
    /// <summary>Verifies, and names every damaged place.</summary>
    public static int Run(string path, bool json, CancellationToken cancellation)
    {
        using var directory = DataDirectory.OpenReadOnly(PhysicalFiles.Instance, path);
        var start = TimeProvider.System.GetTimestamp();
        var report = LogVerifier.Verify(directory, cancellation);
        var seconds = TimeProvider.System.GetElapsedTime(start).TotalSeconds;
        if (json)
        {
            Json.Print(new
            {
                sound = report.Damage.Count == 0,
                report.Segments,
                report.Records,
                report.Bytes,
                bytesPerSecond = report.Bytes / seconds,
                damage = report.Damage.Select(DamageFacts.Of),
                report.Notes,
            });
        }
        else
        {
            foreach (var note in report.Notes) Console.Out.WriteLine($"note: {note}");
            foreach (var damage in report.Damage) Console.Out.WriteLine($"damage: {damage.Message}");
            Console.Out.WriteLine(report.Damage.Count == 0
                ? $"sound: {Show.Count(report.Records)} records in {report.Segments} segments, {Show.Bytes(report.Bytes)} read at {Show.Bytes(report.Bytes / seconds)}/s"
                : $"damaged: {report.Damage.Count} places; {Show.Count(report.Records)} records in {report.Segments} segments are sound");
        }

        return report.Damage.Count == 0 ? ExitCode.Success : ExitCode.Damaged;
    }
}
