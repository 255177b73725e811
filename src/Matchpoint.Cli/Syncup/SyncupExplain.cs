using Matchpoint.Cli.Log;
using Matchpoint.Cli.Terminal;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Syncup;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.Log;
using Matchpoint.Syncup;

namespace Matchpoint.Cli.Syncup;

/// <summary><c>syncup explain</c>.</summary>
internal static class SyncupExplain
{
    private const int Shown = 10;

    /// <summary>Explains, and shows what each side holds beyond the matchpoint.</summary>
    public static int Run(string replicaPath, string feederPath, RollbackLimit limit, bool json)
    {
        using var replica = DataDirectory.OpenReadOnly(PhysicalFiles.Instance, replicaPath);
        using var feeder = DataDirectory.OpenReadOnly(PhysicalFiles.Instance, feederPath);
        using var replicaView = LogView.Look(replica);
        using var feederView = LogView.Look(feeder);
        var result = Explanation.Run(replica, replicaView, feeder, feederView, limit);
        var shared = result.Report.M;
        if (json)
        {
            Json.Print(new
            {
                report = ReportText.Json(result),
                replicaBeyond = new { records = Beyond(replicaView, shared), last = replicaView.Last.Value },
                feederBeyond = new { records = Beyond(feederView, shared), last = feederView.Last.Value },
            });
            return ExitCode.Success;
        }

        foreach (var line in ReportText.Lines(result)) Console.Out.WriteLine(line);
        ShowBeyond("A, the replica", replicaView, shared);
        ShowBeyond("B, the feeder", feederView, shared);
        return ExitCode.Success;
    }

    private static long Beyond(LogView view, Vlsn shared) => view.CountAbove(shared).Records;

    private static void ShowBeyond(string who, LogView view, Vlsn shared)
    {
        var records = Beyond(view, shared);
        Console.Out.WriteLine(records == 0 ? $"{who}: nothing beyond it" : $"{who}: {Show.Count(records)} records beyond it");
        using var reader = view.ReadFrom(shared.Next);
        for (var i = 0; i < Shown && reader.MoveNext(); i++) Console.Out.WriteLine($"  {RecordText.Line(reader)}");
        if (records > Shown) Console.Out.WriteLine($"  … and {Show.Count(records - Shown)} more");
    }
}
