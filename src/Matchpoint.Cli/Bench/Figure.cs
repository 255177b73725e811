using System.Text.Json.Serialization;

namespace Matchpoint.Cli.Bench;

/// <summary>One measured figure.</summary>
/// <param name="Name">A stable name, so that results can be compared over time.</param>
/// <param name="Value">The best of the runs.</param>
/// <param name="Unit">What the value counts.</param>
/// <param name="Limit">What the machine reached in the same run; for times and counts the bound. Null where there is none.</param>
/// <param name="Ratio">Value over limit.</param>
/// <param name="Runs">Every run's value, in order.</param>
internal sealed record Figure(
    [property: JsonPropertyName("name")] string Name,
    [property: JsonPropertyName("value")] double Value,
    [property: JsonPropertyName("unit")] string Unit,
    [property: JsonPropertyName("limit")] double? Limit,
    [property: JsonPropertyName("ratio")] double? Ratio,
    [property: JsonPropertyName("runs")] IReadOnlyList<double> Runs)
{
    /// <summary>Half of what was timed took no longer, in microseconds; null where nothing was timed one by one.</summary>
    [JsonPropertyName("p50")]
    public double? P50 { get; init; }

    /// <summary>Of a hundred, ninety-nine took no longer, in microseconds.</summary>
    [JsonPropertyName("p99")]
    public double? P99 { get; init; }

    /// <summary>A figure of which more is better.</summary>
    public static Figure Most(string name, string unit, IReadOnlyList<double> runs, double? limit = null) =>
        Of(name, unit, runs.Max(), runs, limit);

    /// <summary>A figure of which less is better.</summary>
    public static Figure Least(string name, string unit, IReadOnlyList<double> runs, double? limit = null) =>
        Of(name, unit, runs.Min(), runs, limit);

    private static Figure Of(string name, string unit, double value, IReadOnlyList<double> runs, double? limit) =>
        new(name, value, unit, limit, limit is > 0 ? value / limit : null, runs);
}
