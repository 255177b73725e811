using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Matchpoint.Node;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;
using Matchpoint.Telemetry;

namespace Matchpoint.Transactions;

/// <summary>Brings a transaction into the log and waits until it is as safe as it asked for.</summary>
internal sealed class Committer(NodeCore core, NodeTelemetry telemetry)
{
    /// <summary>
    /// Large transactions enter one after another. Were their pieces to lie between each other's, each would be open over as much log as all take, and none might be near enough to its end to commit.
    /// </summary>
    private readonly Channel<bool> _turn = OneTurn();

    private readonly Durability _group = core.Options.Durability;

    /// <summary>Commits.</summary>
    /// <param name="writer">The transaction's operations; its own again when this returns.</param>
    /// <param name="reads">What it has read; null for nothing.</param>
    /// <param name="snapshot">The record up to which it has read.</param>
    /// <param name="options">How it differs from its group.</param>
    /// <param name="cancellation">Gives up waiting: the outcome is unknown then.</param>
    public ValueTask<CommitToken> CommitAsync(
        TransactionWriter writer, ReadSet? reads, Vlsn snapshot, CommitOptions? options, CancellationToken cancellation) =>
        NodeTelemetry.ListensToCommits ? MeasureAsync(writer, reads, snapshot, options, cancellation) : RunAsync(writer, reads, snapshot, options, cancellation);

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<CommitToken> MeasureAsync(
        TransactionWriter writer, ReadSet? reads, Vlsn snapshot, CommitOptions? options, CancellationToken cancellation)
    {
        var began = core.Clock.Time.GetTimestamp();
        using var activity = telemetry.BeginCommit();
        try
        {
            var token = await RunAsync(writer, reads, snapshot, options, cancellation).ConfigureAwait(false);
            telemetry.Committed(activity, token, core.Clock.Time.GetElapsedTime(began));
            return token;
        }
        catch (Exception error)
        {
            telemetry.CommitFailed(activity, error, core.Clock.Time.GetElapsedTime(began));
            throw;
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<CommitToken> RunAsync(
        TransactionWriter writer, ReadSet? reads, Vlsn snapshot, CommitOptions? options, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        if (!core.TakesWrites) throw NotPrimary();
        var isAlone = core.Members.IsAlone;
        var durability = Effective(options?.Durability ?? _group, isAlone);
        var timeout = options?.Timeout ?? core.Options.CommitTimeout;
        var began = core.Clock.Now;
        var deadline = began + timeout;
        // Where replicas flush, the primary does too: its copy counts like any other.
        var flush = _group.ReplicaFlush == FlushPolicy.Sync && !isAlone ? durability with { LocalFlush = FlushPolicy.Sync } : durability;
        var header = await AppendAsync(writer, reads, snapshot, flush, deadline, timeout, cancellation).ConfigureAwait(false);
        var token = new CommitToken((long)header.Term.Value, header.Vlsn.DistanceFrom(Vlsn.Null));
        var left = deadline - core.Clock.Now;
        // A node by itself is its own majority: success means that a default read sees it.
        var goal = Goal.Commit(isAlone ? durability with { Acks = AckPolicy.Majority } : durability);
        return await core.Progress.WaitAsync(goal, header.Vlsn, left, cancellation).ConfigureAwait(false) switch
        {
            // Another reign may have given the record's number to another record meanwhile.
            WaitResult.Reached when core.Appender.Reign == header.Term || IsDurable(header) => Counted(token, core.Clock.Now - began),
            WaitResult.TimedOut => throw new InsufficientAcksException(
                $"commit {token} was not acknowledged ({durability.Acks}) within {timeout}: its outcome is unknown. {Missing()}", token),
            WaitResult.Reached or WaitResult.Ended => throw new InsufficientAcksException(
                $"commit {token} was appended, and then this node ceased to be the primary: its outcome is unknown. {core.WhyNotPrimary()}.", token),
            _ => throw new OperationCanceledException($"the wait for commit {token} was cancelled: its outcome is unknown.", cancellation),
        };
    }

    /// <summary>Whether the record of that number is still this one, and will stay so: one primary writes in a term, and each number once.</summary>
    private bool IsDurable(in RecordHeader header)
    {
        if (core.Progress.Durable < header.Vlsn) return false;
        using var view = core.Log.View();
        return view.TryGet(header.Vlsn, out var found, out _) && found.Term == header.Term;
    }

    private CommitToken Counted(CommitToken token, TimeSpan latency)
    {
        core.Board.Traffic.Committed(latency);
        return token;
    }

    private Durability Effective(Durability wanted, bool isAlone)
    {
        if (isAlone) return new Durability(Higher(wanted.LocalFlush, _group.LocalFlush), FlushPolicy.NoSync, AckPolicy.None);
        return wanted with { ReplicaFlush = Higher(wanted.ReplicaFlush, _group.ReplicaFlush) };
    }

    private static FlushPolicy Higher(FlushPolicy a, FlushPolicy b) => a > b ? a : b;

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<RecordHeader> AppendAsync(
        TransactionWriter writer, ReadSet? reads, Vlsn snapshot, Durability durability, TimeSpan deadline, TimeSpan timeout, CancellationToken cancellation)
    {
        var isLarge = writer.Records > 1;
        if (isLarge) await TakeTurnAsync(deadline, timeout, cancellation).ConfigureAwait(false);
        try
        {
            var (reign, first, previous) = isLarge
                ? await AppendPiecesAsync(writer, reads, snapshot, deadline, timeout, cancellation).ConfigureAwait(false)
                : default;
            while (true)
            {
                var result = core.Appender.TryCommit(reign, writer, first, previous, durability, reads, snapshot, out var header, out var conflicting);
                if (result == AppendResult.Appended) return header;
                await OverAsync(result, reads, conflicting, deadline, timeout, cancellation).ConfigureAwait(false);
            }
        }
        finally
        {
            if (isLarge) _turn.Writer.TryWrite(true);
        }
    }

    private static Channel<bool> OneTurn()
    {
        var turn = Channel.CreateBounded<bool>(1);
        turn.Writer.TryWrite(true);
        return turn;
    }

    private async ValueTask TakeTurnAsync(TimeSpan deadline, TimeSpan timeout, CancellationToken cancellation)
    {
        if (_turn.Reader.TryRead(out _)) return;
        var left = deadline - core.Clock.Now;
        using var late = new CancellationTokenSource(left > TimeSpan.Zero ? left : TimeSpan.Zero, core.Clock.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, late.Token);
        try
        {
            await _turn.Reader.ReadAsync(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new TailFullException($"other large transactions were written first, one after another, and this one's turn did not come within {timeout}. Nothing was written. {Missing()}");
        }
    }

    private async ValueTask<(Term Reign, Vlsn First, Vlsn Previous)> AppendPiecesAsync(
        TransactionWriter writer, ReadSet? reads, Vlsn snapshot, TimeSpan deadline, TimeSpan timeout, CancellationToken cancellation)
    {
        var reign = core.Appender.Reign;
        var first = Vlsn.Null;
        var previous = Vlsn.Null;
        for (var i = 0; i < writer.Records - 1;)
        {
            var result = core.Appender.TryAppendPiece(reign, writer.Payload(i, first, previous).Span, first, out var header);
            if (result != AppendResult.Appended)
            {
                await OverAsync(result, reads, snapshot, deadline, timeout, cancellation).ConfigureAwait(false);
                continue;
            }

            if (i++ == 0) first = header.Vlsn;
            previous = header.Vlsn;
        }

        return (reign, first, previous);
    }

    /// <summary>Waits out what stands in the way, or says why it cannot be.</summary>
    private async ValueTask OverAsync(AppendResult result, ReadSet? reads, Vlsn conflicting, TimeSpan deadline, TimeSpan timeout, CancellationToken cancellation)
    {
        switch (result)
        {
            case AppendResult.NotPrimary:
                throw NotPrimary();
            case AppendResult.Conflict:
                throw new ConflictException(
                    $"the transaction read {reads!.Describe()}, and record {conflicting} changed some of it since. Nothing was written; run it again.", conflicting.DistanceFrom(Vlsn.Null));
            case AppendResult.TooFar:
                throw new TailFullException(
                    $"between the first and the last record of a transaction may lie {core.Retention.OpenBytes} bytes of log, and more was written meanwhile: it had to wait for too long. "
                        + "Nothing of it takes effect; write it again, or in smaller transactions.");
            case AppendResult.NoRoom:
                await AwaitRoomAsync(deadline, timeout, cancellation).ConfigureAwait(false);
                break;
            case AppendResult.Held:
                if (core.Clock.Now >= deadline)
                    throw new TailFullException($"the primary is being handed over, and writes were held for {timeout}. Nothing was written; find the primary and write again.");
                await Task.Delay(TimeSpan.FromMilliseconds(1), core.Clock.Time, cancellation).ConfigureAwait(false);
                break;
            case AppendResult.TailFull:
                if (core.Clock.Now >= deadline)
                {
                    throw new TailFullException(
                        $"{core.Appender.TailBytes} bytes of transactions wait to be decided, and MaxTailBytes is {core.Options.MaxTailBytes}: no room came within {timeout}. "
                            + $"Nothing was written. {Missing()}");
                }

                await Task.Delay(TimeSpan.FromMilliseconds(1), core.Clock.Time, cancellation).ConfigureAwait(false);
                break;
            default:
                throw Invariant.Unreachable(result);
        }
    }

    private async ValueTask AwaitRoomAsync(TimeSpan deadline, TimeSpan timeout, CancellationToken cancellation)
    {
        var left = deadline - core.Clock.Now;
        try
        {
            await core.Log.WaitForRoomAsync(cancellation).AsTask().WaitAsync(left > TimeSpan.Zero ? left : TimeSpan.Zero, core.Clock.Time, cancellation).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            throw new TailFullException($"the log took nothing more within {timeout}: the disk of node '{core.Members.Self}' hangs or is very slow. Nothing was written.");
        }
    }

    /// <summary>Says why this node takes no writes.</summary>
    public NotPrimaryException NotPrimary()
    {
        if (core.Failure is { } failure) throw new NodeFailedException($"node '{core.Members.Self}' has failed and takes no writes: {failure.Message}", failure);
        var primary = core.Elections.Primary;
        var other = primary is null || primary == core.Members.Self ? null : primary;
        return new NotPrimaryException($"{core.WhyNotPrimary()}. Nothing was written.", other, other is null ? null : core.Members.TryAddressOf(other)?.ToString());
    }

    private string Missing()
    {
        var missing = core.Feeders.Status().Where(member => !member.IsConnected).Select(member => member.Name).ToList();
        return missing.Count == 0 ? "All members are connected." : $"Not connected: {string.Join(", ", missing)}.";
    }
}
