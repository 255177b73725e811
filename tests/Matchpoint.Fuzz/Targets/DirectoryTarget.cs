using Matchpoint.Protocol;
using Matchpoint.Protocol.Elections;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;
using Matchpoint.Simulation.Files;
using Matchpoint.Storage;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.Log;
using Matchpoint.Storage.Rollbacks;

namespace Matchpoint.Fuzz.Targets;

/// <summary>
/// A node's directory in which bytes were changed, files cut off, lengthened or removed: opened, read, verified and listed, or refused with a <see cref="StorageException"/>. What is read without a
/// complaint is what was written: each record, the ballot, the identity. Where the flushed position is known, and all here was flushed, no record is missing either; what the verifier finds sound
/// opens; an export that was cut off is not taken for a whole one.
/// Exports carry no checksum: what else is changed in one is not looked at. The input tells what is done to which file; its first byte, whether the process that wrote it had been killed.
/// </summary>
internal sealed class DirectoryTarget : IFuzzTarget
{
    private const int MostChanges = 8;

    private static readonly MemoryFiles[] Samples = [SampleLog.Make(isKilled: false), SampleLog.Make(isKilled: true)];
    private static readonly SampleTruth[] Truths = [.. Samples.Select(SampleTruth.Of)];
    private static readonly string[][] Names = [.. Samples.Select(NamesIn)];

    /// <inheritdoc/>
    public string Name => "directory";

    /// <inheritdoc/>
    public IEnumerable<byte[]> Seeds
    {
        get
        {
            for (byte file = 0; file < Names[0].Length; file++)
            {
                yield return [0, file, 0, 20, 0, 1, 0xff];
                yield return [1, file, 1, 60, 0];
                yield return [0, file, 2, 3, 7, 7, 7];
                yield return [1, file, 3];
            }
        }
    }

    /// <inheritdoc/>
    public void Run(ReadOnlySpan<byte> input)
    {
        var reader = new InputReader(input);
        var sample = reader.Below(Samples.Length);
        var files = SampleLog.Copy(Samples[sample]);
        for (var i = 0; i < MostChanges && reader.HasMore; i++) Change(files, Names[sample][reader.Below(Names[sample].Length)], ref reader);
        var truth = Truths[sample];
        Try(() =>
        {
            using var directory = DataDirectory.Open(files, SampleLog.Root, "fuzz");
            Invariant.Holds(directory.Identity == SampleLog.Identity, $"the identity is {directory.Identity}, and was {SampleLog.Identity}.");
            Try(() => LookAtBallot(directory, truth));
            foreach (var name in directory.Files.ListFiles(directory.RollbacksPath)) Try(() => LookAtExport(directory, name, truth));
            Try(() => RollbackStore.List(directory));
            LookAtLog(directory, truth);
        });
    }

    private static void Try(Action action)
    {
        try
        {
            action();
        }
        catch (StorageException refused)
        {
            Invariant.Holds(refused.Message.Length > 0, "it was refused, and nobody is told why.");
        }
    }

    private static string[] NamesIn(MemoryFiles files) =>
        [.. files.Copy().Files.Keys.Where(static path => !path.EndsWith("LOCK", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];

    private static void Change(MemoryFiles files, string path, ref InputReader reader)
    {
        if (!files.FileExists(path)) return;
        var kind = reader.Below(4);
        if (kind == 3)
        {
            files.Delete(path);
            return;
        }

        using var file = files.Open(path, FileOpening.ReadWrite);
        switch (kind)
        {
            case 0:
                var at = file.Length == 0 ? 0 : reader.UInt16() % file.Length;
                file.Write(at, reader.Bytes());
                break;
            case 1:
                file.SetLength(Math.Min(file.Length, reader.UInt16()));
                break;
            default:
                file.Write(file.Length, reader.Bytes());
                break;
        }
    }

    private static void LookAtBallot(DataDirectory directory, SampleTruth truth)
    {
        var isThere = directory.Files.FileExists(directory.BallotPath);
        var file = BallotFile.Open(directory, hasRecords: true);
        Invariant.Holds(file.Ballot == (isThere ? truth.Ballot : Ballot.New with { Standing = Standing.BallotLost }), $"the ballot is {file.Ballot}, and was {truth.Ballot}.");
        file.Save(file.Ballot);
    }

    private static void LookAtExport(DataDirectory directory, string name, SampleTruth truth)
    {
        var isWholeOrCut = truth.Export.AsSpan().StartsWith(SampleTruth.Bytes(directory.Files, Path.Combine(directory.RollbacksPath, name)));
        var operations = RollbackStore.Operations(directory, name).Count();
        Invariant.Holds(!isWholeOrCut || operations == truth.Operations, $"an export of {truth.Operations} operations was cut off, and passes for one of {operations}.");
    }

    private static void LookAtLog(DataDirectory directory, SampleTruth truth)
    {
        var isPositioned = directory.Files.FileExists(directory.PositionsPath) && SampleTruth.Bytes(directory.Files, directory.PositionsPath).AsSpan().SequenceEqual(truth.Positions);
        var report = LogVerifier.Verify(directory, CancellationToken.None);
        Vlsn appended;
        try
        {
            using var log = RecordLog.Open(directory, SampleLog.Options);
            using var view = log.View();
            var read = truth.MustHold(view, appended: Vlsn.Null);
            Invariant.Holds(!isPositioned || read == truth.Records.Length, $"{truth.Records.Length} records were flushed, and the log has {read}.");
            Invariant.Holds(report.Damage.Count > 0 || report.Records >= read, $"{report.Records} records were verified, and {read} are read.");
            log.TryAppend(new Term(view.End.Term.Value + 1), RecordKind.TermStart, AckPolicy.None, new byte[NodeId.Size], FlushPolicy.Sync, out var header);
            log.FlushAll();
            appended = header.Vlsn;
        }
        catch (StorageException refused)
        {
            Invariant.Holds(report.Damage.Count > 0 || !isPositioned, $"the verifier finds nothing, and the log is refused: {refused.Message}");
            return;
        }

        // What was mended stays so, and goes on.
        using var again = RecordLog.Open(directory, SampleLog.Options);
        using var viewAgain = again.View();
        Invariant.Holds(viewAgain.Last == appended, $"record {appended} was flushed, and the log ends at {viewAgain.Last}.");
        truth.MustHold(viewAgain, appended);
    }
}
