using System.Runtime.CompilerServices;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Elections;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Membership;
using Matchpoint.Protocol.Records;

namespace Matchpoint.Node;

/// <summary>
/// What a primary does for its group: changes the members when it is asked to, takes in who has caught up, hands over to another. One of these at a time. What is to be done is decided by
/// <see cref="RosterKeeper"/> and <see cref="RosterChange"/>.
/// </summary>
internal sealed class GroupKeeper(NodeCore core)
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(1);

    /// <summary>After a hand-over that came to nothing the next one waits so long.</summary>
    private static readonly TimeSpan HandOverPause = TimeSpan.FromSeconds(10);

    private int _isTaken;
    private TimeSpan _noHandOverBefore;

    /// <summary>Looks after the group as long as the node runs.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        var pause = core.Options.ElectionTimeout / 4;
        while (!cancellation.IsCancellationRequested)
        {
            await Task.Delay(pause, core.Clock.Time, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (cancellation.IsCancellationRequested || core.Appender.Reign == Term.None) continue;
            try
            {
                await StepAsync(cancellation).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                return;
            }
            catch (Exception error) when (error is MatchpointException)
            {
                // It is decided anew, from what is so then.
                core.Board.Note($"looking after the group: {error.Message}");
            }
            catch (Exception error)
            {
                core.Fail(error);
                return;
            }
        }
    }

    /// <summary>Changes the members.</summary>
    /// <returns>The record that says so; it is durable.</returns>
    /// <exception cref="MembershipException">It may not be made; nothing was changed.</exception>
    /// <exception cref="NotPrimaryException">This node is not the primary.</exception>
    /// <exception cref="InsufficientAcksException">It was not acknowledged in time: the outcome is unknown.</exception>
    public async Task<CommitToken> ChangeAsync(RosterChange change, TimeSpan timeout, CancellationToken cancellation)
    {
        var deadline = core.Clock.Now + timeout;
        await TurnAsync(timeout, cancellation).ConfigureAwait(false);
        try
        {
            return await ChangeAsync(
                now =>
                {
                    var roster = change.TryApply(now, core.Members.Self, out var why) ?? throw new MembershipException($"the members were not changed: {why}.");
                    RequireMajority(now, roster);
                    return roster;
                },
                deadline,
                cancellation).ConfigureAwait(false);
        }
        finally
        {
            EndTurn();
        }
    }

    /// <summary>Hands over to another voter: lets it catch up, holds writes, and steps down for it.</summary>
    /// <param name="to">Its name; null for the one that is best suited.</param>
    /// <param name="timeout">How long it may take. It is given up cleanly when it takes longer.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <returns>Who has taken over.</returns>
    /// <exception cref="TransferException">It did not come about; the message says why, and who leads.</exception>
    public async Task<string> TransferAsync(string? to, TimeSpan timeout, CancellationToken cancellation)
    {
        var deadline = core.Clock.Now + timeout;
        await TurnAsync(timeout, cancellation).ConfigureAwait(false);
        try
        {
            return await HandOverAsync(to, deadline, timeout, cancellation).ConfigureAwait(false);
        }
        finally
        {
            EndTurn();
        }
    }

    /// <summary>The node closes: another takes over at once, if one can; nobody then waits until this one is missed.</summary>
    public async Task HandOverBeforeClosingAsync()
    {
        if (core.Appender.Reign == Term.None || core.Failure is not null || Best() is null) return;
        try
        {
            await TransferAsync(to: null, core.Options.ElectionTimeout, core.Stopping).ConfigureAwait(false);
        }
        catch (Exception error) when (error is MatchpointException or OperationCanceledException or ObjectDisposedException)
        {
            // The others elect, as when it dies.
            core.Board.Note($"closing without handing over: {error.Message}");
        }
    }

    /// <summary>Takes the turn, where nobody has it. There is nothing to dispose of: who has it when the node closes gives it back later.</summary>
    private bool TryTakeTurn() => Interlocked.Exchange(ref _isTaken, 1) == 0;

    private void EndTurn() => Volatile.Write(ref _isTaken, 0);

    private async Task TurnAsync(TimeSpan timeout, CancellationToken cancellation)
    {
        var deadline = core.Clock.Now + timeout;
        while (!TryTakeTurn())
        {
            if (core.Clock.Now >= deadline) throw new MembershipException($"another change of the group was under way for {timeout}. Nothing was changed; try again.");
            await Task.Delay(Look, core.Clock.Time, cancellation).ConfigureAwait(false);
        }
    }

    private async Task StepAsync(CancellationToken cancellation)
    {
        if (!TryTakeTurn()) return;
        try
        {
            var facts = core.Feeders.Facts();
            var roster = core.Members.Roster;
            var at = core.Appender.RosterAt;
            var isRosterDurable = core.IsReady && core.Progress.Durable >= at;
            WarnOfPending(roster);
            core.Feeders.DismissStrangers(at);
            var group = new GroupFacts(
                roster, core.Members.Self, core.Log.Appended.Vlsn, isRosterDurable, IsRosterWritten: !at.IsNull, core.ReignAge, core.Options.ElectionTimeout);
            var deadline = core.Clock.Now + core.Options.CommitTimeout;
            switch (RosterKeeper.Decide(group, facts))
            {
                case null:
                    break;
                case KeeperStep.WriteDown:
                    await ChangeAsync(static now => now, deadline, cancellation).ConfigureAwait(false);
                    break;
                case KeeperStep.Change step:
                    await ChangeAsync(now => step.Of.TryApply(now, core.Members.Self, out _) ?? now, deadline, cancellation, step.Of is RosterChange.Suspend).ConfigureAwait(false);
                    break;
                case KeeperStep.HandOver over when core.Clock.Now >= _noHandOverBefore:
                    _noHandOverBefore = core.Clock.Now + (core.Members.Roster.Find(core.Members.Self)?.Kind == MemberKind.Arbiter ? core.Options.ElectionTimeout : HandOverPause);
                    var timeout = core.Options.ElectionTimeout * 2;
                    await HandOverAsync(over.To, core.Clock.Now + timeout, timeout, cancellation).ConfigureAwait(false);
                    break;
                case KeeperStep.HandOver:
                    break;
                case var other:
                    throw Invariant.Unreachable(other);
            }
        }
        finally
        {
            EndTurn();
        }
    }

    private void WarnOfPending(Roster roster)
    {
        var self = roster.Find(core.Members.Self);
        var pending = string.Join(", ", roster.Members.Where(static member => member.IsPending).Select(static member => member.Name));
        core.Board.Warn("alone", self is { IsDesignated: true } && roster.Voters.Length == 1 && roster.Members.Length > 1
            ? $"this designated primary goes on by itself: {pending} is away, and what is acknowledged is on this machine only" : null);
    }

    /// <summary>Changes the members.</summary>
    /// <param name="change">Gives those that are to be.</param>
    /// <param name="deadline">Until when.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <param name="isAlone">Whether nothing can have been decided without this node: then it waits for nobody first.</param>
    private async Task<CommitToken> ChangeAsync(Func<Roster, Roster> change, TimeSpan deadline, CancellationToken cancellation, bool isAlone = false)
    {
        var reign = core.Appender.Reign;
        if (reign == Term.None) throw NotPrimary();
        // One at a time, and none before this reign knows what the one before has decided (Ongaro, raft-dev 2015: single-server changes and new leaders).
        if (!isAlone) await DurableAsync(Vlsn.Max(core.ReignStart, core.Appender.RosterAt), deadline, "the change before is", cancellation).ConfigureAwait(false);
        var roster = change(core.Members.Roster);
        if (roster.Members.Length > 1 && roster.Members.Any(static member => member.Address.Length == 0))
            throw new MembershipException($"the members were not changed: {core.Members.Self} has no address that others could reach. Open it with Members that names it with one.");
        // Whose vote a change takes away must know from the log that it had one: options may name anybody.
        if (!isAlone && core.Appender.RosterAt.IsNull && !ReferenceEquals(roster, core.Members.Roster)) await AppendAsync(reign, core.Members.Roster, deadline, cancellation).ConfigureAwait(false);
        return await AppendAsync(reign, roster, deadline, cancellation).ConfigureAwait(false);
    }

    /// <summary>Appends a record of the members, and waits until it is durable.</summary>
    private async Task<CommitToken> AppendAsync(Term reign, Roster roster, TimeSpan deadline, CancellationToken cancellation)
    {
        core.PrepareFor(roster);
        RecordHeader header;
        while (true)
        {
            var result = core.Appender.TryAppendRoster(reign, roster, core.CountBy, out header);
            if (result == AppendResult.Appended) break;
            if (result == AppendResult.NotPrimary) throw NotPrimary();
            if (core.Clock.Now >= deadline) throw new MembershipException("the members were not changed: the log took nothing more in time. Nothing was written; try again.");
            await Task.Delay(Look, core.Clock.Time, cancellation).ConfigureAwait(false);
        }

        core.Board.Note($"record {header.Vlsn}: the members are {roster}");
        WarnOfPending(roster);
        var token = new CommitToken((long)header.Term.Value, header.Vlsn.DistanceFrom(Vlsn.Null));
        var left = deadline - core.Clock.Now;
        var outcome = await core.Progress.WaitAsync(Goal.Durable, header.Vlsn, left > TimeSpan.Zero ? left : TimeSpan.Zero, cancellation).ConfigureAwait(false);
        if (outcome == WaitResult.Cancelled) throw new OperationCanceledException($"the wait for the change of the members at {token} was cancelled: its outcome is unknown.", cancellation);
        if (outcome != WaitResult.Reached || core.Appender.Reign != header.Term)
            throw new InsufficientAcksException($"the change of the members at {token} was not acknowledged in time: its outcome is unknown. `matchpoint members` shows what is so.", token);
        return token;
    }

    /// <summary>
    /// A vote is taken away only where a majority of those that are left takes part now. Else the record that does so would stay on this node alone, and with it nobody could be elected: this node
    /// not without those that take no part, and the one that lost its vote not against the longer log.
    /// </summary>
    private void RequireMajority(Roster now, Roster then)
    {
        if (now.Voters.All(then.IsVoter)) return;
        var here = core.Feeders.Facts().Where(static facts => facts.IsFed && facts.TakesPart).Select(static facts => facts.Name).Append(core.Members.Self);
        var present = then.Voters.Intersect(here).ToList();
        if (present.Count >= then.Majority || then.IsSelfSufficient(core.Members.Self)) return;
        throw new MembershipException(
            $"the members were not changed: {string.Join(", ", then.Voters)} would vote, and of them only {(present.Count > 0 ? string.Join(", ", present) : "nobody")} is here and takes part now, "
            + "which is no majority. Nothing was written; wait until the others have caught up, or remove those first that do not come back.");
    }

    private async Task<string> HandOverAsync(string? to, TimeSpan deadline, TimeSpan timeout, CancellationToken cancellation)
    {
        var reign = core.Appender.Reign;
        if (reign == Term.None) throw NotPrimary();
        var target = to ?? Best() ?? throw new TransferException($"there is nobody to hand over to: no other voter is connected and has caught up. '{core.Members.Self}' is still the primary.");
        RequireVoter(target);
        var why = $"it did not come near the end of the log within {timeout}";
        await HoldsAsync(() => core.IsReady && LacksOf(target) <= RosterKeeper.Near, target, why, deadline, cancellation).ConfigureAwait(false);
        // What is under way becomes durable; what comes meanwhile waits, and is taken by nobody yet.
        var end = core.Appender.Hold(isHeld: true);
        var heldUntil = Min(deadline, core.Clock.Now + core.Options.ElectionTimeout);
        try
        {
            await HoldsAsync(() => core.Progress.Durable >= core.Log.SyncPointAtOrBelow(end) && LacksOf(target) == 0, target,
                "its device did not get all of the log in time", heldUntil, cancellation).ConfigureAwait(false);
            core.Elections.Post(new ElectionInput.HandOver(target));
            while (core.Elections.Primary != target || core.Elections.Term <= reign)
            {
                if (core.Clock.Now >= deadline || (core.Elections.Primary is { } other && core.Elections.Term > reign && other != target))
                    throw new TransferException($"'{target}' did not take over within {timeout}. {Leads()}");
                await Task.Delay(Look, core.Clock.Time, cancellation).ConfigureAwait(false);
            }

            return target;
        }
        finally
        {
            core.Appender.Hold(isHeld: false);
        }
    }

    private string? Best()
    {
        var roster = core.Members.Roster;
        var last = core.Log.Appended.Vlsn;
        return core.Feeders.Facts()
            .Where(fact => fact is { IsFed: true, TakesPart: true } && roster.Find(fact.Name) is { Votes: true, Kind: MemberKind.Voter } && last.DistanceFrom(fact.Flushed) <= RosterKeeper.Near)
            .OrderByDescending(fact => roster.Find(fact.Name)!.Priority).ThenByDescending(static fact => fact.Flushed)
            .Select(static fact => fact.Name).FirstOrDefault();
    }

    private void RequireVoter(string target)
    {
        var member = core.Members.Roster.Find(target);
        var why = target == core.Members.Self ? "it is the primary already"
            : member is null ? $"there is no such member: expected one of {string.Join(", ", core.Members.Others)}"
            : member.Kind == MemberKind.Arbiter ? "an arbiter holds no data"
            : member.Kind == MemberKind.Secondary ? "a secondary never becomes the primary: make it a voter first"
            : member.IsPending ? "it does not vote until it has caught up"
            : null;
        if (why is not null) throw new TransferException($"'{target}' cannot take over: {why}. {Leads()}");
    }

    /// <summary>How many records a member lacks on its device; very many where it is not connected or not sure of itself.</summary>
    private long LacksOf(string name)
    {
        foreach (var fact in core.Feeders.Facts())
        {
            if (fact.Name == name) return fact is { IsFed: true, TakesPart: true } ? core.Log.Appended.Vlsn.DistanceFrom(fact.Flushed) : long.MaxValue;
        }

        return long.MaxValue;
    }

    private async Task HoldsAsync(Func<bool> holds, string target, string why, TimeSpan deadline, CancellationToken cancellation)
    {
        while (!holds())
        {
            if (core.Appender.Reign == Term.None) throw NotPrimary();
            if (core.Clock.Now >= deadline) throw new TransferException($"'{target}' cannot take over: {why}. {Leads()}");
            await Task.Delay(Look, core.Clock.Time, cancellation).ConfigureAwait(false);
        }
    }

    private async Task DurableAsync(Vlsn vlsn, TimeSpan deadline, string what, CancellationToken cancellation)
    {
        var left = deadline - core.Clock.Now;
        var result = await core.Progress.WaitAsync(Goal.Durable, vlsn, left > TimeSpan.Zero ? left : TimeSpan.Zero, cancellation).ConfigureAwait(false);
        if (result == WaitResult.Cancelled) throw new OperationCanceledException(cancellation);
        if (result != WaitResult.Reached) throw new MembershipException($"the members were not changed: {what} not yet on a majority. Nothing was written; try again when a majority is there.");
    }

    private NotPrimaryException NotPrimary([CallerMemberName] string where = "")
    {
        var primary = core.Elections.Primary is { } name && name != core.Members.Self ? name : null;
        var what = where == nameof(HandOverAsync) ? "Nothing was handed over." : "No member was changed.";
        return new NotPrimaryException($"{core.WhyNotPrimary()}. {what}", primary, primary is null ? null : core.Members.TryAddressOf(primary)?.ToString());
    }

    private string Leads() => core.Appender.Reign != Term.None ? $"'{core.Members.Self}' is still the primary."
        : core.Elections.Primary is { } primary ? $"'{primary}' is the primary now."
        : "The group elects its primary.";

    private static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;
}
