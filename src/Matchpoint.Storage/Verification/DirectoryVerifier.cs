using Matchpoint.Protocol.Elections;
using Matchpoint.Protocol.Identities;
using Matchpoint.Storage.Copies;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.Log;
using Matchpoint.Storage.Rollbacks;
using Matchpoint.Storage.State;

namespace Matchpoint.Storage.Verification;

/// <summary>
/// Reads all that a stopped node keeps, trusting nothing, and lists every place that is not as it was written: who it is, where its content lies, what it promised, the log with its positions and
/// indexes, the state with its checksums, whether the two belong together, the exports. Nothing is changed.
/// </summary>
internal sealed class DirectoryVerifier
{
    private readonly DataDirectory _directory;
    private readonly List<StorageException> _damage = [];
    private readonly List<string> _notes = [];

    private DirectoryVerifier(DataDirectory directory) => _directory = directory;

    /// <summary>Verifies a directory.</summary>
    /// <param name="files">The way to the disk.</param>
    /// <param name="path">The directory.</param>
    /// <param name="deeper">Looks further into a state that is sound so far and belongs to its log; gives what it finds wrong.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="DirectoryInUseException">A node has it open.</exception>
    /// <exception cref="StorageException">It is not there, or not ours.</exception>
    public static DirectoryReport Verify(
        IFileSystem files, string path, Func<DataDirectory, LogView, RocksLook, (IEnumerable<DamageException> Damage, string Note)>? deeper, CancellationToken cancellation)
    {
        DataDirectory directory;
        try
        {
            directory = DataDirectory.OpenReadOnly(files, path);
        }
        catch (DamageException damage)
        {
            return new DirectoryReport { Damage = [damage], Notes = ["Without this file nothing else in the directory can be judged."] };
        }

        using (directory)
        {
            if (directory.Holder() is { } holder) throw new DirectoryInUseException(Path.Combine(directory.Path, "LOCK"), holder);
            return new DirectoryVerifier(directory).Run(deeper, cancellation);
        }
    }

    private DirectoryReport Run(Func<DataDirectory, LogView, RocksLook, (IEnumerable<DamageException> Damage, string Note)>? deeper, CancellationToken cancellation)
    {
        var files = _directory.Files;
        if (WholeMark.TryRead(files, _directory.ContentOf(_directory.Copy + 1), _directory.Copy + 1) is not null)
            _notes.Add("A full copy is whole and takes the place of log and state with the next open: what is verified here is the old content.");
        var log = VerifyLog(cancellation);
        VerifyBallot(log);
        var (applied, count) = VerifyState(log, deeper);
        var exports = RollbackStore.Verify(_directory, _damage, _notes, cancellation);
        return new DirectoryReport { Log = log, Applied = applied, StateFiles = count, Exports = exports, Damage = _damage, Notes = _notes };
    }

    private VerifyReport? VerifyLog(CancellationToken cancellation)
    {
        if (!_directory.Files.DirectoryExists(_directory.LogPath))
        {
            _damage.Add(new DamageException(_directory.LogPath, 0, "the log", "a directory", "none", DamageException.RestoreAdvice));
            return null;
        }

        var log = LogVerifier.Verify(_directory, cancellation);
        _damage.AddRange(log.Damage);
        _notes.AddRange(log.Notes);
        return log;
    }

    private void VerifyBallot(VerifyReport? log)
    {
        if (!_directory.Files.FileExists(_directory.BallotPath))
        {
            if (log is { Records: > 0 })
                _notes.Add("There is no ballot: a member of a group takes part in elections once it has caught up with a primary that the others chose.");
            return;
        }

        try
        {
            var ballot = BallotFile.Read(_directory.Files, _directory.BallotPath).Ballot;
            if (ballot.Standing != Standing.Full) _notes.Add($"The ballot's standing is {ballot.Standing}: a member of a group takes part in elections once it has caught up.");
        }
        catch (StorageException damage)
        {
            _damage.Add(damage);
        }
    }

    private (Vlsn Applied, int Files) VerifyState(
        VerifyReport? log, Func<DataDirectory, LogView, RocksLook, (IEnumerable<DamageException> Damage, string Note)>? deeper)
    {
        LogView? view = null;
        try
        {
            // Where the log is damaged that is told already.
            if (log is { Damage.Count: 0 }) view = LogView.Look(_directory);
            if (!RocksLook.Exists(_directory.Files, _directory.StatePath))
            {
                NoState(view);
                return (Vlsn.Null, 0);
            }

            using var state = RocksLook.Open(_directory.StatePath);
            state.VerifyChecksums();
            if (view is null) _notes.Add("Whether the state belongs to the log cannot be told while the log is damaged.");
            else if (CopyProof.Against(_directory, state.Position, view, view.Last, "the state", RocksState.Advice) is { } foreign) _damage.Add(foreign);
            else if (deeper is not null) GoDeeper(deeper(_directory, view, state));
            return (state.Position.Vlsn, state.Files);
        }
        catch (StorageException damage)
        {
            _damage.Add(damage);
            return (Vlsn.Null, 0);
        }
        finally
        {
            view?.Dispose();
        }
    }

    private void GoDeeper((IEnumerable<DamageException> Damage, string Note) found)
    {
        _damage.AddRange(found.Damage);
        _notes.Add(found.Note);
    }

    private void NoState(LogView? view)
    {
        if (view is { First: var first } && first > Vlsn.First)
            _damage.Add(new DamageException(_directory.StatePath, 0, "the state", $"one that holds the records before {first}, where the log begins", "none", RocksState.Advice));
        else _notes.Add("There is no state: the next open makes it from the log.");
    }
}
