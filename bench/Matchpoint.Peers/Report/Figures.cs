using System.Globalization;
using Matchpoint.Cli.Bench;

namespace Matchpoint.Peers.Report;

/// <summary>How figures are written: no more digits than they are worth.</summary>
internal static class Figures
{
    /// <summary>A rate.</summary>
    public static string Rate(double perSecond) => perSecond.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>A rate, with the least and the most of the rounds.</summary>
    public static string Rate(Typical typical) => $"{Rate(typical.Median)} ({Rate(typical.Least)} to {Rate(typical.Most)})";

    /// <summary>A time that is given in microseconds.</summary>
    public static string Time(double microseconds) => microseconds switch
    {
        < 1 => "under 1 us",
        < 1000 => microseconds.ToString("0", CultureInfo.InvariantCulture) + " us",
        < 10_000 => (microseconds / 1000).ToString("0.0", CultureInfo.InvariantCulture) + " ms",
        _ => (microseconds / 1000).ToString("0", CultureInfo.InvariantCulture) + " ms",
    };
}
