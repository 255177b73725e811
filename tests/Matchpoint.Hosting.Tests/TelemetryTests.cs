using System.Diagnostics;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace Matchpoint.Hosting.Tests;

/// <summary>
/// What a node measures, traces and logs, and that it costs nothing where nobody wants to know. By itself: whoever listens hears every node of the process, and each of them then measures for it.
/// </summary>
[CollectionDefinition(nameof(TelemetryTests), DisableParallelization = true)]
[Collection(nameof(TelemetryTests))]
public sealed class TelemetryTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task A_node_counts_commits_conflicts_and_reads_by_their_names()
    {
        var sums = new Dictionary<string, double>(StringComparer.Ordinal);
        using var listener = Listen((instrument, value, tags) =>
        {
            if (!tags.ToArray().Contains(new KeyValuePair<string, object?>("matchpoint.group", "counted"))) return;
            lock (sums) sums[Named(instrument, tags)] = sums.GetValueOrDefault(Named(instrument, tags)) + value;
        });
        await using var node = await OpenAsync("counted");
        await node.Default.PutAsync("key", "1", cancellation: Cancellation);
        await node.Default.GetTextAsync("key", cancellation: Cancellation);
        await node.Default.GetTextAsync("key", ReadLevel.Local, Cancellation);
        using var late = await node.BeginAsync(Cancellation);
        Assert.Equal("1", late.GetText("key"));
        late.Put("key", "3");
        await node.Default.PutAsync("key", "2", cancellation: Cancellation);
        await Assert.ThrowsAsync<ConflictException>(async () => await node.CommitAsync(late, cancellation: Cancellation));
        listener.RecordObservableInstruments();

        lock (sums)
        {
            Assert.Equal(2, sums["matchpoint.commits committed"]);
            Assert.Equal(1, sums["matchpoint.commits conflict"]);
            Assert.Equal(1, sums["matchpoint.conflicts"]);
            Assert.Equal(1, sums["matchpoint.reads durable"]);
            Assert.Equal(1, sums["matchpoint.reads local"]);
            Assert.InRange(sums["matchpoint.commit.duration committed"], double.Epsilon, 60);
            Assert.InRange(sums["matchpoint.log.flush.duration"], double.Epsilon, 60);
            Assert.Equal(node.GetStatus().Last, sums["matchpoint.log.last"]);
            Assert.Equal(sums["matchpoint.log.written"], sums["matchpoint.log.bytes"]);
            Assert.Equal(1, sums["matchpoint.role"]);
            Assert.Equal(1, sums["matchpoint.state primary"]);
            Assert.Equal(0, sums["matchpoint.state failed"]);
            Assert.Equal(node.Options.MaxTailBytes, sums["matchpoint.tail.limit"]);
        }
    }

    [Fact]
    public async Task A_closed_node_is_measured_no_more()
    {
        var seen = 0;
        using var listener = Listen((_, _, tags) => seen += tags.ToArray().Contains(new KeyValuePair<string, object?>("matchpoint.group", "closed")) ? 1 : 0);
        var node = await OpenAsync("closed");
        listener.RecordObservableInstruments();
        Assert.NotEqual(0, seen);
        await node.DisposeAsync();
        seen = 0;
        listener.RecordObservableInstruments();
        Assert.Equal(0, seen);
    }

    [Fact]
    public async Task Where_nobody_listens_what_is_on_the_way_allocates_nothing()
    {
        await using var node = await OpenAsync("quiet");
        var telemetry = node.Telemetry;
        void Steps()
        {
            telemetry.Read(ReadKind.Durable);
            telemetry.LogWritten(100);
            telemetry.LogFlushed(TimeSpan.FromMilliseconds(1));
            Assert.False(Matchpoint.Telemetry.NodeTelemetry.ListensToCommits);
            Assert.Null(telemetry.BeginTransaction());
        }

        Steps();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++) Steps();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public async Task A_read_that_is_counted_allocates_no_more_than_one_that_is_not()
    {
        await using var node = await OpenAsync("reads");
        var absent = "absent"u8.ToArray();
        async Task<long> ReadAsync()
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < 1000; i++) Assert.Null(await node.Default.GetAsync(absent, cancellation: Cancellation));
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }

        await ReadAsync();
        var quiet = await ReadAsync();
        var count = 0L;
        using var listener = new MeterListener { InstrumentPublished = (instrument, own) => own.EnableMeasurementEvents(instrument) };
        listener.SetMeasurementEventCallback<long>((instrument, _, _, _) => count += instrument.Name == "matchpoint.reads" ? 1 : 0);
        listener.Start();
        await ReadAsync();
        var counted = await ReadAsync();
        Assert.True(count >= 2000, $"{count} reads were counted.");
        Assert.Equal(quiet, counted);
    }

    [Fact]
    public async Task Commits_and_transactions_are_traced_with_their_attempts()
    {
        var ended = new List<Activity>();
        using var tracing = Sdk.CreateTracerProviderBuilder().AddMatchpointInstrumentation().AddProcessor(new Collect(ended)).Build();
        await using var node = await OpenAsync("traced");
        var runs = 0;
        var token = await node.TransactAsync(
            async transaction =>
            {
                transaction.GetText("key");
                transaction.Put("key", "own");
                if (runs++ == 0) await node.Default.PutAsync("key", "other", cancellation: Cancellation);
            },
            cancellation: Cancellation);

        var transact = Assert.Single(ended, activity => activity.OperationName == "matchpoint.transact");
        Assert.Equal(2, transact.GetTagItem("matchpoint.attempts"));
        Assert.Equal(ActivityStatusCode.Unset, transact.Status);
        var commits = ended.Where(activity => activity.OperationName == "matchpoint.commit").ToList();
        Assert.All(commits, commit => Assert.Equal(transact.SpanId, commit.ParentSpanId));
        Assert.Equal(ActivityStatusCode.Error, Assert.Single(commits, commit => commit.GetTagItem("error.type") is "conflict").Status);
        Assert.Contains(commits, commit => commit.GetTagItem("matchpoint.vlsn") is long vlsn && vlsn == token.Vlsn);
    }

    [Fact]
    public async Task Histograms_in_seconds_are_exported_with_buckets_of_their_own()
    {
        var bounds = new Dictionary<string, List<double>>(StringComparer.Ordinal);
        using var reader = new BaseExportingMetricReader(new KeepBounds(bounds));
        using var metrics = Sdk.CreateMeterProviderBuilder().AddMatchpointInstrumentation().AddReader(reader).Build();
        await using var node = await OpenAsync("buckets");
        await node.Default.PutAsync("key", "value", cancellation: Cancellation);
        Assert.True(reader.Collect());
        Assert.Equal([0.00005, 0.0001], bounds["matchpoint.commit.duration"][..2]);
        Assert.Equal([0.00005, 0.0001], bounds["matchpoint.log.flush.duration"][..2]);
    }

    [Fact]
    public async Task What_happens_is_logged_under_ids_that_stay()
    {
        var lines = new List<(EventId Id, LogLevel Level, string Text)>();
        using var logging = LoggerFactory.Create(builder => builder.SetMinimumLevel(LogLevel.Trace).AddProvider(new Collecting(lines)));
        var node = await MatchpointNode.OpenAsync(new MatchpointOptions { Directory = _directory.Path, LoggerFactory = logging }, Cancellation);
        await node.DisposeAsync();
        lock (lines)
        {
            Assert.Contains(lines, line => line.Id.Id == 1000 && line.Text.Contains(_directory.Path, StringComparison.Ordinal));
            Assert.Contains(lines, line => line.Id.Id == 1002 && line.Text.StartsWith("Electing -> Primary", StringComparison.Ordinal));
            Assert.Contains(lines, line => line.Id.Id == 1001);
        }
    }

    private static string Named(Instrument instrument, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var name = instrument.Name;
        foreach (var tag in tags)
        {
            if (tag.Key is "matchpoint.outcome" or "matchpoint.read.level" or "matchpoint.state") name += $" {tag.Value}";
        }

        return name;
    }

    private static MeterListener Listen(Measured measured)
    {
        var listener = new MeterListener
        {
            InstrumentPublished = (instrument, own) =>
            {
                if (instrument.Meter.Name == "Matchpoint") own.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => measured(instrument, value, tags));
        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => measured(instrument, value, tags));
        listener.Start();
        return listener;
    }

    private Task<MatchpointNode> OpenAsync(string group) => MatchpointNode.OpenAsync(new MatchpointOptions { Directory = _directory.Path, Group = group }, Cancellation);

    private delegate void Measured(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags);

    private sealed class Collect(List<Activity> ended) : BaseProcessor<Activity>
    {
        public override void OnEnd(Activity data)
        {
            lock (ended) ended.Add(data);
        }
    }

    private sealed class KeepBounds(Dictionary<string, List<double>> bounds) : BaseExporter<Metric>
    {
        public override ExportResult Export(in Batch<Metric> batch)
        {
            foreach (var metric in batch)
            {
                if (metric.MetricType != MetricType.Histogram) continue;
                foreach (ref readonly var point in metric.GetMetricPoints())
                {
                    var found = new List<double>();
                    foreach (var bucket in point.GetHistogramBuckets()) found.Add(bucket.ExplicitBound);
                    bounds[metric.Name] = found;
                }
            }

            return ExportResult.Success;
        }
    }

    private sealed class Collecting(List<(EventId Id, LogLevel Level, string Text)> lines) : ILoggerProvider, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            lock (lines) lines.Add((eventId, logLevel, formatter(state, exception)));
        }

        public void Dispose()
        {
            // Nothing is held.
        }
    }
}
