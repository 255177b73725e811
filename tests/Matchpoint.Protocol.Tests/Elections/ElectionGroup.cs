using System.Collections.Immutable;
using Matchpoint.Protocol.Elections;
using Matchpoint.Protocol.Membership;

namespace Matchpoint.Protocol.Tests.Elections;

/// <summary>
/// A whole group of <see cref="Election"/>s under virtual time: a network that delays, loses, doubles and cuts off, nodes that pause, crash and forget, clocks that run
/// unequally fast. One seed, one history. What must hold is in <see cref="GroupPromises"/>.
/// </summary>
internal sealed class ElectionGroup
{
    public static readonly TimeSpan Timeout = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Heartbeat = Timeout / 4;
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(1);
    private const int TraceLines = 120000;

    private readonly Random _random;
    private readonly PriorityQueue<Action, (TimeSpan At, long Order)> _events = new();
    private readonly Queue<string>? _trace;
    private readonly HashSet<(GroupNode From, GroupNode To)> _cut = [];
    private long _order;
    private int _numbers;
    private double _loss;
    private TimeSpan _slowest = Tick * 20;

    public ElectionGroup(int seed, bool isTraced = false)
    {
        _random = new Random(seed);
        _trace = isTraced ? [] : null;
        var voters = 1 + _random.Next(7);
        var names = Enumerable.Range(0, voters + (voters < 7 ? _random.Next(2) : 0)).Select(i => $"{(char)('a' + i)}").ToImmutableArray();
        Voters = names[..voters];
        CountsUnflushed = _random.Next(3) == 0;
        Promises = new GroupPromises(this);
        Nodes = [.. names.Select((name, i) => new GroupNode(this, Settings(name), TimeSpan.FromSeconds(_random.Next(1000)), 0.92 + (0.16 * _random.NextDouble())))];
        Trace($"voters {string.Join(' ', Voters)} of {names.Length} nodes, {(CountsUnflushed ? "unflushed records count" : "flushed records count")}");
    }

    public ImmutableArray<GroupNode> Nodes { get; }

    public ImmutableArray<string> Voters { get; }

    public int Majority => (Voters.Length / 2) + 1;

    /// <summary>Whether records count as durable in the memory of a majority.</summary>
    public bool CountsUnflushed { get; }

    public bool IsTraced => _trace is not null;

    public bool IsFaulty { get; private set; } = true;

    public GroupPromises Promises { get; }

    public TimeSpan Now { get; private set; }

    public string TraceText => string.Join('\n', _trace ?? []);

    /// <summary>Faults for a while, then none; then there must be a primary, and everybody follows it.</summary>
    public void Run()
    {
        foreach (var node in Nodes) At(_random.Next(3) == 0 ? Some(Timeout * 4) : Some(Tick * 50), node.Start);
        At(Some(Timeout * 3), Fault);
        At(Some(Timeout), Write);
        RunUntil(Timeout * (10 + _random.Next(20)));
        Heal();
        Trace("the faults are over");
        RunUntil(Now + (Timeout * 10));
        Promises.CheckPrimary();
        RunUntil(Now + (Timeout * 10));
        Promises.CheckEnd();
    }

    public GroupNode Node(string name) => Nodes.First(node => node.Name == name);

    public int NextNumber() => ++_numbers;

    public bool Chance(double share) => _random.NextDouble() < share;

    public int Below(int bound) => _random.Next(bound);

    public TimeSpan Some(TimeSpan most) => new(_random.NextInt64(most.Ticks));

    public void At(TimeSpan after, Action act) => _events.Enqueue(act, (Now + after, _order++));

    public void Trace(string text)
    {
        if (_trace is null) return;
        if (_trace.Count == TraceLines) _trace.Dequeue();
        _trace.Enqueue($"{Now.TotalSeconds,8:0.000} {text}");
    }

    /// <summary>Sends a message: it may be lost, come late, twice, or after later ones.</summary>
    public void Send(GroupNode from, GroupNode to, Action<GroupNode> message)
    {
        var copies = IsFaulty && Chance(0.03) ? 2 : 1;
        for (var i = 0; i < copies; i++)
        {
            if (_cut.Contains((from, to)) || Chance(_loss)) continue;
            At(Tick + Some(IsFaulty && Chance(0.02) ? Timeout * 3 : _slowest), () => to.Receive(message));
        }
    }

    private ElectionSettings Settings(string name) => new(name, Roster.OfVoters(Voters), Timeout, Heartbeat, (ulong)_random.NextInt64());

    private void RunUntil(TimeSpan end)
    {
        while (_events.TryPeek(out _, out var next) && next.At <= end)
        {
            var act = _events.Dequeue();
            Now = next.At;
            act();
        }

        Now = end;
    }

    private void Write()
    {
        foreach (var node in Nodes) node.Write();
        At(Some(Timeout), Write);
    }

    private void Fault()
    {
        if (!IsFaulty) return;
        var primary = Nodes.FirstOrDefault(node => node.IsPrimary);
        var node = primary is not null && Chance(0.4) ? primary : Nodes[Below(Nodes.Length)];
        switch (Below(13))
        {
            case 0:
                var side = Nodes.Where(_ => Chance(0.5)).ToHashSet();
                Trace($"cut into {string.Join(' ', side)} and the rest");
                foreach (var from in Nodes) _cut.UnionWith(Nodes.Where(to => side.Contains(from) != side.Contains(to)).Select(to => (from, to)));
                break;
            case 1:
                Trace($"{node} is cut off");
                foreach (var other in Nodes) _cut.UnionWith([(node, other), (other, node)]);
                break;
            case 2:
                var isDeaf = Chance(0.5);
                Trace($"{node} is {(isDeaf ? "deaf" : "dumb")}");
                foreach (var other in Nodes) _cut.Add(isDeaf ? (other, node) : (node, other));
                break;
            case 3:
                foreach (var from in Nodes) _cut.UnionWith(Nodes.Where(_ => Chance(0.2)).Select(to => (from, to)));
                Trace("some links are cut");
                break;
            case 4 or 5:
                _cut.Clear();
                break;
            case 6:
                _loss = Chance(0.5) ? 0 : 0.4 * _random.NextDouble();
                _slowest = Chance(0.5) ? Tick * 20 : Chance(0.5) ? Timeout / 2 : Timeout * 2;
                Trace($"messages: {_loss:0.00} are lost, the slowest take {_slowest.TotalSeconds} s");
                break;
            case 7 or 8:
                node.Pause(Some(Timeout * 3));
                break;
            case 9 when Promises.CanAllLosePower:
                foreach (var each in Nodes) each.LosePowerWithAll();
                Promises.OnAllLostPower();
                break;
            default:
                node.CrashSomehow();
                break;
        }

        At(Some(Timeout * 2), Fault);
    }

    private void Heal()
    {
        IsFaulty = false;
        _cut.Clear();
        _loss = 0;
        _slowest = Tick * 20;
        foreach (var node in Nodes)
        {
            node.Resume();
            if (!node.IsUp) At(TimeSpan.Zero, node.Start);
        }

        // In half of the histories a minority stays away for good.
        if (!Chance(0.5)) return;
        foreach (var node in Nodes.OrderBy(_ => Below(100)))
            if (Promises.CanDoWithout(node)) node.StayAway();
    }
}
