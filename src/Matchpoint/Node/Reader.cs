using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;
using Matchpoint.Storage;
using Matchpoint.Storage.Log;
using Matchpoint.Storage.State;
using Matchpoint.Tail;
using Matchpoint.Transactions;
using Matchpoint.Transport;

namespace Matchpoint.Node;

/// <summary>Serves reads at every level. A default read that can be served at once takes no lock and waits for nothing.</summary>
internal sealed class Reader(NodeCore core)
{
    private const int StackBytes = 256;

    private static readonly Vlsn Everything = Vlsn.Of(long.MaxValue);
    internal static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(2);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(16);

    /// <summary>
    /// Whether a default read can be served at once, and a transaction begin: a primary must be sure that it still is, and that it knows of all that
    /// was acknowledged before its reign; one that ceased to be must have heard from the next what it has missed, so that whoever read from it is not
    /// led back in time.
    /// </summary>
    public bool CanServeNow => core.HasData && (core.Appender.Reign == Term.None ? !core.Follower.IsInDoubt : core.IsReady && core.HoldsLease());

    /// <summary>The value of a key; null when it has none.</summary>
    public ValueTask<byte[]?> GetAsync(ushort database, ReadOnlyMemory<byte> key, ReadLevel level, CancellationToken cancellation) =>
        level.Kind == ReadKind.Durable && CanServeNow
            ? ValueTask.FromResult(Get(database, key.Span, isLocal: false))
            : PrepareAndGetAsync(database, key, level, cancellation);

    /// <summary>The value of a key as this node has it now.</summary>
    public byte[]? Get(ushort database, ReadOnlySpan<byte> key, bool isLocal)
    {
        var size = StateKey.Size(key.Length);
        Span<byte> stateKey = size <= StackBytes ? stackalloc byte[StackBytes] : new byte[size];
        stateKey = stateKey[..size];
        StateKey.Write(stateKey, database, key);
        var at = isLocal ? Everything : core.Progress.Durable;
        // Before the state: what is forgotten from now on is in the state already.
        var tail = isLocal ? core.Appender.Tail : core.Appender.TailWith(at);
        if (tail.IsEmpty || core.State.Applied.Vlsn < tail.Floor) return GetApplied(stateKey);
        return tail.TryFind(stateKey, at, Vlsn.Null, out var value) switch
        {
            TailAnswer.Value => value.ToArray(),
            TailAnswer.Deleted => null,
            _ => GetApplied(stateKey),
        };
    }

    private byte[]? GetApplied(ReadOnlySpan<byte> stateKey)
    {
        try
        {
            return core.State.Get(stateKey);
        }
        catch (ObjectDisposedException) when (core.WillBeReopened)
        {
            throw Reopening();
        }
        catch (DamageException damage)
        {
            throw core.OnDamage(damage);
        }
    }

    private StaleReadException Reopening() => new($"node '{core.Members.Self}' opens what it holds anew, with a full copy or mended. Read again in a moment.");

    /// <summary>Waits until this node can serve a read of a level.</summary>
    public async ValueTask PrepareAsync(ReadLevel level, CancellationToken cancellation)
    {
        if (!core.HasData) throw new MatchpointException($"node '{core.Members.Self}' is an arbiter: it has no data to read. Read from another member.");
        var deadline = core.Clock.Now + core.Options.ReadTimeout;
        switch (level.Kind)
        {
            case ReadKind.Durable:
                await AwaitAsync(() => CanServeNow, deadline, "this node to be sure whether it is still the primary", cancellation).ConfigureAwait(false);
                break;
            case ReadKind.Local:
                break;
            case ReadKind.AtLeast:
                await AwaitVisibleAsync(Vlsn.Null.Plus(level.Token.Vlsn), deadline, cancellation).ConfigureAwait(false);
                using (var view = core.Log.View()) RequireSameReign(view, level.Token);
                break;
            case ReadKind.MaxLag:
                await AwaitAsync(() => Lag() <= level.Lag, deadline, $"data not older than {level.Lag}", cancellation).ConfigureAwait(false);
                break;
            case ReadKind.Linearizable:
                await AwaitCurrentAsync(deadline, cancellation).ConfigureAwait(false);
                break;
            default:
                throw Invariant.Unreachable(level.Kind);
        }
    }

    /// <summary>A picture of all data at one record, for a level that was prepared.</summary>
    public ReadSnapshot Snapshot(ReadLevel level, bool isTransaction = false)
    {
        try
        {
            var snapshot = core.Appender.Snapshot(core.Progress.Durable, level.Kind == ReadKind.Local, isTransaction);
            snapshot.OnDamage = core.OnDamage;
            return snapshot;
        }
        catch (DamageException damage)
        {
            throw core.OnDamage(damage);
        }
        catch (ObjectDisposedException) when (core.WillBeReopened)
        {
            throw Reopening();
        }
    }

    /// <summary>How long ago this node was surely as current as its primary; null when that is not known.</summary>
    public TimeSpan? Lag()
    {
        if (core.Appender.Reign != Term.None) return core.IsReady && core.HoldsLease() ? TimeSpan.Zero : null;
        return core.Follower.CurrentAt is { } at ? core.Clock.Now - at : null;
    }

    private async ValueTask<byte[]?> PrepareAndGetAsync(ushort database, ReadOnlyMemory<byte> key, ReadLevel level, CancellationToken cancellation)
    {
        await PrepareAsync(level, cancellation).ConfigureAwait(false);
        return Get(database, key.Span, level.Kind == ReadKind.Local);
    }

    private async ValueTask AwaitCurrentAsync(TimeSpan deadline, CancellationToken cancellation)
    {
        for (var pause = FirstPause; ; pause = Longer(pause))
        {
            if (core.IsReady && core.HoldsLease()) return;
            var why = core.WhyNotPrimary();
            if (core.Appender.Reign == Term.None && core.Elections.Primary is { } primary && primary != core.Members.Self)
            {
                var answer = await AskAsync(primary, deadline, cancellation).ConfigureAwait(false);
                if (answer.IsConfirmed)
                {
                    await AwaitVisibleAsync(answer.Vlsn, deadline, cancellation).ConfigureAwait(false);
                    return;
                }

                why = answer.Reason;
            }

            if (core.Clock.Now >= deadline) throw new StaleReadException($"no linearizable read within {core.Options.ReadTimeout}: {why}. Is a majority of the group running?");
            await Task.Delay(pause, core.Clock.Time, cancellation).ConfigureAwait(false);
        }
    }

    private async ValueTask<ReadIndexAnswer> AskAsync(string primary, TimeSpan deadline, CancellationToken cancellation)
    {
        try
        {
            var timeout = core.Options.ElectionTimeout;
            var channel = await core.Network.ConnectAsync(core.Members.AddressOf(primary), Left(deadline, timeout), core.Clock.Time, cancellation, primary).ConfigureAwait(false);
            await using (channel.ConfigureAwait(false))
            {
                var identity = core.Log.Directory.Identity;
                channel.OpenService(ElectionDriver.Service);
                channel.Write(new ReadIndexRequest(identity.Group, identity.Node));
                await channel.FlushAsync(Left(deadline, timeout), cancellation).ConfigureAwait(false);
                var frame = await channel.ReceiveAsync(Left(deadline, timeout * 2), cancellation).ConfigureAwait(false);
                var answer = ReadIndexAnswer.Decode(frame.Span);
                await channel.CloseAsync(GoodbyeCode.Done, "").ConfigureAwait(false);
                return answer;
            }
        }
        catch (Exception error) when (error is ChannelException or ConnectException or ProtocolException)
        {
            return new ReadIndexAnswer(IsConfirmed: false, Vlsn.Null, error.Message);
        }
    }

    /// <summary>How long one step may take: what is left of the read's time, and no longer than such a step takes at most.</summary>
    private TimeSpan Left(TimeSpan deadline, TimeSpan most)
    {
        var left = deadline - core.Clock.Now;
        return left > most ? most : left > FirstPause ? left : FirstPause;
    }

    private async ValueTask AwaitVisibleAsync(Vlsn vlsn, TimeSpan deadline, CancellationToken cancellation)
    {
        var left = deadline - core.Clock.Now;
        var result = await core.Progress.WaitAsync(Goal.Durable, vlsn, left > TimeSpan.Zero ? left : TimeSpan.Zero, cancellation).ConfigureAwait(false);
        switch (result)
        {
            case WaitResult.Reached:
                break;
            case WaitResult.Cancelled:
                throw new OperationCanceledException(cancellation);
            case WaitResult.Ended when core.WillBeReopened:
                throw Reopening();
            case WaitResult.Ended:
                throw new NodeFailedException($"node '{core.Members.Self}' was closed while a read waited.");
            default:
                throw new StaleReadException($"record {vlsn} was not durable here within {core.Options.ReadTimeout}: this node knows of {core.Progress.Durable} ({core.Board.Step}).");
        }

        await AwaitAsync(() => core.Appender.ShownUpTo(vlsn) >= vlsn, deadline, $"record {vlsn}", cancellation).ConfigureAwait(false);
    }

    private async ValueTask AwaitAsync(Func<bool> isTrue, TimeSpan deadline, string what, CancellationToken cancellation)
    {
        for (var pause = FirstPause; !isTrue(); pause = Longer(pause))
        {
            if (core.Clock.Now >= deadline) throw new StaleReadException($"waited {core.Options.ReadTimeout} for {what}, in vain ({core.Board.Step}).");
            if (core.Stopping.IsCancellationRequested) throw core.WillBeReopened ? Reopening() : new NodeFailedException($"node '{core.Members.Self}' was closed while a read waited.");
            await Task.Delay(pause, core.Clock.Time, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>What does not come at once may take seconds: whoever waits looks less often then.</summary>
    internal static TimeSpan Longer(TimeSpan pause) => pause * 2 < LongestPause ? pause * 2 : LongestPause;

    /// <summary>A commit was not undone, as far as a log tells; what is asked for is durable.</summary>
    /// <exception cref="CommitUndoneException">It was.</exception>
    internal static void RequireSameReign(LogView view, CommitToken token)
    {
        if (token.Vlsn == 0 || token.Term == 0) return;
        if (!view.TryGet(Vlsn.Null.Plus(token.Vlsn), out var header, out _) || header.Term.Value == (ulong)token.Term) return;
        throw new CommitUndoneException($"commit {token} was undone: record {token.Vlsn} is now one of term {header.Term}. Its node's directory rollbacks/ holds what it did.");
    }
}
