using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Membership;
using Matchpoint.Protocol.Records;
using Matchpoint.Storage.Log;
using Matchpoint.Storage.State;
using Matchpoint.Tail;
using Matchpoint.Transactions;

namespace Matchpoint.Node;

/// <summary>What became of an attempt to append.</summary>
internal enum AppendResult
{
    /// <summary>It is in the log.</summary>
    Appended,

    /// <summary>Too much waits to be written: wait for room.</summary>
    NoRoom,

    /// <summary>Too much waits to be decided: wait until more is durable.</summary>
    TailFull,

    /// <summary>Something that was read was changed since.</summary>
    Conflict,

    /// <summary>This node is not the primary.</summary>
    NotPrimary,

    /// <summary>Writes are held for a moment: the primary hands over.</summary>
    Held,

    /// <summary>Too much was written since the transaction's first piece: it never takes effect.</summary>
    TooFar,
}

/// <summary>
/// The one place where records enter: it appends to the log and adds to the tail in one step, so that the tail holds all records from its floor to
/// the log's end, in order. One caller at a time; the lock is held
/// across no I/O.
/// </summary>
internal sealed class Appender
{
    private const long GenerationBytes = 4 * 1024 * 1024;

    /// <summary>So far behind the group a replica does not fill its tail: what it receives is durable already, and goes straight into the state.</summary>
    private const long FarBehind = 20_000;

    private readonly Lock _gate = new();
    private readonly RecordLog _log;
    private readonly IState _state;
    private volatile LogTail _tail = new(GenerationBytes);
    private readonly long _maxBytes;
    private readonly Dictionary<Vlsn, List<byte[]>> _openPieces = [];

    /// <summary>Where the log ended before each first piece of this reign whose transaction may still be committed.</summary>
    private readonly Dictionary<Vlsn, Lsn> _begun = [];
    private long _openBytes;
    private ulong _reign;
    private bool _isHeld;

    /// <summary>An appender whose tail is still empty: <see cref="Rebuild"/> fills it.</summary>
    public Appender(RecordLog log, IState state, long maxBytes)
    {
        _log = log;
        _state = state;
        _maxBytes = maxBytes;
        Snapshots = new ActiveSnapshots();
    }

    /// <summary>
    /// So many bytes of log a transaction's first piece may lie below its commit. All members keep as much below what their state holds, so that no commit is applied whose pieces are gone.
    /// </summary>
    public long OpenBytes { get; init; } = new RetentionOptions().OpenBytes;

    /// <summary>What the log says of the members; null where nobody asks.</summary>
    public RosterLog? Rosters { get; init; }

    /// <summary>
    /// The record that made the members what they are; null while none did. Without the lock: the log's writer asks, and whoever holds the lock may wait for the writer.
    /// </summary>
    public Vlsn RosterAt => Rosters?.PublishedAt ?? Vlsn.Null;

    /// <summary>The snapshots of transactions under way.</summary>
    public ActiveSnapshots Snapshots { get; }

    /// <summary>Bytes of the tail.</summary>
    public long TailBytes => _tail.Bytes;

    /// <summary>The tail as it is now. A record may be durable before its appender has put it in: then the view ends below it.</summary>
    public TailView Tail => _tail.View();

    /// <summary>The tail once it has a record that was appended.</summary>
    public TailView TailWith(Vlsn vlsn)
    {
        var tail = _tail.View();
        if (tail.End >= vlsn) return tail;
        lock (_gate) return _tail.View(); // Whoever appends does so, and puts it in, under this lock.
    }

    /// <summary>How far up to a durable record this node shows what is durable: a replica that is far behind fills no tail, and shows what its state has.</summary>
    public Vlsn ShownUpTo(Vlsn durable)
    {
        var applied = _state.Applied.Vlsn;
        return applied >= TailWith(durable).Floor ? durable : Vlsn.Min(durable, applied);
    }

    /// <summary>The reign of this node; none when it is not the primary.</summary>
    public Term Reign
    {
        get => new(Volatile.Read(ref _reign));
    }

    /// <summary>Fills the tail with all that the state does not hold. What was appended must be written.</summary>
    public void Rebuild()
    {
        lock (_gate) Rebuild_Locked();
    }

    /// <summary>A reign of this node begins: its first record is appended. Writes are taken from <see cref="OpenReign"/> on.</summary>
    public Vlsn BeginReign(Term term, ReadOnlySpan<byte> termStart)
    {
        lock (_gate)
        {
            if (_tail.End != _log.Appended.Vlsn || _tail.Floor > _state.Applied.Vlsn) Rebuild_Locked();
            Invariant.Holds(
                _log.TryAppend(term, RecordKind.TermStart, AckPolicy.None, termStart, FlushPolicy.Sync, out var header), "a new reign found no room in the log.");
            _tail.Advance(header.Vlsn);
            _openPieces.Clear();
            _openBytes = 0;
            _begun.Clear();
            return header.Vlsn;
        }
    }

    /// <summary>From here on the reign takes writes: whoever waits for their acknowledgements is heard.</summary>
    public void OpenReign(Term term)
    {
        lock (_gate) (_reign, _isHeld) = (term.Value, false);
    }

    /// <summary>Holds writes, or lets them go on: those that come meanwhile wait, and nothing of them is in the log.</summary>
    /// <returns>The last record of the log.</returns>
    public Vlsn Hold(bool isHeld)
    {
        lock (_gate)
        {
            _isHeld = isHeld;
            return _log.Appended.Vlsn;
        }
    }

    /// <summary>Appends a record that makes the members others.</summary>
    /// <param name="reign">This node's reign.</param>
    /// <param name="roster">The members.</param>
    /// <param name="count">Counts acknowledgements by the voters of a roster from then on: by those of the new one, with the number that its record will have, before that is in the log.</param>
    /// <param name="header">The record's header.</param>
    public AppendResult TryAppendRoster(Term reign, Roster roster, Action<Roster, Vlsn> count, out RecordHeader header)
    {
        header = default;
        lock (_gate)
        {
            if (_reign == 0 || _reign != reign.Value) return AppendResult.NotPrimary;
            if (_isHeld) return AppendResult.Held;
            var payload = RosterCodec.Encode(roster);
            count(roster, _log.Appended.Vlsn.Next);
            if (!_log.TryAppend(reign, RecordKind.Membership, AckPolicy.None, payload, FlushPolicy.Sync, out header))
            {
                count(Rosters!.Current, Rosters.At);
                return AppendResult.NoRoom;
            }

            Rosters!.Add(header, payload);
            Rosters.Publish();
            _tail.Advance(header.Vlsn);
            return AppendResult.Appended;
        }
    }

    /// <summary>This node is no longer the primary: nothing more is appended for it.</summary>
    public void EndReign()
    {
        lock (_gate) _reign = 0;
    }

    /// <summary>Appends a piece of a large transaction, not the last.</summary>
    /// <param name="reign">This node's reign.</param>
    /// <param name="payload">The piece.</param>
    /// <param name="first">The transaction's first piece; null while this is it.</param>
    /// <param name="header">The piece's header.</param>
    public AppendResult TryAppendPiece(Term reign, ReadOnlySpan<byte> payload, Vlsn first, out RecordHeader header)
    {
        header = default;
        lock (_gate)
        {
            if (_reign == 0 || _reign != reign.Value) return AppendResult.NotPrimary;
            if (_isHeld) return AppendResult.Held;
            if (!first.IsNull && IsTooFar_Locked(first)) return AppendResult.TooFar;
            var before = _log.Appended.End;
            if (!_log.TryAppend(reign, RecordKind.Piece, AckPolicy.None, payload, FlushPolicy.NoSync, out header)) return AppendResult.NoRoom;
            if (first.IsNull) Begin_Locked(header.Vlsn, before);
            _tail.Advance(header.Vlsn);
            return AppendResult.Appended;
        }
    }

    /// <summary>Appends a transaction's commit, if nothing that it read was changed since its snapshot.</summary>
    /// <param name="reign">The reign in which its earlier pieces were appended; none where there are none.</param>
    /// <param name="writer">The transaction.</param>
    /// <param name="first">Its first piece; null where this is the only one.</param>
    /// <param name="previous">The piece before; null where there is none.</param>
    /// <param name="durability">What it waits for.</param>
    /// <param name="reads">What it has read; null for nothing.</param>
    /// <param name="snapshot">The record up to which it has read.</param>
    /// <param name="header">The commit's header.</param>
    /// <param name="conflicting">The record that changed what was read.</param>
    public AppendResult TryCommit(
        Term reign, TransactionWriter writer, Vlsn first, Vlsn previous, Durability durability, ReadSet? reads, Vlsn snapshot,
        out RecordHeader header, out Vlsn conflicting)
    {
        header = default;
        conflicting = default;
        lock (_gate)
        {
            if (_reign == 0 || (reign != Term.None && _reign != reign.Value)) return AppendResult.NotPrimary;
            if (_isHeld) return AppendResult.Held;
            if (!first.IsNull && IsTooFar_Locked(first)) return AppendResult.TooFar;
            if (_tail.Bytes > _maxBytes) return AppendResult.TailFull;
            if (reads is { IsEmpty: false } && Conflicts_Locked(reads, snapshot, out conflicting)) return AppendResult.Conflict;
            var last = writer.Records - 1;
            if (!_log.TryAppend(Reign, RecordKind.Commit, durability.Acks, writer.Payload(last, first, previous).Span, durability.LocalFlush, out header))
                return AppendResult.NoRoom;
            _begun.Remove(first);
            for (var i = 0; i <= last; i++) _tail.Add(header.Vlsn, PieceReader.Read(writer.Payload(i, first, previous).Span, header.Vlsn));
            _tail.Advance(header.Vlsn);
            return AppendResult.Appended;
        }
    }

    /// <summary>Appends records that another node wrote, proved to be transactions.</summary>
    /// <param name="records">Whole records.</param>
    /// <param name="flush">How far they shall be brought.</param>
    /// <param name="durable">What the group holds as durable: far below it, the tail is not filled.</param>
    /// <param name="fault">Why they were refused.</param>
    public AppendResult TryAppendCopies(ReadOnlySpan<byte> records, FlushPolicy flush, Vlsn durable, out RecordFault? fault)
    {
        lock (_gate)
        {
            fault = null;
            Invariant.Holds(_reign == 0, "records of another primary came during the own reign.");
            var isFarBehind = durable.DistanceFrom(_log.Appended.Vlsn) > FarBehind;
            // What a reader saw in the tail must not vanish: it goes only when the state has it.
            if (isFarBehind && _state.Applied.Vlsn < _tail.Newest) return AppendResult.TailFull;
            // Only what is known to be durable is waited for: what tells that more is durable comes behind these records. The primary bounds the rest.
            if (_tail.Bytes > _maxBytes && _state.Applied.Vlsn < Vlsn.Min(durable, _tail.End)) return AppendResult.TailFull;
            if (!_log.TryAppendCopies(records, flush, out fault)) return AppendResult.NoRoom;
            var isRoster = false;
            for (var rest = records; !rest.IsEmpty;)
            {
                Invariant.Holds(RecordCodec.TryReadHeader(rest, out var header) is null, "a record that was appended cannot be read.");
                if (header.Kind == RecordKind.Membership)
                {
                    Rosters?.Add(header, rest[RecordHeader.Size..header.Length]);
                    isRoster = true;
                }

                if (!isFarBehind) AddToTail_Locked(_tail, header, rest[RecordHeader.Size..header.Length]);
                rest = rest[header.Length..];
            }

            if (isRoster) Rosters?.Publish();
            if (isFarBehind)
            {
                _tail.Reset(_log.Appended.Vlsn);
                _openPieces.Clear();
                _openBytes = 0;
            }

            return AppendResult.Appended;
        }
    }

    /// <summary>The log was cut behind a record: the tail holds what is left.</summary>
    public void OnCut(Vlsn matchpoint)
    {
        lock (_gate)
        {
            Invariant.Holds(_state.Applied.Vlsn <= matchpoint, $"the log was cut behind {matchpoint}, and the state holds records up to {_state.Applied.Vlsn}.");
            Rebuild_Locked();
        }
    }

    /// <summary>Forgets of the tail what the state holds and no transaction under way needs.</summary>
    public void ForgetApplied()
    {
        lock (_gate)
        {
            var applied = _state.Applied.Vlsn;
            // Transactions that take too long find that their history is gone, and are run again.
            _tail.Forget(_tail.Bytes > _maxBytes / 2 ? applied : Snapshots.OldestOr(applied));
        }
    }

    /// <summary>A picture of the state and of the tail that fit together.</summary>
    /// <param name="durable">How far the group is.</param>
    /// <param name="isLocal">Whether to show the undecided records too.</param>
    /// <param name="isTransaction">Whether what comes since is to be kept for finding conflicts.</param>
    public ReadSnapshot Snapshot(Vlsn durable, bool isLocal, bool isTransaction)
    {
        lock (_gate)
        {
            var state = _state.Snapshot();
            var applied = state.Position.Vlsn;
            var isTailUsable = applied >= _tail.Floor;
            var at = !isTailUsable ? applied : Vlsn.Max(applied, isLocal ? _tail.End : Vlsn.Min(durable, _tail.End));
            if (isTransaction) Snapshots.Add(at);
            return new ReadSnapshot(state, _tail.View(), isTailUsable, at, isTransaction ? Snapshots : null);
        }
    }

    private bool IsTooFar_Locked(Vlsn first) => !_begun.TryGetValue(first, out var begin) || _log.Appended.End.DistanceFrom(begin) > OpenBytes;

    /// <summary>Nobody says of a transaction that it was given up: it is forgotten once it is too far.</summary>
    private void Begin_Locked(Vlsn first, Lsn begin)
    {
        foreach (var other in _begun.Keys.Where(IsTooFar_Locked).ToList()) _begun.Remove(other);
        _begun.Add(first, begin);
    }

    private bool Conflicts_Locked(ReadSet reads, Vlsn snapshot, out Vlsn conflicting)
    {
        // What was forgotten may have touched it.
        conflicting = _tail.Floor > snapshot ? _tail.Floor : reads.LastTouched(_tail.View());
        return conflicting > snapshot;
    }

    private void Rebuild_Locked()
    {
        using var view = _log.View();
        Invariant.Holds(view.Last == _log.Appended.Vlsn, $"the tail is rebuilt from records up to {view.Last}, and {_log.Appended.Vlsn} was appended.");
        // Beside the old one, and in its place only when it is whole: readers take no lock, and must not be led back in time.
        var applied = _state.Applied.Vlsn;
        var tail = new LogTail(GenerationBytes);
        tail.Reset(applied);
        _openPieces.Clear();
        _openBytes = 0;
        Rosters?.Begin(_state);
        if (view.Holds(applied.Next))
        {
            using var reader = view.ReadFrom(applied.Next);
            while (reader.MoveNext())
            {
                if (reader.Header.Kind == RecordKind.Membership) Rosters?.Add(reader.Header, reader.Payload);
                AddToTail_Locked(tail, reader.Header, reader.Payload);
            }
        }

        _tail = tail;
        Rosters?.Publish();
    }

    private void AddToTail_Locked(LogTail tail, in RecordHeader header, ReadOnlySpan<byte> payload)
    {
        if (header.Kind is RecordKind.Piece) Keep(header.Vlsn, payload);
        else if (header.IsTransactionEnd) AddCommit(tail, header.Vlsn, PieceReader.Read(payload, header.Vlsn));
        else if (header.Kind is RecordKind.TermStart) ForgetPieces();
        tail.Advance(header.Vlsn);
    }

    private void Keep(Vlsn vlsn, ReadOnlySpan<byte> payload)
    {
        var first = PieceReader.Read(payload, vlsn).FirstPiece;
        if (first.IsNull) first = vlsn;
        if (first == vlsn) _openPieces.Add(first, []);
        if (!_openPieces.TryGetValue(first, out var pieces)) return; // Its beginning was not kept.
        pieces.Add(payload.ToArray());
        _openBytes += payload.Length;
        // The oldest is the likeliest to have been given up, of which nothing tells; if it has not been, it is read back from the log when its commit comes.
        while (_openBytes > _maxBytes) Drop(_openPieces.Keys.Min());
    }

    private void AddCommit(LogTail tail, Vlsn vlsn, in TransactionPayload commit)
    {
        if (!commit.FirstPiece.IsNull)
        {
            foreach (var piece in TakePieces(commit)) tail.Add(vlsn, PieceReader.Read(piece, vlsn));
        }

        tail.Add(vlsn, commit);
    }

    private IReadOnlyList<byte[]> TakePieces(in TransactionPayload commit)
    {
        if (Drop(commit.FirstPiece) is { } kept) return kept;
        _log.FlushAll(); // Seldom: only where more pieces were open at once than are kept.
        using var view = _log.View();
        return PieceReader.Before(view, commit);
    }

    /// <summary>No primary commits what another has begun.</summary>
    private void ForgetPieces()
    {
        _openPieces.Clear();
        _openBytes = 0;
    }

    private List<byte[]>? Drop(Vlsn first)
    {
        if (!_openPieces.Remove(first, out var pieces)) return null;
        foreach (var piece in pieces) _openBytes -= piece.Length;
        return pieces;
    }
}
