namespace Matchpoint.Planted;

/// <summary>The bugs that the simulation must find. Each replaces a part of the source in a copy of the tree: what is shipped knows nothing of them.</summary>
internal static class Catalogue
{
    private const string Acks = "src/Matchpoint.Protocol/Durability/AckTracker.cs";
    private const string Ballots = "src/Matchpoint.Storage/Data/BallotFile.cs";
    private const string Elections = "src/Matchpoint.Protocol/Elections/Election.cs";
    private const string Follower = "src/Matchpoint/Node/Follower.cs";
    private const string Segments = "src/Matchpoint.Storage/Log/SegmentStore.cs";
    private const string Session = "src/Matchpoint/Syncup/ReplicaSession.cs";

    /// <summary>All of them.</summary>
    public static IReadOnlyList<PlantedBug> All { get; } =
    [
        new("vote-not-flushed", "a vote is sent before it is on the device", Ballots,
            "        DurableFile.Replace(_directory.Files, _directory.BallotPath, bytes);",
            """
                    var temporary = _directory.BallotPath + ".tmp";
                    _directory.Files.Delete(temporary);
                    using (var file = _directory.Files.Open(temporary, FileOpening.CreateNew)) file.Write(0, bytes);
                    _directory.Files.Rename(temporary, _directory.BallotPath);
            """),
        new("rename-not-flushed", "a small file gets its new content by a rename that no flush of the directory makes durable", "src/Matchpoint.Storage/Files/DurableFile.cs",
            "        files.FlushDirectory(Path.GetDirectoryName(path)!);", ""),
        new("vote-twice", "who has voted in a term votes again for whoever asks", Elections,
            "var isFree = poll.Term > Term || _ballot.VotedFor is null || _ballot.VotedFor == poll.Name;", "var isFree = true;"),
        new("longest-log-wins", "logs are weighed by their length alone, not by their last term first", Elections,
            "if ((poll.LastTerm, poll.Last).CompareTo((endTerm, end)) < 0)", "if (poll.Last < end)"),
        new("any-log-wins", "a vote does not look at the candidate's log", Elections,
            "if ((poll.LastTerm, poll.Last).CompareTo((endTerm, end)) < 0)", "if (false)"),
        new("new-disk-votes", "a node that lost its disk votes before it has caught up", Ballots,
            "Standing = hasRecords ? Standing.BallotLost : Standing.New", "Standing = Standing.Full"),
        new("forgotten-vote", "a node that lost its disk takes part when it has caught up with a primary, though it may have voted for another that was elected", Elections,
            "_caughtUpIn == Term && _confirmedIn != Term;", "false;"),
        new("unsure-primary", "a primary tells a node that lost its disk that it leads, without knowing that it still does", Elections,
            "Role == ElectionRole.Primary && received.HoldsLease ?", "Role == ElectionRole.Primary ?"),
        new("fenced-votes", "a node that knows that it cannot rely on its log votes by it", Elections,
            "if (Standing != Standing.Full && !isOneOfAll) return", "if (false) return"),
        new("fenced-acknowledges", "a node that knows that it cannot rely on what it promised counts in majorities", "src/Matchpoint/Node/NodeCore.cs",
            "public bool Counts => _ballot.Ballot.Standing == Standing.Full;", "public bool Counts => true;"),
        new("fence-dropped", "a node whose log is damaged takes no note of it", "src/Matchpoint.Storage/Repairs/DirectoryMend.cs",
            "            BallotFile.Open(directory, hasRecords: true).DoubtLog();", "            BallotFile.Open(directory, hasRecords: true);"),
        new("end-fetched-unfenced", "a node that lost the end of its log, and fetched it as far as it knows, takes no note that more may be gone", "src/Matchpoint.Storage/Repairs/SegmentMend.cs",
            "        if (!MeetsOwn) BallotMended = DirectoryMend.Fence(_directory);\n", ""),
        new("ballot-from-cache", "a vote that a failed flush left in the page cache is told of after the next start, and not written again", Ballots,
            "        file.Save(isRebooted ? read with { Standing = Standing.Rebooted } : read);", "        if (isRebooted) file.Save(read with { Standing = Standing.Rebooted });"),
        new("acknowledged-unflushed", "a replica acknowledges as flushed what it has only written", Follower,
            "return (Vlsn.Max(_log.Written, flushed), flushed, _applied(), _host.Counts);",
            "return (Vlsn.Max(_log.Written, flushed), Vlsn.Max(_log.Written, flushed), _applied(), _host.Counts);"),
        new("own-copy-unflushed", "the primary counts its own copy before it is flushed", "src/Matchpoint/Node/Progress.cs",
            "            _tracker?.OnLocal(written, flushed);", "            _tracker?.OnLocal(written, written);"),
        new("two-are-enough", "two voters count as a majority however many there are", Acks,
            "OfThisReign(_sorted[(_sorted.Length - 1) / 2])", "OfThisReign(_sorted[Math.Max(0, _sorted.Length - 2)])"),
        new("durable-beyond-the-log", "a replica believes what its feeder holds durable without having it", Follower,
            "_progress.OnDurable(Vlsn.Min(_feederDurable, _log.Written));", "_progress.OnDurable(_feederDurable);"),
        new("fingerprint-ignored", "records match by their number and place, whatever they say", "src/Matchpoint.Protocol/Messages/LogEntry.cs",
            "Vlsn == other.Vlsn && Lsn == other.Lsn && Fingerprint == other.Fingerprint;", "Vlsn == other.Vlsn && Lsn == other.Lsn;"),
        new("no-cut", "the stream begins at the matchpoint, and nothing was cut", Session,
            "                    _log.CutAfter(cut.Matchpoint, _export ?? throw Invariant.Unreachable(cut));\n                    OnCut?.Invoke(cut.Matchpoint);", ""),
        new("no-intent", "a cut leaves no durable intent, and cannot be finished after a crash", "src/Matchpoint.Storage/Log/RecordLog.cs",
            "                intent.Write(Directory.Files, Directory.CutPath);", ""),
        new("no-export", "what is undone is not exported before it is cut", Session,
            "_export = RollbackExporter.Write(_log.Directory, view, Header(export.Matchpoint, report, view), isRefused);", "_export = \"\";"),
        new("export-after-cut", "what is undone is exported only when it is cut", Session,
            "                    _log.CutAfter(cut.Matchpoint, _export ?? throw Invariant.Unreachable(cut));",
            """
                                var name = Path.Combine(_log.Directory.RollbacksPath, _export ?? throw Invariant.Unreachable(cut));
                                var late = Matchpoint.Storage.Files.DurableFile.Read(_log.Directory.Files, name + LogCut.PendingSuffix, int.MaxValue);
                                _log.Directory.Files.Delete(name + LogCut.PendingSuffix);
                                _log.CutAfter(cut.Matchpoint, "");
                                Matchpoint.Storage.Files.DurableFile.Replace(_log.Directory.Files, name, late);
            """),
        new("tail-by-default", "a default read sees what is not yet durable", "src/Matchpoint/Node/Reader.cs",
            "var at = isLocal ? Everything : core.Progress.Durable;", "var at = Everything;"),
        new("no-lease", "a primary serves linearizable reads without knowing that it still is one", "src/Matchpoint/Node/NodeCore.cs",
            "return Appender.Reign != Term.None && Progress.HoldsLease(Clock.Now, _settings.Lease);", "return Appender.Reign != Term.None;"),
        new("long-lease", "the lease lasts longer than voters keep still", "src/Matchpoint.Protocol/Elections/ElectionSettings.cs",
            "Timeout * 0.8;", "Timeout * 30;"),
        new("reads-before-its-first-record", "a new primary serves linearizable reads before it knows what its predecessors acknowledged", "src/Matchpoint/Node/Reader.cs",
            "            if (core.IsReady && core.HoldsLease()) return;", "            if (core.Appender.Reign != Term.None && core.HoldsLease()) return;"),
        new("phantoms", "what appears in a range that a transaction walked through is no conflict", "src/Matchpoint/Transactions/ReadSet.cs",
            "        foreach (var (from, to) in _ranges) last = Vlsn.Max(last, tail.LastTouched(from, to));", ""),
        new("lost-updates", "what was read by key is no conflict", "src/Matchpoint/Transactions/ReadSet.cs",
            "        foreach (var key in _keys) last = Vlsn.Max(last, tail.LastTouched(key));", ""),
        new("state-ahead", "the state takes in what is not yet durable", "src/Matchpoint/Node/StateKeeper.cs",
            "var durable = Vlsn.Min(progress.Durable, _log.Appended.Vlsn);", "var durable = _log.Appended.Vlsn;"),
        new("pieces-not-applied", "the state takes in the last record of a large transaction alone", "src/Matchpoint/Node/StateReplay.cs",
            "            foreach (var piece in PieceReader.Before(view, commit)) Add(PieceReader.Read(piece, reader.Header.Vlsn));", ""),
        new("failed-flush-ignored", "a flush of the log that failed counts as one that did not", Segments,
            "        if (_segments is [.., var active]) active.File.Flush();\n        if (_namesUnflushed)",
            """
                    try
                    {
                        if (_segments is [.., var active]) active.File.Flush();
                    }
                    catch (IOException)
                    {
                    }

                    if (_namesUnflushed)
            """),
        new("log-from-cache", "records that a failed flush left in the page cache count as flushed after the next start", "src/Matchpoint.Storage/Log/OpenedLog.cs",
            "        if (isSameRun || bootId == Guid.Empty) LogRewrite.From(files, store.Segments, positions.Current.Flushed);", ""),
        new("segment-name-not-flushed", "a new segment's name is not made durable with its records", Segments,
            "            _directory.Files.FlushDirectory(_directory.LogPath);\n            _namesUnflushed = false;", "            _namesUnflushed = false;"),
        new("removed-still-counts", "a member that was removed still counts towards a majority", Acks,
            "        _voters = [.. voters];", "        _voters = [.. _voters.Union(voters)];"),
        new("old-members-count", "the primary goes on counting by the members that there were before a change", "src/Matchpoint/Node/Appender.cs",
            "            count(roster, _log.Appended.Vlsn.Next);\n            if", "            if"),
        new("two-changes-at-once", "the members change again before the last change is durable", "src/Matchpoint/Node/GroupKeeper.cs",
            "        if (!isAlone) await DurableAsync(Vlsn.Max(core.ReignStart, core.Appender.RosterAt), deadline, \"the change before is\", cancellation).ConfigureAwait(false);\n", ""),
        new("copy-not-flushed", "a full copy takes the place of log and state before it is on the device", "src/Matchpoint.Storage/Copies/CopyTarget.cs",
            "            Flush(file);\n            file.Dispose();", "            file.Dispose();"),
        new("copy-not-exported", "what a full copy takes the place of is not exported, though nobody else may have it", "src/Matchpoint/Copies/CopyFetch.cs",
            "target.Finish(states, ExportUndecided())", "target.Finish(states, export: \"\")"),
        new("copy-believed", "chunks that an earlier attempt has left count as those of this copy, whatever they say", "src/Matchpoint.Storage/Copies/CopyTarget.cs",
            "        if (!Has(file, position, bytes, digest)) return false;\n        if (!_directory", "        if (file.Read(position, bytes) < bytes.Length) return false;\n        if (!_directory"),
    ];
}
