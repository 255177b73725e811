using Matchpoint.Node;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;
using Matchpoint.Simulation.Clients;

namespace Matchpoint.Simulation.Checks;

/// <summary>
/// What reads of registers were told was so behind one record, of all keys of a scan together, and the record is one that the level of the read admits.
/// </summary>
/// <remarks>
/// All levels but Local: a record of the durable history, not above what the node knew to be durable when it answered. Linearizable: not below what was acknowledged, or read linearizably
/// or on the primary, before the call. Durable and MaxLag on a node that was the primary throughout: the same. AtLeast: not below the token. Durable on a node that was the primary when an
/// earlier read was answered, as long as it stays open: not below what that read showed. MaxLag on a replica promises nothing of that kind: it counts from when the replica received something.
/// Local: a record of the log that the node held when it was called, whatever became of it; what nobody ever saw of such a log is not checked.
/// </remarks>
internal sealed class Readings
{
    private const string Kept = "no default read is ever undone";
    private const string AtOnce = "a read shows what is so at one record, as fresh as its level says";
    private const string Whole = "a range is deleted in one record";

    private readonly Fold _fold;
    private readonly RegisterVersions _durable;
    private readonly Func<LogPosition, Fold?> _heldAt;
    private readonly Dictionary<object, long> _shown = [];
    private readonly Dictionary<ClientOperation, (long Known, long Shown)> _called = [];
    private long _known;

    private Readings(Fold fold, Func<LogPosition, Fold?> heldAt) => (_fold, _heldAt, _durable) = (fold, heldAt, new RegisterVersions(fold));

    /// <summary>Checks all reads, and that ranges were deleted whole.</summary>
    /// <param name="fold">The durable history.</param>
    /// <param name="operations">What clients asked, and were told.</param>
    /// <param name="heldAt">The history that a log was part of which some node held, by its end: the durable one or another; null where it is not known.</param>
    /// <exception cref="ViolationException">Something is wrong.</exception>
    public static void MustBeTrue(Fold fold, IEnumerable<ClientOperation> operations, Func<LogPosition, Fold?> heldAt)
    {
        var moments = new List<(long At, ClientOperation Operation, bool IsAnswer)>();
        foreach (var operation in operations)
        {
            if (operation.Outcome != Outcome.Ok) continue;
            if (operation.IsRead) moments.Add((operation.CalledAt, operation, false));
            moments.Add((operation.AnsweredAt, operation, true));
        }

        moments.Sort(static (one, other) => one.At.CompareTo(other.At));
        var readings = new Readings(fold, heldAt);
        foreach (var (_, operation, isAnswer) in moments)
        {
            if (!isAnswer) readings.OnCall(operation);
            else if (operation.IsRead) readings.OnRead(operation);
            else readings.OnWrite(operation);
        }
    }

    private void OnCall(ClientOperation read) => _called.Add(read, (_known, read.Place is { } place ? _shown.GetValueOrDefault(place.Core) : 0));

    private void OnWrite(ClientOperation write)
    {
        if (!write.Writes) return;
        _known = Math.Max(_known, write.Token.Vlsn);
        if (write.Action == ClientAction.DeleteRange && !IsWhole(write)) throw new ViolationException(Whole, $"{write}");
    }

    private void OnRead(ClientOperation read)
    {
        int[] found = read.FoundInEach ?? [read.Found];
        if (read.Level.Kind == ReadKind.Local)
        {
            CheckLocal(read, found);
            return;
        }

        for (var i = 0; i < found.Length; i++)
        {
            if (!_durable.EverHeld(read.Key + i, found[i])) throw new ViolationException(Kept, $"{read}");
        }

        var (known, shown) = _called[read];
        var isCurrent = read.Level.Kind == ReadKind.Linearizable || (read.Level.Kind != ReadKind.AtLeast && read.Place is { IsCurrent: true });
        var from = isCurrent ? known : read.Level.Kind switch { ReadKind.AtLeast => read.Level.Token.Vlsn, ReadKind.Durable => shown, _ => 0 };
        var to = read.Place is { } place ? place.Durable.DistanceFrom(Vlsn.Null) : long.MaxValue;
        var at = _durable.Earliest(read.Key, found, from, to) ?? throw Untrue(read, found, _durable, from, to);
        if (isCurrent) _known = Math.Max(_known, at);
        if (isCurrent && read.Place is { IsCurrent: true } primary) _shown[primary.Core] = Math.Max(_shown.GetValueOrDefault(primary.Core), at);
    }

    private void CheckLocal(ClientOperation read, int[] found)
    {
        if (read.Place is not { } place) return;
        var to = place.Held.Vlsn.DistanceFrom(Vlsn.Null);
        if (_heldAt(place.Held) is not { } fold) return;
        var held = fold == _fold ? _durable : new RegisterVersions(fold);
        if (held.Earliest(read.Key, found, 0, to) is null) throw Untrue(read, found, held, 0, to);
    }

    private bool IsWhole(ClientOperation write)
    {
        var at = Vlsn.Null.Plus(write.Token.Vlsn);
        foreach (var transaction in _fold.Transactions)
        {
            if (transaction.At != at) continue;
            foreach (var payload in transaction.Payloads)
            {
                foreach (var operation in PieceReader.Read(payload, at))
                {
                    if (operation.Kind == OperationKind.DeleteRange && operation.Key.SequenceEqual(SimulatedClient.RegisterKey(write.Key))
                        && operation.EndKey.SequenceEqual(SimulatedClient.RegisterKey(write.Key + write.Count))) return true;
                }
            }
        }

        return false;
    }

    private static ViolationException Untrue(ClientOperation read, int[] found, RegisterVersions versions, long from, long to) =>
        new(AtOnce, $"{read}: not so behind any of the records {from} to {(to == long.MaxValue ? "the last" : to)}; "
            + string.Join("; ", found.Select((value, i) => versions.Describe(read.Key + i, value))));
}
