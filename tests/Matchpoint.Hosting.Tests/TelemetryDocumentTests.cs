using System.Diagnostics.Metrics;
using System.Globalization;
using System.Reflection;
using System.Text.Json;
using System.Text.RegularExpressions;
using Matchpoint.Telemetry;
using Matchpoint.Transport;
using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Metrics;

namespace Matchpoint.Hosting.Tests;

/// <summary>What docs/telemetry.md and the dashboard name is what there is.</summary>
public sealed partial class TelemetryDocumentTests : IDisposable
{
    private static readonly string Root = FindRoot();
    private readonly TemporaryDirectory _directory = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Every_instrument_is_described_with_its_kind_and_unit()
    {
        var described = Rows("## Metrics").Select(row => (row[0].Trim('`'), row[1].Replace("`", "", StringComparison.Ordinal)));
        var there = (await InstrumentsAsync()).Select(instrument => (instrument.Name, $"{KindOf(instrument)}, {instrument.Unit}"));
        Assert.Equal(there.Order(), described.Order());
    }

    [Fact]
    public void Every_logged_sentence_is_described_with_its_level()
    {
        var described = Rows("## Log").Select(row => (int.Parse(row[0], CultureInfo.InvariantCulture), row[1]));
        var there = typeof(NodeLog).GetMethods(BindingFlags.Public | BindingFlags.Static)
            .Select(method => method.GetCustomAttribute<LoggerMessageAttribute>()).OfType<LoggerMessageAttribute>()
            .Select(message => (message.EventId, $"{message.Level}"));
        Assert.Equal(there.Order(), described.Order());
    }

    [Fact]
    public async Task The_dashboard_asks_only_for_what_there_is()
    {
        var names = (await InstrumentsAsync()).SelectMany(PrometheusNames).ToHashSet(StringComparer.Ordinal);
        using var dashboard = JsonDocument.Parse(File.ReadAllText(Path.Combine(Root, "deploy", "grafana", "matchpoint.json")));
        var asked = dashboard.RootElement.GetProperty("panels").EnumerateArray()
            .SelectMany(panel => panel.GetProperty("targets").EnumerateArray())
            .SelectMany(target => MetricName().Matches(target.GetProperty("expr").GetString()!))
            .Select(match => match.Value).ToHashSet(StringComparer.Ordinal);
        Assert.True(asked.Count > 15, $"the dashboard asks for {asked.Count} metrics.");
        Assert.Empty(asked.Except(names));
    }

    [Fact]
    public async Task Prometheus_sees_the_names_that_the_dashboard_uses()
    {
        var port = LoopbackPorts.Take(1)[0];
        using var metrics = Sdk.CreateMeterProviderBuilder()
            .AddMatchpointInstrumentation()
            .AddPrometheusHttpListener(options => (options.Host, options.Port) = ("127.0.0.1", port))
            .Build();
        await using var node = await MatchpointNode.OpenAsync(new MatchpointOptions { Directory = _directory.Path, Group = "scraped" }, Cancellation);
        await node.Default.PutAsync("key", "value", cancellation: Cancellation);
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(30) };
        var text = await http.GetStringAsync(new Uri($"http://127.0.0.1:{port}/metrics"), Cancellation);

        var seen = text.Split('\n').Where(line => line.StartsWith("matchpoint_", StringComparison.Ordinal))
            .Select(line => line[..line.IndexOf('{', StringComparison.Ordinal)]).ToHashSet(StringComparer.Ordinal);
        var expected = (await InstrumentsAsync()).SelectMany(PrometheusNames).ToHashSet(StringComparer.Ordinal);
        Assert.Empty(seen.Except(expected));
        Assert.Superset(new HashSet<string>(["matchpoint_commits_total", "matchpoint_commit_duration_seconds_bucket", "matchpoint_role", "matchpoint_log_bytes", "matchpoint_tail_usage_bytes"]), seen);
    }

    private static IEnumerable<string> PrometheusNames(Instrument instrument)
    {
        var name = instrument.Name.Replace('.', '_');
        var unit = instrument.Unit switch
        {
            "s" => "_seconds",
            "By" => "_bytes",
            _ => "",
        };
        if (!name.EndsWith(unit, StringComparison.Ordinal)) name += unit;
        return KindOf(instrument) switch
        {
            "counter" => [$"{name}_total"],
            "histogram" => [$"{name}_bucket", $"{name}_sum", $"{name}_count"],
            _ => [name],
        };
    }

    private static string KindOf(Instrument instrument) => instrument.GetType().Name.Split('`')[0] switch
    {
        "Counter" => "counter",
        "Histogram" => "histogram",
        "ObservableGauge" => "gauge",
        "ObservableUpDownCounter" => "up-down counter",
        var other => throw new InvalidOperationException($"{instrument.Name} is a {other}, which the document has no word for."),
    };

    /// <summary>The cells of the table under a heading.</summary>
    private static IEnumerable<string[]> Rows(string heading) => File.ReadAllText(Path.Combine(Root, "docs", "telemetry.md")).ReplaceLineEndings("\n")
        .Split($"\n{heading}\n")[1].Split("\n## ")[0].Split('\n')
        .Where(line => line.StartsWith('|') && !line.StartsWith("|---", StringComparison.Ordinal)).Skip(1)
        .Select(line => line.Split('|', StringSplitOptions.TrimEntries)[1..^1]);

    private async Task<List<Instrument>> InstrumentsAsync()
    {
        // Another test's node may publish its own at the same time, on its own thread.
        var gate = new Lock();
        var found = new List<Instrument>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, _) =>
            {
                if (instrument.Meter.Name != Instruments.Name) return;
                lock (gate) found.Add(instrument);
            },
        };
        listener.Start();
        // The gauges are there when a node is.
        var directory = Path.Combine(_directory.Path, Path.GetRandomFileName());
        await (await MatchpointNode.OpenAsync(directory, Cancellation)).DisposeAsync();
        lock (gate) return [.. found.DistinctBy(instrument => instrument.Name)];
    }

    private static string FindRoot()
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, "Matchpoint.slnx"))) return directory.FullName;
        }

        throw new InvalidOperationException($"No Matchpoint.slnx at or above {AppContext.BaseDirectory}.");
    }

    [GeneratedRegex(@"\bmatchpoint_\w+(?=\{)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex MetricName();
}
