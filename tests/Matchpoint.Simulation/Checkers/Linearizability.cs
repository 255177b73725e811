using Matchpoint.Simulation.Clients;

namespace Matchpoint.Simulation.Checkers;

/// <summary>
/// Whether the operations on one register can have happened one after the other, each between its call and its answer. The search is Wing and Gong's ("Testing and Verifying
/// Concurrent Objects", 1993) with the memory of Lowe ("Testing for linearizability", 2017): a set of operations that are done, and the value then, is looked at once.
/// Keys are checked one by one, which is the same (Herlihy and Wing 1990). An operation of unknown outcome may happen at any time after its call, or never:
/// it is only tried where the next operation looks at what it left behind, for any other place is as good as none.
/// </summary>
internal static class Linearizability
{
    /// <summary>So many configurations are looked at; a history that needs more is not decided.</summary>
    private const int MostConfigurations = 500_000;

    /// <summary>Checks every register.</summary>
    /// <param name="operations">All operations; those of lists, and reads that promise less, are skipped.</param>
    /// <returns>What is wrong; null for nothing.</returns>
    public static string? Check(IEnumerable<ClientOperation> operations) => Check(operations, out _);

    /// <summary>Checks every register.</summary>
    /// <param name="operations">All operations; those of lists, and reads that promise less, are skipped.</param>
    /// <param name="undecided">How many registers' histories needed more than was looked at.</param>
    /// <param name="most">So many configurations are looked at, of each register.</param>
    /// <returns>What is wrong; null for nothing.</returns>
    public static string? Check(IEnumerable<ClientOperation> operations, out int undecided, int most = MostConfigurations)
    {
        undecided = 0;
        foreach (var key in operations.Where(IsOfRegister).GroupBy(static operation => operation.Key))
        {
            if (CheckRegister([.. key], most, out var isUndecided) is { } violation) return violation;
            if (isUndecided) undecided++;
        }

        return null;
    }

    private static bool IsOfRegister(ClientOperation operation) =>
        operation.Action != ClientAction.Transact && operation.Outcome != Outcome.Fail
        && (operation.Action != ClientAction.Read || (operation.Outcome == Outcome.Ok && operation.Level == ReadLevel.Linearizable));

    private static string? CheckRegister(ClientOperation[] operations, int most, out bool isUndecided)
    {
        isUndecided = false;
        var (head, left) = Entry.ListOf(operations);
        var done = new ulong[(operations.Length + 63) / 64];
        var seen = new HashSet<Configuration>();
        var path = new Stack<(Entry Entry, int Value, bool IsLookedAt)>();
        var value = 0;
        var isLookedAt = true;
        var entry = head.Next;
        Entry? stuck = null;
        while (left > 0)
        {
            if (entry is { IsCall: true } && (isLookedAt || Looks(entry.Operation)) && TryStep(entry.Operation, value, out var next))
            {
                var willBeLookedAt = entry.Operation.Outcome != Outcome.Unknown;
                done[entry.Index / 64] |= 1UL << (entry.Index % 64);
                if (seen.Add(new Configuration([.. done], next, willBeLookedAt)))
                {
                    isUndecided = seen.Count > most;
                    if (isUndecided) return null;
                    path.Push((entry, value, isLookedAt));
                    (value, isLookedAt) = (next, willBeLookedAt);
                    entry.Lift();
                    if (entry.Return is not null) left--;
                    entry = head.Next;
                    continue;
                }

                done[entry.Index / 64] &= ~(1UL << (entry.Index % 64));
            }

            if (entry is { IsCall: true })
            {
                entry = entry.Next;
                continue;
            }

            stuck = entry ?? stuck;
            if (path.Count == 0) return Explain(operations, stuck?.Operation ?? operations[0]);
            (entry, value, isLookedAt) = path.Pop();
            done[entry.Index / 64] &= ~(1UL << (entry.Index % 64));
            entry.Unlift();
            if (entry.Return is not null) left++;
            entry = entry.Next;
        }

        return null;
    }

    /// <summary>Whether it makes a difference to an operation what the register holds.</summary>
    private static bool Looks(ClientOperation operation) => operation.Action is ClientAction.Read or ClientAction.CompareAndSet;

    private static bool TryStep(ClientOperation operation, int value, out int next)
    {
        next = value;
        switch (operation.Action)
        {
            case ClientAction.Put:
                next = operation.Value;
                return true;
            case ClientAction.Delete:
                next = 0;
                return true;
            case ClientAction.Read:
                return operation.Found == value;
            default:
                var applies = value == operation.Expected;
                if (applies) next = operation.Value;
                return operation.Outcome == Outcome.Unknown ? applies : applies == (operation.Found != 0);
        }
    }

    private static string Explain(ClientOperation[] operations, ClientOperation at)
    {
        var around = operations.Where(other => other.CalledAt <= at.AnsweredAt && other.AnsweredAt >= at.CalledAt - 20).OrderBy(static other => other.CalledAt).TakeLast(12);
        return $"register r{at.Key}: no order explains [{at.CalledAt}..{at.AnsweredAt}] {at}; around it: "
            + string.Join("; ", around.Select(static other => $"[{other.CalledAt}..{(other.AnsweredAt == long.MaxValue ? "" : other.AnsweredAt)}] {other}"));
    }

    /// <summary>A set of operations that are done, the value then, and whether the next may be one that does not look at it.</summary>
    private readonly record struct Configuration(ulong[] Done, int Value, bool IsLookedAt)
    {
        public bool Equals(Configuration other) => Value == other.Value && IsLookedAt == other.IsLookedAt && Done.AsSpan().SequenceEqual(other.Done);

        public override int GetHashCode()
        {
            var hash = (((ulong)Value * 2) + (IsLookedAt ? 1UL : 0)) * 0x9E3779B97F4A7C15;
            foreach (var word in Done) hash = (hash ^ word) * 0xD1B54A32D192ED03;
            return (int)(hash ^ (hash >> 32));
        }
    }

    /// <summary>A call or an answer in the list of all, in order of time.</summary>
    private sealed class Entry(ClientOperation operation, int index, bool isCall)
    {
        public ClientOperation Operation => operation;

        public int Index => index;

        public bool IsCall => isCall;

        /// <summary>A call's answer; null where it has none.</summary>
        public Entry? Return { get; private set; }

        public Entry? Next { get; private set; }

        private Entry? Previous { get; set; }

        public static (Entry Head, int Answers) ListOf(ClientOperation[] operations)
        {
            var moments = new List<(long At, Entry Entry)>();
            for (var i = 0; i < operations.Length; i++)
            {
                var call = new Entry(operations[i], i, isCall: true);
                moments.Add((operations[i].CalledAt, call));
                if (operations[i].Outcome != Outcome.Ok) continue;
                call.Return = new Entry(operations[i], i, isCall: false);
                moments.Add((operations[i].AnsweredAt, call.Return));
            }

            var head = new Entry(operations[0], -1, isCall: false);
            var last = head;
            foreach (var (_, entry) in moments.OrderBy(static moment => moment.At))
            {
                (last.Next, entry.Previous) = (entry, last);
                last = entry;
            }

            return (head, moments.Count - operations.Length);
        }

        public void Lift()
        {
            Unlink();
            Return?.Unlink();
        }

        public void Unlift()
        {
            Return?.Link();
            Link();
        }

        private void Unlink()
        {
            Previous!.Next = Next;
            if (Next is not null) Next.Previous = Previous;
        }

        private void Link()
        {
            Previous!.Next = this;
            if (Next is not null) Next.Previous = this;
        }
    }
}
