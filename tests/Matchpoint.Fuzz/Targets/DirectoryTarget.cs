using Matchpoint.Protocol.Identities;
using Matchpoint.Simulation.Files;
using Matchpoint.Storage;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.Log;
using Matchpoint.Storage.Rollbacks;

namespace Matchpoint.Fuzz.Targets;

/// <summary>
/// A node's directory in which bytes were changed, files cut off or lengthened: opened, read, verified and listed, or refused with a <see cref="StorageException"/>.
/// The input tells what is done to which file; its first byte, whether the process that wrote it had been killed.
/// </summary>
internal sealed class DirectoryTarget : IFuzzTarget
{
    private const int MostChanges = 8;

    private static readonly MemoryFiles[] Samples = [SampleLog.Make(isKilled: false), SampleLog.Make(isKilled: true)];
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
        try
        {
            Use(files);
        }
        catch (Exception error) when (error is StorageException or FileNotFoundException or LogPoisonedException)
        {
            // Refused with a reason, or a file is not there.
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

    private static void Use(MemoryFiles files)
    {
        using var directory = DataDirectory.Open(files, SampleLog.Root, "fuzz");
        foreach (var entry in RollbackStore.List(directory))
        {
            foreach (var _ in RollbackStore.Operations(directory, entry.Name))
            {
                // Each of them is read.
            }
        }

        LogVerifier.Verify(directory, CancellationToken.None);
        var ballot = BallotFile.Open(directory, hasRecords: true);
        ballot.Save(ballot.Ballot);
        using var log = RecordLog.Open(directory, SampleLog.Options);
        using var view = log.View();
        view.TermEnds();
        if (view.First.IsNull) return;
        using var reader = view.ReadFrom(view.First);
        while (reader.MoveNext())
        {
            // Each of them is read.
        }

        log.TryAppend(new Term(view.End.Term.Value + 1), Matchpoint.Protocol.Records.RecordKind.TermStart, AckPolicy.None, new byte[NodeId.Size], FlushPolicy.Sync, out _);
        log.FlushAll();
    }
}
