using Matchpoint.Protocol;
using Matchpoint.Protocol.Elections;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;
using Matchpoint.Simulation.Files;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.Log;
using Matchpoint.Storage.Rollbacks;

namespace Matchpoint.Fuzz;

/// <summary>What a sample directory says while nobody has changed it.</summary>
/// <param name="Records">All of its records; the first is record 1.</param>
/// <param name="Ballot">Its ballot.</param>
/// <param name="Positions">The file of its positions, to the byte.</param>
/// <param name="Export">Its one export, to the byte.</param>
/// <param name="Operations">How many operations that one holds.</param>
internal sealed record SampleTruth((RecordHeader Header, byte[] Payload)[] Records, Ballot Ballot, byte[] Positions, byte[] Export, int Operations)
{
    /// <summary>Reads it.</summary>
    public static SampleTruth Of(MemoryFiles sample)
    {
        using var directory = DataDirectory.Open(SampleLog.Copy(sample), SampleLog.Root, "fuzz");
        var name = directory.Files.ListFiles(directory.RollbacksPath).Single();
        var (positions, export) = (Bytes(directory.Files, directory.PositionsPath), Bytes(directory.Files, Path.Combine(directory.RollbacksPath, name)));
        using var log = RecordLog.Open(directory, SampleLog.Options);
        using var view = log.View();
        using var reader = view.ReadFrom(view.First);
        var records = new List<(RecordHeader, byte[])>();
        while (reader.MoveNext()) records.Add((reader.Header, reader.Payload.ToArray()));
        Invariant.Holds(records.Count > 20 && log.Flushed == view.Last, $"a sample of {records.Count} records, flushed up to {log.Flushed}.");
        return new SampleTruth([.. records], BallotFile.Open(directory, hasRecords: true).Ballot, positions, export, RollbackStore.Operations(directory, name).Count());
    }

    /// <summary>All of a file.</summary>
    public static byte[] Bytes(IFileSystem files, string path)
    {
        using var file = files.Open(path, FileOpening.Read);
        var bytes = new byte[file.Length];
        var read = file.Read(0, bytes);
        Invariant.Holds(read == bytes.Length, $"{path}: {read} bytes of {bytes.Length}.");
        return bytes;
    }

    /// <summary>A log holds what the sample holds, from some record on up to some record, and nothing else.</summary>
    /// <param name="view">The log.</param>
    /// <param name="appended">A record that was appended to it since; null for none.</param>
    /// <returns>How many records it holds.</returns>
    public long MustHold(LogView view, Vlsn appended)
    {
        view.TermEnds();
        if (view.First.IsNull) return 0;
        var read = 0L;
        using var reader = view.ReadFrom(view.First);
        for (; reader.MoveNext(); read++)
        {
            var vlsn = reader.Header.Vlsn;
            Invariant.Holds(vlsn == view.First.Plus(read), $"record {vlsn} is the {read + 1}st of a log that begins at {view.First}.");
            if (vlsn == appended) continue;
            Invariant.Holds(vlsn.Value <= Records.Length, $"record {vlsn} was never written.");
            var (header, payload) = Records[vlsn.Value - 1];
            Invariant.Holds(reader.Header == header && reader.Payload.SequenceEqual(payload), $"record {vlsn} is another one than was written.");
        }

        Invariant.Holds(view.First.Plus(read - 1) == view.Last, $"{read} records were read of those from {view.First} to {view.Last}.");
        return read;
    }
}
