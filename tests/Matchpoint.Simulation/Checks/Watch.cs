using Matchpoint.Node;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;
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

    private readonly Dictionary<Term, string> _primaries = [];
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
        private readonly List<(Vlsn Matchpoint, List<Remembered> Removed, int Must)> _exported = [];
        private NodeCore? _core;
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
            (_core, _written, _flushed, _appended, _durable, _applied) = (null, default, default, default, default, default);
        }

        /// <summary>What was exported stays, whatever became of the machine since.</summary>
        public void ExportsStay(NodeCore core)
        {
            foreach (var (matchpoint, removed, must) in _exported) Exports.MustHold(core.Log.Directory, machine.Name, matchpoint, removed, must);
        }

        /// <summary>Whether an event is of this machine.</summary>
        public bool IsOf(IOwner? owner) => ReferenceEquals(machine.Process, owner);

        /// <summary>Looks at the node.</summary>
        public void Look()
        {
            if (machine.Process is not { IsAlive: true, Core: { } core } || machine.Files.IsDead || core.Log.Failure is not null) return;
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
        }

        private void LookAtBallot(NodeCore core)
        {
            if (core.Elections.Ballot is not { VotedFor: { } candidate } ballot) return;
            if (!_votes.TryAdd(ballot.Term, candidate) && _votes[ballot.Term] != candidate)
                throw new ViolationException("a vote is given once per term", $"{machine.Name} voted for {_votes[ballot.Term]} in term {ballot.Term}, and then for {candidate}");
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

            var from = _copy.Last;
            _copy.Extend(view);
            IsSound |= isNew;

            for (var vlsn = from.Next; vlsn <= _copy.Last; vlsn = vlsn.Next) watch.Remember(machine.Name, vlsn, _copy);
        }

        private void OnRemoved(NodeCore core, Vlsn shared, List<Remembered> removed, bool isNew)
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
            if (removed.Take(mustStay).All(static record => record.Kind is not (RecordKind.Commit or RecordKind.Piece))) return;
            Exports.MustHold(core.Log.Directory, machine.Name, shared, removed, mustStay);
            _exported.Add((shared, removed, mustStay));
        }

        private void LookAtDurable(NodeCore core)
        {
            var durable = core.Progress.Durable;
            if (durable == _durable) return;
            if (durable < _durable) throw new ViolationException("the durable record never falls", $"{machine.Name} knew of {_durable}, and now of {durable}");
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
            var reign = core.Appender.Reign;
            if (reign == Term.None) return;
            if (!watch._primaries.TryAdd(reign, machine.Name) && watch._primaries[reign] != machine.Name)
                throw new ViolationException("one primary per term", $"{watch._primaries[reign]} and {machine.Name} are both the primary of term {reign}");
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

        if (!copy.Holds(vlsn.Previous)) return;
        var previous = copy[vlsn.Previous].Fingerprint;
        if (!_before.TryAdd(record.Fingerprint, previous) && _before[record.Fingerprint] != previous)
            throw new ViolationException("equal fingerprints mean equal histories", $"{machine} holds record {vlsn} behind another than somebody else");
    }
}
