using Matchpoint.Node;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;
using Matchpoint.Simulation.Files;
using Matchpoint.Simulation.Group;
using Matchpoint.Simulation.World;
using Matchpoint.Storage;

namespace Matchpoint.Simulation.Checks;

/// <summary>
/// Looks at every node after every event, and knows what must never be: two primaries of one term, a durable record that changes or goes, equal fingerprints of different
/// histories, a state that is not the durable log's, a vote given twice, an operation that is undone and not exported.
/// </summary>
internal sealed class Watch
{
    private const int LooksAtAll = 16;

    private readonly Dictionary<Term, (string Name, int Life)> _primaries = [];
    private readonly Dictionary<Fingerprint, Remembered> _seen = [];
    private readonly Dictionary<Fingerprint, Fingerprint> _before = [];
    private readonly List<MachineWatch> _machines = [];
    private int _looks;

    /// <summary>The durable history.</summary>
    public Ledger Ledger { get; } = new();

    /// <summary>
    /// Whether all machines lost power while acknowledged records were unflushed, as their group had chosen: from then on nothing is known of what is durable, and only the rest
    /// is looked at.
    /// </summary>
    public bool IsLossy { get; set; }

    /// <summary>How many terms had a primary.</summary>
    public int Reigns => _primaries.Count;

    /// <summary>How many records were undone.</summary>
    public long Undone { get; private set; }

    /// <summary>How many commits were undone.</summary>
    public long UndoneCommits { get; private set; }

    /// <summary>Whether every state is compared with the history when it was opened, not only in the end.</summary>
    public bool ComparesOpened { get; set; }

    /// <summary>Hears that a node has opened a full copy.</summary>
    public Action<SimulatedMachine>? Copied { get; set; }

    /// <summary>Watches a machine from now on.</summary>
    public MachineWatch Add(SimulatedMachine machine)
    {
        var watch = new MachineWatch(this, machine);
        _machines.Add(watch);
        return watch;
    }

    /// <summary>Looks at the machine that did something; at all of them when nobody did, and now and then.</summary>
    /// <param name="owner">Whose event it was.</param>
    public void Look(IOwner? owner)
    {
        var isForAll = owner is not SimulatedProcess || ++_looks % LooksAtAll == 0;
        foreach (var machine in _machines)
        {
            if (isForAll || machine.IsOf(owner)) machine.Look();
        }
    }

    /// <summary>What one machine must hold to.</summary>
    internal sealed class MachineWatch(Watch watch, SimulatedMachine machine)
    {
        private readonly LogCopy _copy = new();
        private readonly Dictionary<Term, string> _votes = [];
        private readonly List<(Vlsn Matchpoint, List<Remembered> Removed, int Must, bool IsByCopy)> _exported = [];
        private NodeCore? _core;
        private NodeCore? _living; // Not forgotten with the disk's contents.
        private int _life;
        private int _content;
        private bool _isDamaged;
        private Vlsn _written;
        private Vlsn _flushed;
        private Vlsn _appended;
        private Vlsn _durable;
        private Vlsn _applied;

        /// <summary>What its log holds.</summary>
        public LogCopy Log => _copy;

        /// <summary>The last record that is on its disk.</summary>
        public Vlsn Flushed => _flushed;

        /// <summary>Whether all of its log was read, and sound, since the disk was last meddled with.</summary>
        public bool IsSound { get; private set; } = true;

        /// <summary>The disk was taken away, or its contents replaced: what it held is no promise any more. Votes stay promised.</summary>
        public void Forget()
        {
            _copy.Clear();
            _exported.Clear();
            _isDamaged = false;
            IsSound = false;
            (_core, _content, _written, _flushed, _appended, _durable, _applied) = (null, -1, default, default, default, default, default);
        }

        /// <summary>What was exported stays, whatever became of the machine since.</summary>
        public void ExportsStay(NodeCore core)
        {
            foreach (var (matchpoint, removed, must, isByCopy) in _exported) Exports.MustHold(core.Log.Directory, machine.Name, matchpoint, removed, must, isByCopy);
        }

        /// <summary>Whether an event is of this machine.</summary>
        public bool IsOf(IOwner? owner) => ReferenceEquals(machine.Process, owner);

        /// <summary>Looks at the node.</summary>
        public void Look()
        {
            if (machine.Process is not { IsAlive: true, Core: { } core } || machine.Files.IsDead) return;
            // Disks fail, files are damaged, crashes are made: whatever else ends a node is its own mistake.
            if (core.Failure is { } failure and not (StorageException or IOException or MatchpointException or SimulatedCrashException))
                throw new ViolationException("a node fails with a reason", $"{machine.Name}: {failure}");
            if (core.Log.Failure is not null) return;
            // A node that mends its disk is opened anew within its process.
            var isNew = core != _core;
            if (isNew)
            {
                _core = core;
                _durable = default;
                _applied = default;
                _isDamaged = false;
                if (machine.IsDamaged) _copy.Clear(); // What a damaged disk held is no promise.
            }

            LookAtBallot(core);
            if (_isDamaged) return;
            var (written, flushed, appended) = (core.Log.Written, core.Log.Flushed, core.Log.Appended.Vlsn);
            if (isNew || written != _written || appended < _appended || flushed < _flushed)
            {
                try
                {
                    if (isNew) LookForCopy(core);
                    LookAtLog(core, isNew);
                }
                catch (DamageException) when (machine.IsDamaged)
                {
                    _isDamaged = true; // Of a log that we damaged nothing more is known until it is mended.
                    IsSound = false;
                    _copy.Clear();
                    return;
                }
            }

            (_written, _appended) = (written, appended);
            if (flushed != _flushed) _flushed = flushed;
            LookAtDurable(core);
            LookAtState(core);
            LookAtReign(core);
            if (isNew && watch.ComparesOpened && !watch.IsLossy) Verdict.StateIsTheFold(new Fold(watch.Ledger, core.State.Applied.Vlsn), machine.Name, core);
        }

        private void LookAtBallot(NodeCore core)
        {
            if (core.Elections.Ballot is not { VotedFor: { } candidate } ballot) return;
            if (!_votes.TryAdd(ballot.Term, candidate) && _votes[ballot.Term] != candidate)
                throw new ViolationException("a vote is given once per term", $"{machine.Name} voted for {_votes[ballot.Term]} in term {ballot.Term}, and then for {candidate}");
        }

        /// <summary>A full copy may have taken the place of the log: what it did not bring, and somebody else need not have, is exported.</summary>
        private void LookForCopy(NodeCore core)
        {
            var content = core.Log.Directory.Copy;
            var isCopied = _content >= 0 && content != _content;
            _content = content;
            if (!isCopied) return;
            watch.Copied?.Invoke(machine);
            using var view = core.Log.View();
            var shared = watch.SharedWith(_copy, view);
            if (shared < _copy.Last) OnRemoved(core, shared, _copy.CutAfter(shared), isNew: true, isByCopy: true);
            _copy.Clear();
        }

        private void LookAtLog(NodeCore core, bool isNew)
        {
            using var view = core.Log.View();
            var shared = Vlsn.Min(_copy.Last, view.Last);
            while (_copy.Holds(shared) && view.Holds(shared) && view.TryGet(shared, out var header, out _) && header.Fingerprint != _copy[shared].Fingerprint) shared = shared.Previous;
            if (shared < _copy.Last)
            {
                var removed = _copy.CutAfter(shared);
                // What was not flushed may go when a process ends; for all the rest there is an export.
                OnRemoved(core, shared, removed, isNew);
            }

            if (view.First > _copy.Last.Next && _copy.Last >= _copy.First)
            {
                // What came, was found durable and was let go of in one event was never seen here; the history must have it.
                var before = view.Segments.First().Before;
                if (!watch.IsLossy && (before.Vlsn > watch.Ledger.Last || watch.Ledger[before.Vlsn].Fingerprint != before.Fingerprint))
                    throw new ViolationException("a log has no gaps", $"{machine.Name} held records up to {_copy.Last}, and begins at {view.First} now");
                _copy.Clear();
            }

            var from = _copy.Last;
            _copy.Extend(view);
            from = Vlsn.Max(from, _copy.First.Previous);
            IsSound |= isNew;

            for (var vlsn = from.Next; vlsn <= _copy.Last; vlsn = vlsn.Next) watch.Remember(machine.Name, vlsn, _copy);
        }

        private void OnRemoved(NodeCore core, Vlsn shared, List<Remembered> removed, bool isNew, bool isByCopy = false)
        {
            var mustStay = isNew ? (int)Math.Max(0, Vlsn.Min(_flushed, shared.Plus(removed.Count)).DistanceFrom(shared)) : removed.Count;
            // The last pieces of a transaction whose end a replica has not got it gives up when it comes back: only sync points were ever counted.
            for (var i = 0; i < mustStay && !watch.IsLossy && shared.Plus(i + 1) <= watch.Ledger.Last; i++)
            {
                if (removed[i].Kind == RecordKind.Piece || watch.Ledger[shared.Plus(i + 1)].Fingerprint != removed[i].Fingerprint) continue;
                throw new ViolationException("what is durable stays", $"{machine.Name} lost record {shared.Plus(i + 1)}, which is durable{(isNew ? ", in a restart" : "")}");
            }

            if (mustStay == 0) return;
            watch.Undone += mustStay;
            watch.UndoneCommits += removed.Take(mustStay).Count(static record => record.Kind == RecordKind.Commit);
            // With a copy pieces go whose transaction nobody has ended.
            if (removed.Take(mustStay).All(record => record.Kind != RecordKind.Commit && (isByCopy || record.Kind != RecordKind.Piece))) return;
            Exports.MustHold(core.Log.Directory, machine.Name, shared, removed, mustStay, isByCopy);
            _exported.Add((shared, removed, mustStay, isByCopy));
        }

        private void LookAtDurable(NodeCore core)
        {
            var durable = core.Progress.Durable;
            if (durable == _durable) return;
            if (durable < _durable) throw new ViolationException("the durable record never falls while a node is open", $"{machine.Name} knew of {_durable}, and now of {durable}");
            _durable = durable;
            if (watch.IsLossy) return;
            while (watch.Ledger.Last < durable)
            {
                var next = watch.Ledger.Last.Next;
                if (!_copy.Holds(next)) throw new ViolationException("what is durable is in the log", $"{machine.Name} says that {durable} is durable, and does not hold {next}");
                if (!watch.Ledger.Last.IsNull && _copy.Holds(watch.Ledger.Last) && _copy[watch.Ledger.Last].Fingerprint != watch.Ledger[watch.Ledger.Last].Fingerprint) break;
                watch.Ledger.Add(_copy[next]);
            }

            if (durable.IsNull || !_copy.Holds(durable)) return;
            if (_copy[durable].Fingerprint != watch.Ledger[Vlsn.Min(durable, watch.Ledger.Last)].Fingerprint)
                throw new ViolationException("nothing durable ever changes", $"{machine.Name} holds another record {durable} than was durable before");
        }

        private void LookAtState(NodeCore core)
        {
            var (applied, fingerprint) = core.State.Applied;
            if (applied == _applied) return;
            _applied = applied;
            if (watch.IsLossy) return;
            if (applied > watch.Ledger.Last || (!applied.IsNull && watch.Ledger[applied].Fingerprint != fingerprint))
                throw new ViolationException("the state holds the durable log", $"{machine.Name} applied record {applied} with fingerprint {fingerprint}; durable is up to {watch.Ledger.Last}");
        }

        private void LookAtReign(NodeCore core)
        {
            if (core != _living) (_living, _life) = (core, _life + 1);
            var reign = core.Appender.Reign;
            if (reign == Term.None) return;
            // Nor does one that was opened anew lead again in a term in which it led before.
            if (!watch._primaries.TryAdd(reign, (machine.Name, _life)) && watch._primaries[reign] is var other && other != (machine.Name, _life))
                throw new ViolationException("one primary per term", $"{other.Name} and {machine.Name}, opened {other.Life} and {_life} times, are both the primary of term {reign}");
        }
    }

    /// <summary>Equal fingerprints mean equal histories.</summary>
    private void Remember(string machine, Vlsn vlsn, LogCopy copy)
    {
        var record = copy[vlsn];
        if (!_seen.TryAdd(record.Fingerprint, record))
        {
            var other = _seen[record.Fingerprint];
            if (other.Term != record.Term || other.Kind != record.Kind || !other.Payload.AsSpan().SequenceEqual(record.Payload))
                throw new ViolationException("equal fingerprints mean equal histories", $"{machine} holds a record {vlsn} with the fingerprint of another");
        }

        var previous = copy.Holds(vlsn.Previous) ? copy[vlsn.Previous].Fingerprint : copy.Before;
        if (!_before.TryAdd(record.Fingerprint, previous) && _before[record.Fingerprint] != previous)
            throw new ViolationException("equal fingerprints mean equal histories", $"{machine} holds record {vlsn} behind another than somebody else");
    }

    /// <summary>The history up to the end of a log that was held; null where not all of it was ever seen.</summary>
    public Ledger? HistoryAt(LogPosition end)
    {
        var records = new List<Remembered>();
        for (var at = end.Fingerprint; _seen.TryGetValue(at, out var record); at = _before[at]) records.Add(record);
        if (records.Count != end.Vlsn.DistanceFrom(Vlsn.Null)) return null;
        var ledger = new Ledger();
        for (var i = records.Count - 1; i >= 0; i--) ledger.Add(records[i]);
        return ledger;
    }

    /// <summary>The history that a log stands for: what it holds, and what was seen before that.</summary>
    public Ledger HistoryOf(LogCopy log)
    {
        var below = new List<Remembered>();
        var fingerprint = log.Before;
        for (var vlsn = log.First.Previous; !vlsn.IsNull; vlsn = vlsn.Previous)
        {
            below.Add(_seen[fingerprint]);
            fingerprint = _before[fingerprint];
        }

        var ledger = new Ledger();
        for (var i = below.Count - 1; i >= 0; i--) ledger.Add(below[i]);
        for (var vlsn = log.First; vlsn <= log.Last; vlsn = vlsn.Next) ledger.Add(log[vlsn]);
        return ledger;
    }

    /// <summary>The last record of a log that is one of another history too, be it that this one does not keep it any more; of one that ends earlier it is the last.</summary>
    private Vlsn SharedWith(LogCopy copy, Storage.Log.LogView view)
    {
        var shared = Vlsn.Min(copy.Last, view.Last);
        if (shared < copy.First) return copy.First.Previous;
        while (copy.Holds(shared) && view.Holds(shared))
        {
            if (view.TryGet(shared, out var header, out _) && header.Fingerprint == copy[shared].Fingerprint) return shared;
            shared = shared.Previous;
        }

        var fingerprint = view.Segments.First().Before.Fingerprint;
        for (var vlsn = view.First.Previous; vlsn >= copy.First; vlsn = vlsn.Previous)
        {
            if (vlsn <= shared && copy[vlsn].Fingerprint == fingerprint) return vlsn;
            fingerprint = _before[fingerprint];
        }

        return copy.First.Previous;
    }
}
