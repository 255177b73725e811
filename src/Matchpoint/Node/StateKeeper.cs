using Matchpoint.Protocol.Identities;
using Matchpoint.Storage;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Log;
using Matchpoint.Storage.State;
using Matchpoint.Streaming;

namespace Matchpoint.Node;

/// <summary>
/// Keeps the state: opens it, builds it anew from the log where it is gone or foreign, brings it up to what is durable, and flushes it now and then: then
/// log may go that it no longer needs.
/// </summary>
internal sealed class StateKeeper : IAsyncDisposable
{
    /// <summary>So many bytes of log may have to be applied again after a crash.</summary>
    public const long BytesBetweenFlushes = 64 * 1024 * 1024;

    /// <summary>What is durable is applied so late at most: many small batches cost more than a few large ones.</summary>
    private static readonly TimeSpan Delay = TimeSpan.FromMilliseconds(10);

    private readonly RecordLog _log;
    private readonly StateReplay _replay;
    private readonly Signal _signal = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly long _flushBytes;
    private Action _flushed = static () => { };
    private Task _running = Task.CompletedTask;
    private long _flushedAtBytes;
    private int _isNews;

    private StateKeeper(RecordLog log, IState state, long flushBytes, string? note, bool hasData)
    {
        _log = log;
        State = state;
        _flushBytes = flushBytes;
        Note = note;
        _replay = new StateReplay(log.View, log.Directory.StatePath, state, hasData);
    }

    /// <summary>The state.</summary>
    public IState State { get; }

    /// <summary>What opening found that a person should know; null for nothing.</summary>
    public string? Note { get; }

    /// <summary>Opens the state of a directory and brings it up to a record.</summary>
    /// <exception cref="StorageException">The state is gone and the log does not reach back to the first record.</exception>
    public static StateKeeper Open(DataDirectory directory, RecordLog log, IStateStore states, long flushBytes, Vlsn durable, bool hasData = true)
    {
        var state = OpenState(directory, log, states, out var note);
        try
        {
            // A full copy brings an arbiter what others have: it keeps only what the store needs itself.
            if (!hasData) RemoveData(state);
            var keeper = new StateKeeper(log, state, flushBytes, note, hasData);
            while (!keeper._replay.ApplyBatch(durable))
            {
                // Batch by batch.
            }

            return keeper;
        }
        catch
        {
            state.Dispose();
            throw;
        }
    }

    /// <summary>Begins to follow what is durable.</summary>
    /// <param name="progress">What is durable.</param>
    /// <param name="appender">What holds it until it is applied.</param>
    /// <param name="clock">The node's clock.</param>
    /// <param name="flushed">Called when the state was flushed: it needs the log up to there no more.</param>
    /// <param name="fail">Called when the state cannot go on.</param>
    public void Start(Progress progress, Appender appender, NodeClock clock, Action flushed, Action<Exception> fail)
    {
        _flushed = flushed;
        _running = Task.Run(() => RunAsync(progress, appender, clock, fail));
    }

    /// <summary>More is durable.</summary>
    public void OnDurableMoved()
    {
        if (Interlocked.Exchange(ref _isNews, 1) == 0) _signal.Set();
    }

    /// <summary>Stops, after having applied and flushed what is durable, unless the disk failed.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        _signal.Set();
        await _running.ConfigureAwait(false);
        _replay.Dispose();
        State.Dispose();
        _stopping.Dispose();
    }

    private async Task RunAsync(Progress progress, Appender appender, NodeClock clock, Action<Exception> fail)
    {
        try
        {
            while (!_stopping.IsCancellationRequested)
            {
                await _signal.WaitAsync().ConfigureAwait(false);
                Volatile.Write(ref _isNews, 0);
                var durable = await OwnDurableAsync(progress).ConfigureAwait(false);
                while (!_replay.ApplyBatch(durable))
                {
                    appender.ForgetApplied();
                    FlushIfDue();
                }

                appender.ForgetApplied();
                FlushIfDue();
                if (!_stopping.IsCancellationRequested) await Task.Delay(Delay, clock.Time, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }

            var last = await OwnDurableAsync(progress).ConfigureAwait(false);
            while (!_replay.ApplyBatch(last))
            {
                // The last ones.
            }

            State.Flush();
        }
        catch (Exception error)
        {
            fail(error);
        }
    }

    /// <summary>
    /// What is durable in the group, once it is on the own device too. RocksDB brings to the device what it was given whenever it likes: a state
    /// that is ahead of its log after a power cut belongs to no log, and would be lost with the log's head.
    /// </summary>
    private async ValueTask<Vlsn> OwnDurableAsync(Progress progress)
    {
        var durable = Vlsn.Min(progress.Durable, _log.Appended.Vlsn);
        await _log.WaitAsync(durable, FlushPolicy.Sync, CancellationToken.None).ConfigureAwait(false);
        return durable;
    }

    private void FlushIfDue()
    {
        if (_replay.AppliedBytes - _flushedAtBytes < _flushBytes) return;
        _flushedAtBytes = _replay.AppliedBytes;
        State.Flush();
        _flushed();
    }

    private static void RemoveData(IState state)
    {
        using var batch = state.NewBatch();
        batch.DeleteRange(StateKey.Of(0, []), StateKey.Of(StateKey.SystemDatabase, []));
        state.Rewrite(batch);
    }

    private static IState OpenState(DataDirectory directory, RecordLog log, IStateStore states, out string? note)
    {
        var why = WhyUnusable(directory, log, states);
        if (why is null && TryOpen(directory, states, out why) is { } state)
        {
            note = null;
            return state;
        }

        using (var view = log.View())
        {
            if (view.First > Vlsn.First)
                throw new StateLostException($"{directory.StatePath}: {why}. It cannot be built anew: the log begins at record {view.First}, not at 1. "
                    + $"The node needs a full copy; a backup or another member has one.");
        }

        var aside = states.SetAside(directory.StatePath, directory.Path);
        note = $"the state was built anew from the log: {why}." + (aside is null ? "" : $" What was there is in {aside}; remove it when you have looked at it.");
        return states.Open(directory.StatePath);
    }

    /// <summary>Why a state is not opened: found without a change to it, for it may be all there is.</summary>
    private static string? WhyUnusable(DataDirectory directory, RecordLog log, IStateStore states)
    {
        try
        {
            using var state = states.Look(directory.StatePath);
            return WhyForeign(state?.Position ?? default, log);
        }
        catch (DamageException error)
        {
            return error.Message.TrimEnd('.');
        }
    }

    private static IState? TryOpen(DataDirectory directory, IStateStore states, out string? why)
    {
        try
        {
            why = null;
            return states.Open(directory.StatePath);
        }
        catch (DamageException error)
        {
            why = error.Message.TrimEnd('.');
            return null;
        }
    }

    private static string? WhyForeign(StatePosition position, RecordLog log)
    {
        var (vlsn, fingerprint) = position;
        using var view = log.View();
        if (vlsn.IsNull)
        {
            return view.First > Vlsn.First ? "the state is empty" : null;
        }

        if (vlsn > view.Last) return $"the state holds records up to {vlsn}, and the log ends at {view.Last}";
        if (vlsn < view.First && view.First != vlsn.Next) return $"the state ends at record {vlsn}, and the log begins at {view.First}";
        var found = view.TryGet(vlsn, out var header, out _) ? header.Fingerprint : view.Segments.First().Before.Fingerprint;
        return found == fingerprint ? null : $"the state has fingerprint {fingerprint} at record {vlsn}, and the log {found}: it belongs to another history";
    }
}
