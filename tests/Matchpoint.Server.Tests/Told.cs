using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;

namespace Matchpoint.Server.Tests;

/// <summary>Listens to what the nodes of one group measure, trace and log.</summary>
internal sealed class Told : ILoggerProvider, ILogger
{
    private readonly string _group;
    private readonly MeterListener _meter = new();
    private readonly ActivityListener _activities;
    private readonly ConcurrentQueue<(string Instrument, string Node, double Value)> _measured = [];
    private readonly ConcurrentQueue<Activity> _ended = [];
    private readonly ConcurrentQueue<(int Id, LogLevel Level, string Text)> _lines = [];

    /// <summary>Begins to listen.</summary>
    /// <param name="group">The group's name: other tests' nodes are in the same process.</param>
    public Told(string group)
    {
        _group = group;
        Logging = LoggerFactory.Create(builder => builder.SetMinimumLevel(LogLevel.Debug).AddProvider(this));
        _meter.InstrumentPublished = static (instrument, own) =>
        {
            if (instrument.Meter.Name == "Matchpoint" && !instrument.IsObservable) own.EnableMeasurementEvents(instrument);
        };
        _meter.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Measured(instrument, value, tags));
        _meter.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Measured(instrument, value, tags));
        _activities = new ActivityListener
        {
            ShouldListenTo = static source => source.Name == "Matchpoint",
            Sample = static (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = activity =>
            {
                if (activity.GetTagItem("matchpoint.group") is string of && of == _group) _ended.Enqueue(activity);
            },
        };
        ActivitySource.AddActivityListener(_activities);
    }

    /// <summary>What the nodes log to.</summary>
    public ILoggerFactory Logging { get; }

    /// <summary>What they logged, in order.</summary>
    public IReadOnlyCollection<(int Id, LogLevel Level, string Text)> Lines => _lines;

    /// <summary>Begins to measure: what went before does not count, as it does not for a server that was started after its node.</summary>
    public void Measure() => _meter.Start();

    /// <summary>What a node has measured with an instrument, added up.</summary>
    public double Sum(string instrument, string node) => _measured.Where(one => one.Instrument == instrument && one.Node == node).Sum(static one => one.Value);

    /// <summary>How often a node has measured with an instrument.</summary>
    public int Count(string instrument, string node) => _measured.Count(one => one.Instrument == instrument && one.Node == node);

    /// <summary>What a node has traced under a name.</summary>
    public IEnumerable<Activity> Ended(string name, string node) =>
        _ended.Where(activity => activity.OperationName == name && activity.GetTagItem("matchpoint.node") is string of && of == node);

    /// <inheritdoc/>
    public ILogger CreateLogger(string categoryName) => this;

    /// <inheritdoc/>
    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    /// <inheritdoc/>
    public bool IsEnabled(LogLevel logLevel) => true;

    /// <inheritdoc/>
    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        _lines.Enqueue((eventId.Id, logLevel, formatter(state, exception)));

    /// <inheritdoc/>
    public void Dispose()
    {
        _meter.Dispose();
        _activities.Dispose();
    }

    private void Measured(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        string? group = null;
        string? node = null;
        foreach (var tag in tags)
        {
            if (tag.Key == "matchpoint.group") group = tag.Value as string;
            if (tag.Key == "matchpoint.node") node = tag.Value as string;
        }

        if (group == _group && node is not null) _measured.Enqueue((instrument.Name, node, value));
    }
}
