using Matchpoint.Simulation.Clients;

namespace Matchpoint.Simulation.Checkers;

/// <summary>
/// Whether transactions over lists can have happened one after the other, in an order that keeps to real time: the method of Elle (Kingsbury and Alvaro, "Elle: Inferring Isolation
/// Anomalies from Experimental Observations", VLDB 2020). The longest read of a list tells in which order its values were appended; from that follows which transaction must come before
/// which (ww, wr, rw), and a cycle is an anomaly by Adya's names.
/// </summary>
internal sealed class Serializability
{
    private readonly List<ClientOperation> _transactions;
    private readonly Dictionary<(int Key, int Value), int> _writers = [];
    private readonly Dictionary<int, int[]> _orders = [];
    private readonly DependencyGraph _graph;
    private readonly HashSet<int> _observed = [];

    private Serializability(List<ClientOperation> transactions)
    {
        _transactions = transactions;
        _graph = new DependencyGraph(transactions.Count);
    }

    /// <summary>Checks all transactions.</summary>
    /// <param name="operations">All operations; those on registers are skipped.</param>
    /// <returns>What is wrong; null for nothing.</returns>
    public static string? Check(IEnumerable<ClientOperation> operations) =>
        new Serializability([.. operations.Where(static operation => operation.Action == ClientAction.Transact)]).Run();

    private string? Run() => FindWriters() ?? FindOrders() ?? CheckReads() ?? CheckAppends() ?? FindCycle();

    private IEnumerable<(ClientOperation Transaction, int Index, ListStep Step, int[] Seen, int Own)> Reads()
    {
        for (var i = 0; i < _transactions.Count; i++)
        {
            if (_transactions[i].Outcome != Outcome.Ok) continue;
            foreach (var (step, own) in WithOwnAppends(_transactions[i]))
            {
                if (step.Read is { } seen) yield return (_transactions[i], i, step, seen, own);
            }
        }
    }

    /// <summary>Every read with how many values its own transaction had appended to the list before.</summary>
    private static IEnumerable<(ListStep Step, int Own)> WithOwnAppends(ClientOperation transaction)
    {
        for (var i = 0; i < transaction.Steps.Count; i++)
        {
            var step = transaction.Steps[i];
            if (step.Append is null) yield return (step, transaction.Steps.Take(i).Count(other => other.Key == step.Key && other.Append is not null));
        }
    }

    private string? FindWriters()
    {
        for (var i = 0; i < _transactions.Count; i++)
        {
            foreach (var step in _transactions[i].Steps)
            {
                if (step.Append is { } value && !_writers.TryAdd((step.Key, value), i)) return $"duplicate append of {value} to l{step.Key}";
            }
        }

        return null;
    }

    private string? FindOrders()
    {
        foreach (var (transaction, _, step, seen, _) in Reads())
        {
            var longest = _orders.GetValueOrDefault(step.Key) ?? [];
            if (seen.Distinct().Count() != seen.Length) return $"duplicate value in a read: {transaction}";
            var (shorter, longer) = seen.Length < longest.Length ? (seen, longest) : (longest, seen);
            if (!longer.AsSpan(0, shorter.Length).SequenceEqual(shorter))
                return $"incompatible order of l{step.Key}: [{string.Join(' ', longest)}] and, by {transaction}, [{string.Join(' ', seen)}]";
            _orders[step.Key] = longer;
        }

        return null;
    }

    private string? CheckReads()
    {
        foreach (var (transaction, index, step, seen, own) in Reads())
        {
            foreach (var value in seen)
            {
                if (!_writers.TryGetValue((step.Key, value), out var writer)) return $"a value that nobody wrote, {value} in l{step.Key}: {transaction}";
                if (_transactions[writer].Outcome == Outcome.Fail) return $"G1a, aborted read of {value} in l{step.Key}: {transaction}";
                _observed.Add(writer);
            }

            var before = transaction.Steps.TakeWhile(other => !ReferenceEquals(other, step));
            var mine = before.Where(other => other.Key == step.Key && other.Append is not null).Select(static other => other.Append!.Value).ToArray();
            if (own > seen.Length || !seen.AsSpan(seen.Length - own).SequenceEqual(mine)) return $"a transaction does not see its own appends to l{step.Key}: {transaction}";
            var outside = seen.Length - own;
            if (outside == 0) continue;
            var last = seen[outside - 1];
            var lastWriter = _writers[(step.Key, last)];
            if (lastWriter == index) return $"a transaction sees what it appends later to l{step.Key}: {transaction}";
            var final = _transactions[lastWriter].Steps.Last(other => other.Key == step.Key && other.Append is not null).Append;
            if (final != last) return $"G1b, intermediate read of {last} in l{step.Key}: {transaction}";
        }

        return null;
    }

    /// <summary>An append that was acknowledged before a read was called is in what it reads.</summary>
    private string? CheckAppends()
    {
        foreach (var (reader, _, step, seen, _) in Reads())
        {
            foreach (var writer in _transactions)
            {
                if (writer.Outcome != Outcome.Ok || writer.AnsweredAt >= reader.CalledAt) continue;
                foreach (var append in writer.Steps)
                {
                    if (append.Key == step.Key && append.Append is { } value && !seen.Contains(value)) return $"lost append of {value} to l{step.Key}, {writer}: missing in {reader}";
                }
            }
        }

        return null;
    }

    private string? FindCycle()
    {
        foreach (var (key, order) in _orders)
        {
            for (var i = 1; i < order.Length; i++) _graph.Add(_writers[(key, order[i - 1])], _writers[(key, order[i])], Dependency.WriteWrite);
        }

        foreach (var (_, index, step, seen, own) in Reads())
        {
            var outside = seen.Length - own;
            var order = _orders[step.Key];
            if (outside > 0) _graph.Add(_writers[(step.Key, order[outside - 1])], index, Dependency.WriteRead);
            if (outside < order.Length) _graph.Add(index, _writers[(step.Key, order[outside])], Dependency.ReadWrite);
        }

        AddRealTime();
        return _graph.FindCycle() is { } cycle
            ? $"{cycle.Anomaly}: {string.Join("; ", cycle.Steps.Select(step => $"{_transactions[step.From]} --{step.Kind}-->"))}"
            : null;
    }

    /// <summary>What was answered before another was called comes before it; what follows from others is left out.</summary>
    private void AddRealTime()
    {
        var frontier = new List<int>();
        var moments = new List<(long At, bool IsCall, int Index)>();
        for (var i = 0; i < _transactions.Count; i++)
        {
            if (_transactions[i].Outcome == Outcome.Fail || (_transactions[i].Outcome != Outcome.Ok && !_observed.Contains(i))) continue;
            moments.Add((_transactions[i].CalledAt, true, i));
            if (_transactions[i].Outcome == Outcome.Ok) moments.Add((_transactions[i].AnsweredAt, false, i));
        }

        foreach (var (_, isCall, index) in moments.OrderBy(static moment => moment.At))
        {
            if (isCall)
            {
                foreach (var before in frontier) _graph.Add(before, index, Dependency.RealTime);
                continue;
            }

            frontier.RemoveAll(before => _transactions[before].AnsweredAt < _transactions[index].CalledAt);
            frontier.Add(index);
        }
    }
}
