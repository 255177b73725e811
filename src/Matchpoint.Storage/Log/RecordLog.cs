using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;
using Matchpoint.Storage.Data;

namespace Matchpoint.Storage.Log;

/// <summary>
/// The replicated log on one node's disk. Many callers append; one thread writes and flushes for all of them, so that waiting
/// commits share one write and one flush (group commit). Readers take a <see cref="LogView"/> and are not disturbed.
/// </summary>
/// <remarks>
/// Guarantees: (1) records are numbered without gaps and chained; (2) a record whose flush was awaited is on the device; (3) after a failed write or flush nothing is appended or
/// acknowledged any more (<see cref="LogPoisonedException"/>); (4) readers see a record only when it is written. Two locks: the gate guards what is in memory and is never held across
/// I/O; the writer's lock makes write, flush, cut, trim and close exclude each other, and neither appenders nor readers ever take it.
/// </remarks>
internal sealed class RecordLog : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Lock _writing = new();
    private readonly LogOptions _options;
    private readonly SegmentStore _store;
    private readonly PositionsFile _positions;
    private readonly LogWaiters _waiters;
    private readonly LogPins _pins;
    private readonly ILogDriver? _driver;
    private readonly PendingRecords _pending;
    private Vlsn _written;
    private Vlsn _flushed;
    private Vlsn _flushWanted;
    private Vlsn _durable;
    private long _positionsFlushedAt;
    private Exception? _closed;
    private bool _isCutting;
    private bool _isDisposed;

    private RecordLog(DataDirectory directory, LogOptions options, OpenedLog opened)
    {
        var (store, positions, report) = opened;
        Directory = directory;
        OpenReport = report;
        _options = options;
        _store = store;
        _positions = positions;
        _waiters = new LogWaiters(_gate);
        _pins = new LogPins(_gate);
        _pending = new PendingRecords(store.Position, store.LastSync, options.PendingBytes);
        _written = _pending.End.Vlsn;
        _flushed = _flushWanted = positions.Current.FlushedVlsn;
        _durable = positions.Current.Durable;
        _positionsFlushedAt = options.Time.GetTimestamp();
        _driver = options.Driver?.Invoke(this) ?? (options.OwnThread ? new LogPump(this, store) : null);
    }

    /// <summary>The directory it lies in.</summary>
    public DataDirectory Directory { get; }

    /// <summary>What opening found and did.</summary>
    public LogOpenReport OpenReport { get; }

    /// <summary>Where the log stands behind the last appended record, written or not.</summary>
    public LogPosition Appended
    {
        get { lock (_gate) return _pending.End; }
    }

    /// <summary>The last record that readers see.</summary>
    public Vlsn Written
    {
        get { lock (_gate) return _written; }
    }

    /// <summary>The last record that is on the device.</summary>
    public Vlsn Flushed
    {
        get { lock (_gate) return _flushed; }
    }

    /// <summary>The highest VLSN this node ever knew to be durable on a majority.</summary>
    public Vlsn Durable
    {
        get { lock (_gate) return _durable; }
    }

    /// <summary>Why nothing can be appended any more; null while all is well.</summary>
    public Exception? Failure
    {
        get { lock (_gate) return _closed; }
    }

    /// <summary>Called when more is written or flushed, when the log was cut, and when it has failed: on the thread that does it and under the writer's lock, so it must be short, must not
    /// throw, and must wait for nobody who may wait for the log.</summary>
    public Action? Moved { get; set; }

    /// <summary>Opens the log of a directory, mending what a crash left.</summary>
    /// <exception cref="StorageException">The log is damaged, foreign, or of a newer format.</exception>
    public static RecordLog Open(DataDirectory directory, LogOptions? options = null)
    {
        options ??= new LogOptions();
        return new RecordLog(directory, options, OpenedLog.Open(directory, options));
    }

    /// <summary>Appends a record of this node's own reign. It is in memory then; <see cref="WaitAsync"/> tells when it has come further.</summary>
    /// <param name="term">The reign; not below the last record's.</param>
    /// <param name="kind">What the record is.</param>
    /// <param name="policy">Whose acknowledgement its client waits for.</param>
    /// <param name="payload">Its payload.</param>
    /// <param name="flush">How far it shall be brought without being asked again.</param>
    /// <param name="header">The record's header.</param>
    /// <returns>False when too much waits to be written: wait for <see cref="WaitForRoomAsync"/> and try again.</returns>
    /// <exception cref="LogPoisonedException">A write or flush failed.</exception>
    public bool TryAppend(
        Term term, RecordKind kind, AckPolicy policy, ReadOnlySpan<byte> payload, FlushPolicy flush, out RecordHeader header)
    {
        var size = RecordHeader.Size + payload.Length;
        if (size > Limits.RecordBytes)
            throw new ArgumentException($"A record of {size} bytes is longer than the limit of {Limits.RecordBytes}; write it in pieces.", nameof(payload));
        lock (_gate)
        {
            ThrowIfClosed_Locked();
            if (!_pending.HasRoom(size))
            {
                header = default;
                return false;
            }

            header = _pending.Add(term, Now(), kind, policy, payload);
            if (flush == FlushPolicy.Sync) _flushWanted = _pending.End.Vlsn;
        }

        _driver?.Wake();
        return true;
    }

    /// <summary>Appends records that another node wrote, if they are sound and continue this log.</summary>
    /// <param name="records">Whole records.</param>
    /// <param name="flush">How far they shall be brought without being asked again.</param>
    /// <param name="fault">Why nothing was appended; null when all of it was.</param>
    /// <returns>False when too much waits to be written, or the records were refused.</returns>
    /// <exception cref="LogPoisonedException">A write or flush failed.</exception>
    public bool TryAppendCopies(ReadOnlySpan<byte> records, FlushPolicy flush, out RecordFault? fault)
    {
        fault = null;
        lock (_gate)
        {
            ThrowIfClosed_Locked();
            if (!_pending.HasRoom(records.Length)) return false;
            fault = _pending.AddCopies(records);
            if (fault is not null) return false;
            if (flush == FlushPolicy.Sync) _flushWanted = _pending.End.Vlsn;
        }

        _driver?.Wake();
        return true;
    }

    /// <summary>Returns when there is room to append again.</summary>
    public ValueTask WaitForRoomAsync(CancellationToken cancellation)
    {
        LogWaiter waiter;
        lock (_gate)
        {
            ThrowIfClosed_Locked();
            if (_pending.Count == 0) return default;
            waiter = _waiters.Add_Locked(WaitFor.Room, Vlsn.Null);
        }

        waiter.WatchCancellation(cancellation);
        return waiter.Task;
    }

    /// <summary>Returns when a record has come as far as the policy says.</summary>
    /// <exception cref="LogPoisonedException">A write or flush failed: whether the record is on the device is unknown.</exception>
    public ValueTask WaitAsync(Vlsn vlsn, FlushPolicy policy, CancellationToken cancellation)
    {
        LogWaiter waiter;
        bool wake;
        lock (_gate)
        {
            Invariant.Holds(vlsn <= _pending.End.Vlsn, $"record {vlsn} is awaited, and the last appended is {_pending.End.Vlsn}.");
            var reached = policy switch
            {
                FlushPolicy.NoSync => _pending.End.Vlsn,
                FlushPolicy.Write => _written,
                FlushPolicy.Sync => _flushed,
                _ => throw Invariant.Unreachable(policy),
            };
            if (vlsn <= reached) return default;
            ThrowIfClosed_Locked();
            waiter = _waiters.Add_Locked(policy == FlushPolicy.Sync ? WaitFor.Flushed : WaitFor.Written, vlsn);
            wake = policy == FlushPolicy.Sync && _flushWanted < vlsn;
            if (wake) _flushWanted = vlsn;
        }

        if (wake) _driver?.Wake();
        waiter.WatchCancellation(cancellation);
        return waiter.Task;
    }

    /// <summary>Has everything appended so far flushed soon, without waiting for it.</summary>
    public void RequestFlush()
    {
        lock (_gate)
        {
            if (_closed is not null || _flushWanted == _pending.End.Vlsn) return;
            _flushWanted = _pending.End.Vlsn;
        }

        _driver?.Wake();
    }

    /// <summary>The highest sync point up to a record above the durable ones: what is an inner piece is lowered.</summary>
    public Vlsn SyncPointAtOrBelow(Vlsn vlsn)
    {
        lock (_gate) return _pending.Pieces.SyncPointAtOrBelow(vlsn);
    }

    /// <summary>Takes note that records up to a VLSN are durable on a majority; lower ones than known are no news.</summary>
    public void NoteDurable(Vlsn vlsn)
    {
        lock (_gate)
        {
            _durable = Vlsn.Max(_durable, vlsn);
            _pending.Pieces.Forget(_durable);
        }
    }

    /// <summary>A fixed view of what is written now, kept from removal until it is disposed.</summary>
    public LogView View()
    {
        lock (_gate)
        {
            var segments = _store.Segments;
            return new LogView(Directory, segments, _durable, _pins.Add_Locked(segments));
        }
    }

    /// <summary>Whether there is anything to write or to flush.</summary>
    internal bool HasWork
    {
        get { lock (_gate) return _closed is null && (_pending.Count > 0 || _flushWanted > _flushed); }
    }

    /// <summary>
    /// Writes what is pending, and flushes if somebody waits for it. The log's own thread calls this; where it has none, whoever drives the log does.
    /// </summary>
    /// <param name="mayFlush">Whether it may flush now; else the next call does.</param>
    /// <returns>Whether there was anything to do.</returns>
    public bool Drain(bool mayFlush = true)
    {
        lock (_writing) return Drain_Writing(mayFlush);
    }

    /// <summary>Writes and flushes everything appended so far.</summary>
    /// <exception cref="LogPoisonedException">A write or flush failed.</exception>
    public void FlushAll()
    {
        lock (_writing) FlushAll_Writing();
    }

    /// <summary>Cuts the log durably behind a sync point, or wholly. In order: everything flushed, intent flushed, tail removed, positions lowered, export made final, intent removed. After a
    /// crash in between, opening finishes it.</summary>
    /// <param name="matchpoint">The last record to stay; null for none.</param>
    /// <param name="export">The name of the pending export that becomes final with the cut; empty for none.</param>
    public void CutAfter(Vlsn matchpoint, string export)
    {
        lock (_writing)
        {
            FlushAll_Writing();
            LogPosition end;
            using (var view = View())
            {
                end = view.PositionAt(matchpoint);
                Invariant.Holds(view.SyncPointAtOrBelow(matchpoint) == matchpoint, $"the log is to be cut behind record {matchpoint}, which is no sync point.");
            }

            LogCut.MustHaveExport(Directory, export);
            lock (_gate)
            {
                ThrowIfClosed_Locked();
                Invariant.Holds(_pending.End.Vlsn == _flushed, $"record {_pending.End.Vlsn} was appended while the log is to be cut.");
                _isCutting = true;
            }

            try
            {
                var intent = new CutIntent(end, export);
                intent.Write(Directory.Files, Directory.CutPath);
                lock (_gate) _pins.BeginCut_Locked(end.Vlsn);
                _store.Cut(intent, _positions);
                lock (_gate)
                {
                    _pins.EndCut_Locked();
                    _pending.ContinueFrom(end);
                    _written = _flushed = _flushWanted = end.Vlsn;
                    _durable = Vlsn.Min(_durable, end.Vlsn);
                }
            }
            catch (Exception error)
            {
                Poison(error, $"cut the log behind record {matchpoint}");
                throw;
            }
            finally
            {
                lock (_gate) _isCutting = false;
            }

            Moved?.Invoke();
        }
    }

    /// <summary>Removes the oldest segments that hold nothing above a VLSN. The last segment stays, and so does whatever a view holds.</summary>
    /// <returns>How many segments went.</returns>
    public int RemoveUpTo(Vlsn vlsn)
    {
        lock (_writing)
        {
            lock (_gate)
            {
                ThrowIfClosed_Locked();
                if (_store.CountUpTo(_pins.LowestBefore_Locked(vlsn)) == 0) return 0;
            }

            FlushAll_Writing(); // Where the log begins is durable before what lies behind may be forgotten.
            Segment[] removed;
            lock (_gate) removed = _store.TakeOldest(_store.CountUpTo(_pins.LowestBefore_Locked(vlsn)));
            try
            {
                _store.Remove(removed, _positions);
            }
            catch (Exception error)
            {
                Poison(error, "remove the oldest segments");
                throw;
            }

            return removed.Length;
        }
    }

    /// <summary>
    /// Writes and flushes what is left, and closes: the next open need not read the log. It throws nothing; where the disk failed,
    /// <see cref="Failure"/> tells. Who must know that all is durable calls <see cref="FlushAll"/> before.
    /// </summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_isDisposed) return;
            _isDisposed = true;
        }

        _driver?.Dispose();
        lock (_writing)
        {
            try
            {
                if (Failure is null) CloseCleanly_Writing();
            }
            catch (Exception error)
            {
                Poison(error, "close the log");
            }

            Close(new ObjectDisposedException(nameof(RecordLog)));
            _store.Dispose();
            _positions.Dispose();
        }
    }

    /// <summary>Marks the log as unfit: a device failure leaves nobody knowing what is on it.</summary>
    internal void Poison(Exception error, string attempt)
    {
        var first = error as LogPoisonedException ?? new LogPoisonedException(
            $"{Directory.Path}: could not {attempt}: {error.Message} The log takes no more records, and nothing that waited is "
            + "acknowledged. Mend the cause, then open the directory again: it is checked then, and an unflushed end is cut off.",
            error);
        Close(first);
        Moved?.Invoke();
    }

    private void Close(Exception reason)
    {
        LogWaiter? waiting;
        lock (_gate)
        {
            _closed ??= reason;
            reason = _closed;
            waiting = _waiters.TakeAll_Locked();
        }

        LogWaiters.CompleteAll(waiting, reason);
    }

    private void CloseCleanly_Writing()
    {
        FlushAll_Writing();
        _store.CloseCleanly();
        _positions.Replace(_positions.Current with { Durable = Durable });
    }

    private void FlushAll_Writing()
    {
        Vlsn wanted;
        lock (_gate) wanted = _flushWanted = _pending.End.Vlsn;
        while (true)
        {
            lock (_gate)
            {
                ThrowIfFailed_Locked();
                if (_flushed >= wanted) return; // Whatever was appended meanwhile is not awaited: it might never end.
            }

            Drain_Writing(mayFlush: true);
        }
    }

    private bool Drain_Writing(bool mayFlush)
    {
        ReadOnlyMemory<byte> batch;
        bool flush;
        Vlsn end;
        LogWaiter? roomy;
        lock (_gate)
        {
            if (_closed is not null) return false;
            flush = mayFlush && _flushWanted > _flushed;
            if (_pending.Count == 0 && !flush) return false;
            end = _pending.End.Vlsn;
            batch = _pending.Take();
            roomy = _waiters.Take_Locked(WaitFor.Room, Vlsn.Null);
        }

        LogWaiters.CompleteAll(roomy, error: null);
        try
        {
            if (!batch.IsEmpty)
            {
                _store.Write(batch.Span, flush);
                Reach(WaitFor.Written, end);
            }

            if (flush)
            {
                _store.Flush();
                Reach(WaitFor.Flushed, end);
                NotePositions();
            }

            return true;
        }
        catch (Exception error)
        {
            Poison(error, !batch.IsEmpty ? "write or flush the log" : "flush the log");
            return false;
        }
    }

    private void Reach(WaitFor what, Vlsn vlsn)
    {
        LogWaiter? reached;
        lock (_gate)
        {
            if (what == WaitFor.Flushed) _flushed = vlsn;
            else _written = vlsn;
            reached = _waiters.Take_Locked(what, vlsn);
        }

        LogWaiters.CompleteAll(reached, error: null);
        Moved?.Invoke();
    }

    private void NotePositions()
    {
        Vlsn durable;
        lock (_gate) durable = _durable;
        var end = _store.Position;
        _positions.Write(_positions.Current with { Flushed = end.End, FlushedVlsn = end.Vlsn, Durable = durable });
        if (_options.Time.GetElapsedTime(_positionsFlushedAt) < _options.PositionsFlushInterval) return;
        _positions.Flush();
        _positionsFlushedAt = _options.Time.GetTimestamp();
    }

    private long Now() => (_options.Time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;

    private void ThrowIfFailed_Locked()
    {
        if (_closed is LogPoisonedException poisoned) throw new LogPoisonedException(poisoned.Message, poisoned);
        ObjectDisposedException.ThrowIf(_closed is not null, this);
    }

    private void ThrowIfClosed_Locked()
    {
        ThrowIfFailed_Locked();
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        if (_isCutting) throw new InvalidOperationException("The log is being cut; nothing can be appended meanwhile.");
    }
}
