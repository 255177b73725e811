using Matchpoint.Protocol.Identities;

namespace Matchpoint.Tail;

/// <summary>What the tail knows of a key.</summary>
internal enum TailAnswer
{
    /// <summary>Nothing: the state knows.</summary>
    Unknown,

    /// <summary>It has a value.</summary>
    Value,

    /// <summary>It was deleted.</summary>
    Deleted,
}

/// <summary>A view of the tail. An empty one knows nothing.</summary>
/// <param name="set">What it shows.</param>
/// <param name="end">The last record of which it surely has everything.</param>
/// <param name="own">A transaction's own writes.</param>
internal readonly struct TailView(TailSet? set, Vlsn end, TailGeneration? own = null)
{
    /// <summary>The record number of a transaction's own writes, before they have one.</summary>
    public static Vlsn OwnWrite { get; } = Vlsn.Of(long.MaxValue);

    /// <summary>All versions of the records above this one are in it.</summary>
    public Vlsn Floor => set?.Floor ?? Vlsn.Null;

    /// <summary>The last record of which it surely has everything that its floor does not leave to the state.</summary>
    public Vlsn End => end;

    /// <summary>Its generations, newest first, a transaction's own writes before all.</summary>
    public ReadOnlySpan<TailGeneration> Generations => own is null ? Shared : (TailGeneration[])[own, .. Shared];

    /// <summary>A transaction's own writes; null where there is none.</summary>
    public TailGeneration? Own => own;

    /// <summary>Whether nothing is in it.</summary>
    public bool IsEmpty
    {
        get
        {
            foreach (var generation in Shared)
            {
                if (!generation.IsEmpty) return false;
            }

            return own is null || own.IsEmpty;
        }
    }

    private ReadOnlySpan<TailGeneration> Shared => set is null ? [] : set.Generations;

    /// <summary>This view, and over it a transaction's own writes, which count whatever the record asked for.</summary>
    public TailView With(TailGeneration? writes) => new(set, end, writes);

    /// <summary>The newest version of a key between two records.</summary>
    /// <param name="key">A key of the state.</param>
    /// <param name="at">Up to this record.</param>
    /// <param name="above">Above this one: what the state itself holds.</param>
    /// <param name="value">The value.</param>
    public TailAnswer TryFind(ReadOnlySpan<byte> key, Vlsn at, Vlsn above, out ReadOnlyMemory<byte> value)
    {
        if (own is { IsEmpty: false } && TryFind(own, key, OwnWrite, Vlsn.Null, out value, out var answer)) return answer;
        foreach (var generation in Shared)
        {
            if (!generation.IsEmpty && TryFind(generation, key, at, above, out value, out answer)) return answer;
        }

        value = default;
        return TailAnswer.Unknown;
    }

    private static bool TryFind(
        TailGeneration generation, ReadOnlySpan<byte> key, Vlsn at, Vlsn above, out ReadOnlyMemory<byte> value, out TailAnswer answer)
    {
        var entry = generation.Find(key, at);
        var range = generation.FindRange(key, at);
        value = default;
        answer = TailAnswer.Unknown;
        if (entry is null && range is null) return false;
        if (entry is null || (range is not null && range.Order > entry.Order))
        {
            if (range!.Vlsn > above) answer = TailAnswer.Deleted;
        }
        else if (entry.Vlsn > above)
        {
            answer = entry.IsDeleted ? TailAnswer.Deleted : TailAnswer.Value;
            value = entry.Value;
        }

        return true;
    }

    /// <summary>The newest record that touched a key; null when none did.</summary>
    public Vlsn LastTouched(ReadOnlySpan<byte> key)
    {
        var newest = Vlsn.Of(long.MaxValue);
        foreach (var generation in Shared)
        {
            if (generation.IsEmpty) continue;
            var touched = Vlsn.Max(generation.Find(key, newest)?.Vlsn ?? Vlsn.Null, generation.FindRange(key, newest)?.Vlsn ?? Vlsn.Null);
            if (!touched.IsNull) return touched;
        }

        return Vlsn.Null;
    }

    /// <summary>The newest record that touched anything from one key up to, but not including, another; null when none did.</summary>
    public Vlsn LastTouched(ReadOnlySpan<byte> from, ReadOnlySpan<byte> to)
    {
        foreach (var generation in Shared)
        {
            var touched = Vlsn.Null;
            for (var entry = generation.AtOrAbove(from); entry is not null && entry.Key.SequenceCompareTo(to) < 0; entry = entry.Next(0))
                touched = Vlsn.Max(touched, entry.Vlsn);
            foreach (var range in generation.Ranges)
            {
                if (range.Overlaps(from, to)) touched = Vlsn.Max(touched, range.Vlsn);
            }

            if (!touched.IsNull) return touched;
        }

        return Vlsn.Null;
    }
}
