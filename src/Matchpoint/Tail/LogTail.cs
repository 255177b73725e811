using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;
using Matchpoint.Storage.State;

namespace Matchpoint.Tail;

/// <summary>
/// The data above the state: every version that the records above a floor made, in memory, ordered. Generations follow each other; the oldest goes
/// when the state holds all of it. One caller at a time writes; readers take a
/// <see cref="TailView"/>.
/// </summary>
internal sealed class LogTail(long generationBytes)
{
    private TailSet _set = new([new TailGeneration()], Vlsn.Null);
    private long _order;
    private long _end;

    /// <summary>All versions of the records above this one are here.</summary>
    public Vlsn Floor => _set.Floor;

    /// <summary>The last record that was added.</summary>
    public Vlsn End => Vlsn.Null.Plus(Volatile.Read(ref _end));

    /// <summary>The newest record that something is here of: the last that was added may have changed nothing, or not yet.</summary>
    public Vlsn Newest => Volatile.Read(ref _set).Generations.Max(static generation => generation.Newest);

    /// <summary>Bytes it takes in memory, roughly.</summary>
    public long Bytes
    {
        get
        {
            long bytes = 0;
            foreach (var generation in Volatile.Read(ref _set).Generations) bytes += generation.Bytes;
            return bytes;
        }
    }

    private TailGeneration Active => _set.Generations[0];

    /// <summary>Adds what a record's operations do, or a piece of them: they take effect, in order, at a commit.</summary>
    /// <param name="vlsn">The commit.</param>
    /// <param name="payload">The operations.</param>
    public void Add(Vlsn vlsn, in TransactionPayload payload)
    {
        if (Active.Bytes >= generationBytes) Volatile.Write(ref _set, _set with { Generations = [new TailGeneration(), .. _set.Generations] });
        foreach (var operation in payload)
        {
            _order++;
            switch (operation.Kind)
            {
                case OperationKind.Put:
                    Active.Add(operation.Database, operation.Key, operation.Value, isDeleted: false, vlsn, _order);
                    break;
                case OperationKind.Delete:
                    Active.Add(operation.Database, operation.Key, [], isDeleted: true, vlsn, _order);
                    break;
                case OperationKind.DeleteRange:
                    var to = operation.EndKey.IsEmpty ? StateKey.Of((ushort)(operation.Database + 1), []) : StateKey.Of(operation.Database, operation.EndKey);
                    Active.AddRange(new TailRange(StateKey.Of(operation.Database, operation.Key), to, vlsn, _order));
                    break;
                default:
                    throw Invariant.Unreachable(operation.Kind);
            }
        }
    }

    /// <summary>A record is complete here, whether or not it changed anything.</summary>
    public void Advance(Vlsn vlsn) => Volatile.Write(ref _end, vlsn.DistanceFrom(Vlsn.Null));

    /// <summary>Forgets everything, and goes on behind a record.</summary>
    public void Reset(Vlsn floor)
    {
        // In this order: a view whose end is the new one has the new floor too.
        Volatile.Write(ref _set, new TailSet([new TailGeneration()], floor));
        Advance(floor);
    }

    /// <summary>Forgets the generations that hold nothing above a record.</summary>
    public void Forget(Vlsn upTo)
    {
        var generations = _set.Generations;
        var floor = _set.Floor;
        var kept = generations.Length;
        while (kept > 0 && generations[kept - 1].Newest <= upTo)
        {
            floor = Vlsn.Max(floor, generations[kept - 1].Newest);
            kept--;
        }

        if (kept == generations.Length) return;
        // What nothing was changed by needs no version: with all gone, the floor is as high as was asked for.
        if (kept == 0) floor = Vlsn.Max(floor, Vlsn.Min(upTo, End));
        else if (generations[kept - 1].IsEmpty) return;
        Volatile.Write(ref _set, new TailSet(kept == 0 ? [new TailGeneration()] : generations[..kept], floor));
    }

    /// <summary>The tail as it is now: what is added later has higher record numbers, what is forgotten later stays in the view.</summary>
    public TailView View()
    {
        var end = End; // First: what is in the set is no less.
        return new TailView(Volatile.Read(ref _set), end);
    }
}

/// <summary>The generations of a tail, newest first, and the record above which they hold everything.</summary>
internal sealed record TailSet(TailGeneration[] Generations, Vlsn Floor);
