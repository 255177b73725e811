namespace Matchpoint.Simulation.Checkers;

/// <summary>Why one transaction comes before another.</summary>
[Flags]
internal enum Dependency
{
    /// <summary>It does not.</summary>
    None = 0,

    /// <summary>It wrote what the other overwrote.</summary>
    WriteWrite = 1,

    /// <summary>It wrote what the other read.</summary>
    WriteRead = 2,

    /// <summary>It read what the other overwrote.</summary>
    ReadWrite = 4,

    /// <summary>It was answered before the other was called.</summary>
    RealTime = 8,
}

/// <summary>A cycle, by Adya's name for it.</summary>
internal sealed record DependencyCycle(string Anomaly, IReadOnlyList<(int From, int To, Dependency Kind)> Steps);

/// <summary>Which transactions come before which.</summary>
internal sealed class DependencyGraph(int count)
{
    private readonly Dictionary<int, Dependency>?[] _edges = new Dictionary<int, Dependency>?[count];

    /// <summary>One comes before another.</summary>
    public void Add(int from, int to, Dependency kind)
    {
        if (from == to) return;
        var edges = _edges[from] ??= [];
        edges[to] = edges.GetValueOrDefault(to) | kind;
    }

    /// <summary>A short cycle, the worst kind first; null where there is none.</summary>
    public DependencyCycle? FindCycle()
    {
        ReadOnlySpan<(Dependency Kinds, string Name)> anomalies =
        [
            (Dependency.WriteWrite, "G0, write cycle"),
            (Dependency.WriteWrite | Dependency.WriteRead, "G1c, circular information flow"),
            (Dependency.WriteWrite | Dependency.RealTime, "G0-realtime"),
            (Dependency.WriteWrite | Dependency.WriteRead | Dependency.RealTime, "G1c-realtime"),
            (Dependency.WriteWrite | Dependency.WriteRead | Dependency.ReadWrite, "G"),
            (Dependency.WriteWrite | Dependency.WriteRead | Dependency.ReadWrite | Dependency.RealTime, "G-realtime"),
        ];
        foreach (var (kinds, name) in anomalies)
        {
            if (Shortest(kinds) is not { } cycle) continue;
            var antidependencies = cycle.Count(static step => step.Kind == Dependency.ReadWrite);
            var full = name[0] == 'G' && (name == "G" || name == "G-realtime")
                ? (antidependencies == 1 ? "G-single" : "G2-item") + name[1..]
                : name;
            return new DependencyCycle(full, cycle);
        }

        return null;
    }

    private List<(int From, int To, Dependency Kind)>? Shortest(Dependency kinds)
    {
        List<(int From, int To, Dependency Kind)>? best = null;
        foreach (var start in InCycles(kinds))
        {
            if (Around(start, kinds) is { } cycle && (best is null || cycle.Count < best.Count)) best = cycle;
        }

        return best;
    }

    /// <summary>The shortest way from a transaction back to itself.</summary>
    private List<(int From, int To, Dependency Kind)>? Around(int start, Dependency kinds)
    {
        var from = new Dictionary<int, int>();
        var queue = new Queue<int>([start]);
        while (queue.TryDequeue(out var at))
        {
            foreach (var (to, kind) in _edges[at] ?? [])
            {
                if ((kind & kinds) == Dependency.None) continue;
                if (to == start)
                {
                    var steps = new List<(int, int, Dependency)> { (at, start, Worst(kind & kinds)) };
                    for (; at != start; at = from[at]) steps.Insert(0, (from[at], at, Worst(_edges[from[at]]![at] & kinds)));
                    return steps;
                }

                if (from.TryAdd(to, at)) queue.Enqueue(to);
            }
        }

        return null;
    }

    /// <summary>Of several reasons the one that says most.</summary>
    private static Dependency Worst(Dependency kinds) => (Dependency)((int)kinds & -(int)kinds);

    /// <summary>All transactions in strongly connected components of more than one (Tarjan 1972, without recursion).</summary>
    private List<int> InCycles(Dependency kinds)
    {
        var (index, low, onStack) = (new int[count], new int[count], new bool[count]);
        var (stack, found, counter) = (new Stack<int>(), new List<int>(), 0);
        for (var root = 0; root < count; root++)
        {
            if (index[root] != 0) continue;
            var work = new Stack<(int Node, IEnumerator<int> Next)>();
            Enter(root);
            while (work.TryPeek(out var top))
            {
                if (top.Next.MoveNext())
                {
                    var to = top.Next.Current;
                    if (index[to] == 0) Enter(to);
                    else if (onStack[to]) low[top.Node] = Math.Min(low[top.Node], index[to]);
                    continue;
                }

                work.Pop();
                if (work.TryPeek(out var parent)) low[parent.Node] = Math.Min(low[parent.Node], low[top.Node]);
                if (low[top.Node] != index[top.Node]) continue;
                var component = new List<int>();
                int member;
                do
                {
                    member = stack.Pop();
                    onStack[member] = false;
                    component.Add(member);
                }
                while (member != top.Node);
                if (component.Count > 1) found.AddRange(component);
            }

            void Enter(int node)
            {
                index[node] = low[node] = ++counter;
                stack.Push(node);
                onStack[node] = true;
                work.Push((node, (_edges[node] ?? []).Where(edge => (edge.Value & kinds) != Dependency.None).Select(static edge => edge.Key).GetEnumerator()));
            }
        }

        return found;
    }
}
