using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;

namespace Matchpoint.Telemetry;

/// <summary>What is read of every open node when somebody collects: it costs nothing in between.</summary>
internal static class Gauges
{
    // Weak: a node that nobody closed and nobody holds is not kept for its gauges.
    private static readonly ConditionalWeakTable<NodeTelemetry, MatchpointNode> Open = [];

    static Gauges()
    {
        var meter = Instruments.Meter;
        meter.CreateObservableGauge("matchpoint.state", States, "{node}", "1 for the state that the node is in, 0 for the others.");
        meter.CreateObservableGauge("matchpoint.role", () => Each(static status => status.State == NodeState.Primary ? 1 : 0), "{node}", "1 where the node takes writes, 0 elsewhere.");
        meter.CreateObservableGauge("matchpoint.voting", () => Each(static status => status.Counts ? 1 : 0), "{node}", "1 where the node takes part in elections and majorities, 0 elsewhere.");
        meter.CreateObservableGauge("matchpoint.term", () => Each(static status => status.Term), "{term}", "The highest term that the node knows of.");
        meter.CreateObservableGauge("matchpoint.warnings", () => Each(static status => status.Warnings.Count), "{warning}", "What is to be known or done: the status has the sentences.");
        meter.CreateObservableGauge("matchpoint.log.last", () => Each(static status => status.Last), "{record}", "The last record of the log.");
        meter.CreateObservableGauge("matchpoint.log.durable", () => Each(static status => status.Durable), "{record}", "The last record known to be on a majority.");
        meter.CreateObservableGauge("matchpoint.log.applied", () => Each(static status => status.Applied), "{record}", "The last record in the state.");
        meter.CreateObservableGauge(
            "matchpoint.durable.lag", () => Each(static status => Math.Max(0, status.Last - status.Durable)), "{record}", "Records of the log that are not known to be on a majority.");
        meter.CreateObservableGauge("matchpoint.replica.lag", Lags, "s", "How long ago the node was surely as current as its primary. Nothing where that is not known.");
        meter.CreateObservableUpDownCounter("matchpoint.log.bytes", () => EachNode(static node => LogBytes(node)), "By", "Bytes of log that are kept.");
        meter.CreateObservableUpDownCounter("matchpoint.tail.usage", () => Each(static status => status.TailBytes), "By", "Memory of undecided transactions.");
        meter.CreateObservableUpDownCounter("matchpoint.tail.limit", () => EachNode(static node => node.Options.MaxTailBytes), "By", "How much it may be before writes wait.");
        meter.CreateObservableGauge("matchpoint.copy.received", () => Copies(static copy => copy.Bytes), "By", "Bytes here of the full copy that is being fetched. Nothing where none is.");
        meter.CreateObservableGauge("matchpoint.copy.size", () => Copies(static copy => copy.TotalBytes), "By", "Bytes of the full copy that is being fetched.");
        meter.CreateObservableGauge("matchpoint.member.connected", () => Members(static member => member.IsConnected ? 1 : 0), "{member}", "1 where the node feeds the member, 0 where it does not.");
        meter.CreateObservableGauge("matchpoint.member.lag", () => Members(static member => member.LagRecords), "{record}", "Records that a member lacks of this node's log.");
        meter.CreateObservableGauge("matchpoint.member.lag.bytes", () => Members(static member => member.LagBytes), "By", "Bytes of log that a member lacks.");
    }

    /// <summary>A node is open: it is among what is read.</summary>
    public static void Add(NodeTelemetry telemetry, MatchpointNode node) => Open.AddOrUpdate(telemetry, node);

    /// <summary>A node is being closed.</summary>
    public static void Remove(NodeTelemetry telemetry) => Open.Remove(telemetry);

    private static IEnumerable<Measurement<long>> Each(Func<NodeStatus, long> value) => EachNode(node => value(node.GetStatus()));

    private static IEnumerable<Measurement<long>> EachNode(Func<MatchpointNode, long> value)
    {
        foreach (var (telemetry, node) in Open)
        {
            if (Read(node, value) is { } found) yield return new Measurement<long>(found, telemetry.Node, telemetry.Group);
        }
    }

    private static IEnumerable<Measurement<long>> States()
    {
        foreach (var (telemetry, node) in Open)
        {
            var now = node.State;
            foreach (var state in Enum.GetValues<NodeState>())
                yield return new Measurement<long>(state == now ? 1 : 0, telemetry.Node, telemetry.Group, new KeyValuePair<string, object?>("matchpoint.state", Names.Of(state)));
        }
    }

    private static IEnumerable<Measurement<double>> Lags()
    {
        foreach (var (telemetry, node) in Open)
        {
            if (Read(node, static open => open.GetStatus().Lag) is { } lag) yield return new Measurement<double>(lag.TotalSeconds, telemetry.Node, telemetry.Group);
        }
    }

    private static IEnumerable<Measurement<long>> Copies(Func<CopyProgress, long> value)
    {
        foreach (var (telemetry, node) in Open)
        {
            if (node.Core.Board.Copy is { } copy) yield return new Measurement<long>(value(copy), telemetry.Node, telemetry.Group);
        }
    }

    private static IEnumerable<Measurement<long>> Members(Func<MemberStatus, long> value)
    {
        foreach (var (telemetry, node) in Open)
        {
            foreach (var member in node.Core.Feeders.Status())
                yield return new Measurement<long>(value(member), telemetry.Node, telemetry.Group, new KeyValuePair<string, object?>("matchpoint.member", member.Name));
        }
    }

    private static long LogBytes(MatchpointNode node)
    {
        using var view = node.Core.Log.View();
        return view.Segments.FirstOrDefault() is { Path: not null } oldest ? view.End.End.DistanceFrom(oldest.Before.End) : 0;
    }

    /// <summary>A value of a node; null where the node is just being closed, or opened with a full copy.</summary>
    private static T? Read<T>(MatchpointNode node, Func<MatchpointNode, T?> value)
        where T : struct
    {
        try
        {
            return value(node);
        }
        catch (ObjectDisposedException)
        {
            // Whoever collects does so at any moment. There is nothing to be told of such a node now.
            return null;
        }
    }

    private static long? Read(MatchpointNode node, Func<MatchpointNode, long> value) => Read<long>(node, open => value(open));
}
