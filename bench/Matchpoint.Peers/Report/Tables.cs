using Matchpoint.Peers.Measuring;

namespace Matchpoint.Peers.Report;

/// <summary>The results as tables in Markdown, which are as readable in a terminal.</summary>
internal static class Tables
{
    /// <summary>Every table.</summary>
    public static string Of(Results results)
    {
        var text = new StringWriter { NewLine = "\n" };
        text.WriteLine("Of the machine by itself, in the same rounds: " +
            $"{Figures.Rate(results.Limits.Flush)} flushed writes of 4 KiB per second, {Figures.Rate(results.Limits.PingPong)} round trips over loopback per second.");
        foreach (var copies in results.Peers.Select(static peer => peer.Facts.Copies).Distinct().OrderDescending())
        {
            var peers = results.Peers.Where(peer => peer.Facts.Copies == copies).ToList();
            foreach (var work in Enum.GetValues<Work>())
            {
                var workloads = Workload.All.Where(workload => workload.Work == work && peers.Exists(workload.IsFor)).ToList();
                if (workloads.Count > 0) Write(text, results, copies, peers, workloads);
            }
        }

        if (results.Flushes.Count > 0) WriteFlushes(text, results);
        foreach (var (name, reason) in results.Left) text.WriteLine($"{text.NewLine}Left out: {name}: {reason.Split('\n')[0]}");
        return text.ToString();
    }

    private static void Write(StringWriter text, Results results, int copies, List<IPeer> peers, List<Workload> workloads)
    {
        text.WriteLine();
        text.WriteLine($"| {(copies == 1 ? "one copy" : $"{copies} copies")} | reached | {string.Join(" | ", workloads.Select(static workload => $"{workload.Title}: per second | p50, p99"))} |");
        text.WriteLine($"|---|---|{string.Concat(workloads.Select(static _ => "---:|---:|"))}");
        foreach (var peer in peers.Where(peer => workloads.Exists(workload => workload.IsFor(peer))))
        {
            text.WriteLine($"| {peer.Facts.Title} | {peer.Facts.Reached} | {string.Join(" | ", workloads.Select(workload => Cell(results, peer, workload)))} |");
        }
    }

    private static string Cell(Results results, IPeer peer, Workload workload) => results.PerSecond(peer, workload) is { } rate
        ? $"{Figures.Rate(rate)} | {Figures.Time(results.P50(peer, workload)!.Value.Median)}, {Figures.Time(results.P99(peer, workload)!.Value.Median)}"
        : " | ";

    private static void WriteFlushes(StringWriter text, Results results)
    {
        text.WriteLine();
        text.WriteLine("| store | when a write is acknowledged it is | flushes per write by one client, all copies together |");
        text.WriteLine("|---|---|---|");
        foreach (var peer in results.Peers)
        {
            text.WriteLine($"| {peer.Facts.Title} | {peer.Facts.Acknowledged} | {(results.Flushes.TryGetValue(peer.Name, out var count) ? count.ToString() : "not counted")} |");
        }
    }
}
