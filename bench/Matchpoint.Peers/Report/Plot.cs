using System.Globalization;
using System.Security;
using Matchpoint.Peers.Measuring;

namespace Matchpoint.Peers.Report;

/// <summary>
/// Draws bars as SVG: a block for each load, a bar for each store, as long as its median, with a line from the least to the most of the rounds. Its colours follow
/// the reader's choice of light or dark.
/// </summary>
internal static class Plot
{
    private const int Width = 760;
    private const int BarsFrom = 210;
    private const int BarsTo = 640;
    private const int BarHeight = 16;
    private const int RowHeight = 22;
    private const int HeadHeight = 30;

    private const string Style = """
        <style>
          text { font: 12px system-ui, sans-serif; fill: #24292f; }
          .head { font-weight: 600; font-size: 13px; }
          .own { fill: #1a7f64; } .other { fill: #8c959f; } .range { stroke: #24292f; stroke-width: 1.5; }
          .ground { fill: #ffffff; }
          @media (prefers-color-scheme: dark) {
            text { fill: #e6edf3; } .own { fill: #3fb68b; } .other { fill: #6e7681; } .range { stroke: #e6edf3; } .ground { fill: #0d1117; }
          }
        </style>
        """;

    /// <summary>Draws some loads of some stores; each load has its own scale, as long as its quickest store.</summary>
    public static string Of(Results results, string title, IReadOnlyList<IPeer> peers, IReadOnlyList<Workload> workloads)
    {
        var text = new StringWriter { NewLine = "\n" };
        var height = HeadHeight + workloads.Sum(workload => HeadHeight + (RowHeight * peers.Count(workload.IsFor))) + 10;
        text.WriteLine($"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {Width} {height}" width="{Width}" height="{height}" role="img" aria-label="{SecurityElement.Escape(title)}">""");
        text.WriteLine(Style);
        text.WriteLine($"""<rect class="ground" width="{Width}" height="{height}"/>""");
        var y = 20;
        text.WriteLine($"""<text class="head" x="10" y="{y}">{SecurityElement.Escape(title)}</text>""");
        foreach (var workload in workloads)
        {
            y += HeadHeight;
            text.WriteLine($"""<text class="head" x="{BarsFrom}" y="{y}">{SecurityElement.Escape(workload.Title)} client{(workload.Clients == 1 ? "" : "s")}, per second</text>""");
            var most = peers.Max(peer => results.PerSecond(peer, workload)?.Most ?? 0);
            foreach (var peer in peers.Where(workload.IsFor))
            {
                y += RowHeight;
                Draw(text, results, peer, workload, most, y);
            }
        }

        text.WriteLine("</svg>");
        return text.ToString();
    }

    private static void Draw(StringWriter text, Results results, IPeer peer, Workload workload, double most, int y)
    {
        if (results.PerSecond(peer, workload) is not { } rate) return;
        var kind = peer.Name.StartsWith("matchpoint", StringComparison.Ordinal) ? "own" : "other";
        var middle = y - (BarHeight / 4);
        text.WriteLine($"""<text x="{BarsFrom - 8}" y="{y}" text-anchor="end">{SecurityElement.Escape(peer.Facts.Title)}</text>""");
        text.WriteLine($"""<rect class="{kind}" x="{BarsFrom}" y="{y - 12}" width="{Length(rate.Median, most)}" height="{BarHeight}" rx="2"/>""");
        text.WriteLine($"""<line class="range" x1="{At(rate.Least, most)}" x2="{At(rate.Most, most)}" y1="{middle}" y2="{middle}"/>""");
        text.WriteLine($"""<text x="{At(rate.Most, most, 8)}" y="{y}">{Figures.Rate(rate.Median)}</text>""");
    }

    private static string Length(double value, double most) => Number((BarsTo - BarsFrom) * value / most);

    private static string At(double value, double most, double behind = 0) => Number(BarsFrom + ((BarsTo - BarsFrom) * value / most) + behind);

    private static string Number(double value) => value.ToString("0.#", CultureInfo.InvariantCulture);
}
