using Matchpoint.Cli.Terminal;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.Log;

namespace Matchpoint.Cli.Log;

/// <summary><c>log info</c>.</summary>
internal static class LogInfo
{
    /// <summary>Shows what a log holds.</summary>
    public static int Run(string path, bool json)
    {
        using var directory = DataDirectory.OpenReadOnly(PhysicalFiles.Instance, path);
        var holder = directory.Holder();
        using var view = LogView.Look(directory);
        var segments = view.Segments.ToArray();
        var bytes = segments.Sum(segment => segment.Totals.Position.End.DistanceFrom(segment.Before.End));
        var counts = view.CountAbove(view.First.IsNull ? default : view.First.Previous);
        if (json)
        {
            Json.Print(new
            {
                directory = directory.Path,
                group = directory.Identity.Group.ToString(),
                node = directory.Identity.Node.ToString(),
                inUseBy = holder,
                first = view.First.Value,
                last = view.Last.Value,
                lastSync = view.LastSync.Value,
                lastTransactionEnd = view.LastTransactionEnd.Value,
                durable = view.Durable.Value,
                fingerprint = view.End.Fingerprint.ToString(),
                endLsn = view.End.End.Value,
                records = counts.Records,
                commits = counts.Commits,
                bytes,
                terms = view.TermEnds().Select(term => new { term = term.Term.Value, last = term.Last.Value }),
                segments = segments.Select(segment => new
                {
                    file = segment.Path,
                    firstVlsn = segment.Before.Vlsn.Next.Value,
                    lastVlsn = segment.Totals.Position.Vlsn.Value,
                    bytes = segment.Totals.Position.End.DistanceFrom(segment.Before.End),
                }),
                notes = view.OpenReport.Sentences(),
            });
            return ExitCode.Success;
        }

        Console.Out.WriteLine($"directory             {directory.Path}{(holder is null ? "" : $" (in use by {holder})")}");
        Console.Out.WriteLine($"group                 {directory.Identity.Group}");
        Console.Out.WriteLine($"node                  {directory.Identity.Node}");
        Console.Out.WriteLine($"records               {(view.First.IsNull ? "none" : $"{view.First} to {view.Last} ({Show.Count(counts.Records)}, {Show.Count(counts.Commits)} of them commits)")}");
        Console.Out.WriteLine($"last sync point       {view.LastSync}");
        Console.Out.WriteLine($"last transaction end  {view.LastTransactionEnd}");
        Console.Out.WriteLine($"known durable up to   {view.Durable}");
        Console.Out.WriteLine($"fingerprint at end    {view.End.Fingerprint}");
        Console.Out.WriteLine($"size                  {Show.Bytes(bytes)} in {segments.Length} segments, up to LSN {view.End.End}");
        Console.Out.WriteLine($"terms (last record)   {string.Join(", ", view.TermEnds().Reverse().Select(term => $"{term.Term} ({term.Last})"))}");
        foreach (var segment in segments)
        {
            Console.Out.WriteLine(
                $"  {Path.GetFileName(segment.Path)}  records {segment.Before.Vlsn.Next} to {segment.Totals.Position.Vlsn}  "
                + Show.Bytes(segment.Totals.Position.End.DistanceFrom(segment.Before.End)));
        }

        foreach (var sentence in view.OpenReport.Sentences()) Console.Out.WriteLine($"note: {sentence}");
        return ExitCode.Success;
    }
}
