using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;

namespace Matchpoint.Storage.Log;

/// <summary>How much of the log's head a node keeps.</summary>
internal sealed record RetentionOptions
{
    /// <summary>Always kept, for members that return and readers of changes, even when nobody is known to need it.</summary>
    public long KeepBytes { get; init; } = 256L * 1024 * 1024;

    /// <summary>Kept at the most, whoever needs it. A member that needs more falls off and restores a full copy.</summary>
    public long BudgetBytes { get; init; } = 8L * 1024 * 1024 * 1024;

    /// <summary>Records older than this are not kept for a member; null for no such bound.</summary>
    public TimeSpan? BudgetAge { get; init; }

    /// <summary>Kept at the most where a member needs it that fetches a full copy: what it falls off then it has fetched in vain.</summary>
    public long HoldBytes { get; init; } = 16L * 1024 * 1024 * 1024;

    /// <summary>
    /// Always kept below what is durable in the state: so far below its commit a transaction's first piece may lie, and applying the commit, which may have to be done again, takes all pieces.
    /// </summary>
    public long OpenBytes { get; init; } = 256L * 1024 * 1024;
}

/// <summary>A member of the group as far as the log's head is concerned.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Holds">The last record it is known to hold: it needs those behind it.</param>
/// <param name="IsFetching">Whether it fetches a full copy, and will need them when it is there.</param>
internal readonly record struct MemberNeed(string Name, Vlsn Holds, bool IsFetching = false);

/// <summary>A member that will fall off the log if it does not move on.</summary>
/// <param name="Member">Its name.</param>
/// <param name="Used">How much of the budget keeping its records takes, 1 for all of it.</param>
/// <param name="BytesLeft">How much may still be written before it falls off.</param>
/// <param name="TimeLeft">How long that takes at the rate at which the kept log was written; null when that is not known.</param>
internal readonly record struct FallingOff(string Member, double Used, long BytesLeft, TimeSpan? TimeLeft);

/// <summary>
/// Decides what of the log's head may go. Pure: what is kept, what is needed and the time are arguments. A segment goes when all of it is
/// <see cref="RetentionOptions.OpenBytes"/> or more below the segment with the last record of the flushed state (that one stays: who ends with it can be fed from there, and a full copy begins
/// with it; below it may lie pieces of transactions whose commits are yet to be applied),
/// and either nobody needs it (or it is too old to be kept for anybody) and <see cref="RetentionOptions.KeepBytes"/> are left without it,
/// or the budget of bytes is spent. What a member needs that fetches a full copy stays beyond the budget and at any age, up to
/// <see cref="RetentionOptions.HoldBytes"/>.
/// </summary>
/// <param name="RemoveUpTo">Records up to this one may go.</param>
/// <param name="Warnings">Members that have used half of the budget or more.</param>
internal sealed record RetentionPlan(Vlsn RemoveUpTo, IReadOnlyList<FallingOff> Warnings)
{
    /// <summary>From which share of the budget on a member is warned about.</summary>
    public const double WarnFrom = 0.5;

    /// <summary>Decides.</summary>
    /// <param name="segments">What is kept: the position before each segment and its totals, oldest first.</param>
    /// <param name="stateFlushed">The last record whose effect is durable in the state.</param>
    /// <param name="members">The live members.</param>
    /// <param name="options">The budget.</param>
    /// <param name="now">Microseconds since 1970-01-01 UTC.</param>
    public static RetentionPlan Decide(
        IReadOnlyList<(LogPosition Before, SegmentTotals Totals)> segments,
        Vlsn stateFlushed,
        IReadOnlyList<MemberNeed> members,
        RetentionOptions options,
        long now)
    {
        if (segments.Count == 0) return new RetentionPlan(Vlsn.Null, []);
        var end = segments[^1].Totals.Position.End;
        var (needed, held) = (LowestOf(members), LowestOf(members.Where(static member => member.IsFetching)));
        var removeUpTo = Vlsn.Null;
        var flushed = segments.FirstOrDefault(segment => segment.Totals.Position.Vlsn >= stateFlushed, segments[^1]).Before.End;
        foreach (var (before, totals) in segments.SkipLast(1))
        {
            var last = totals.Position.Vlsn;
            var keptWithout = end.DistanceFrom(totals.Position.End);
            var keptWith = end.DistanceFrom(before.End);
            if (last > held && keptWith <= options.HoldBytes) break;
            var isUnneeded = last <= needed || IsTooOld(totals, options, now);
            var isSpare = isUnneeded && keptWithout >= options.KeepBytes;
            var isApplied = last < stateFlushed && flushed.DistanceFrom(totals.Position.End) >= options.OpenBytes;
            if (!isApplied || !(isSpare || keptWith > options.BudgetBytes)) break;
            removeUpTo = last;
        }

        return new RetentionPlan(removeUpTo, [.. Warn(segments, members, options, now)]);
    }

    private static Vlsn LowestOf(IEnumerable<MemberNeed> members) => members.Select(static member => member.Holds).DefaultIfEmpty(Vlsn.Of(long.MaxValue)).Min();

    private static bool IsTooOld(in SegmentTotals totals, RetentionOptions options, long now) =>
        options.BudgetAge is { } age && now - totals.LastTimestamp > age.TotalMicroseconds;

    private static IEnumerable<FallingOff> Warn(
        IReadOnlyList<(LogPosition Before, SegmentTotals Totals)> segments,
        IReadOnlyList<MemberNeed> members, RetentionOptions options, long now)
    {
        var end = segments[^1].Totals.Position.End;
        foreach (var member in members)
        {
            // Its backlog, to the segment: the first segment that holds something it lacks.
            var oldest = segments.FirstOrDefault(segment => segment.Totals.Position.Vlsn > member.Holds);
            if (oldest == default) continue;
            var backlog = end.DistanceFrom(oldest.Before.End);
            var budget = member.IsFetching ? options.HoldBytes : options.BudgetBytes;
            var used = (double)backlog / budget;
            var age = Math.Max(0, now - oldest.Totals.LastTimestamp);
            // The segment that is being written never goes, however old it is.
            var budgetAge = member.IsFetching || oldest == segments[^1] ? null : options.BudgetAge;
            if (budgetAge is { } most) used = Math.Max(used, age / most.TotalMicroseconds);
            if (used < WarnFrom) continue;
            var left = Math.Max(0, budget - backlog);
            TimeSpan? timeLeft = age > 0 && backlog > 0 ? TimeSpan.FromMicroseconds(Math.Min((double)left / backlog * age, 1e15)) : null;
            if (budgetAge is { } limit)
            {
                var untilTooOld = TimeSpan.FromMicroseconds(Math.Max(0, limit.TotalMicroseconds - age));
                timeLeft = timeLeft is { } byBytes && byBytes < untilTooOld ? byBytes : untilTooOld;
            }

            yield return new FallingOff(member.Name, used, left, timeLeft);
        }
    }
}
