using System.Text;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;
using Matchpoint.Protocol.Records;
using Matchpoint.Simulation.Files;
using Matchpoint.Simulation.State;
using Matchpoint.Storage.Copies;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Log;
using Matchpoint.Storage.State;
using Matchpoint.Storage.Tests.Copies;

namespace Matchpoint.Fuzz;

/// <summary>What a donor offers, with all of its bytes: the sample log, gone on with, and a state that stands somewhere in it.</summary>
internal sealed class CopySample
{
    private CopySample(CopySource source)
    {
        (Offer, End) = (source.Offer, source.End);
        var buffer = new byte[Limits.ChunkBytes];
        Chunks = [.. Offer.Files.Select((file, i) => (byte[][])[.. file.Chunks.Select((_, chunk) => buffer[..source.Read(i, chunk, buffer)])])];
    }

    /// <summary>Three donors; the state of the last has a file of two chunks.</summary>
    public static IReadOnlyList<CopySample> All { get; } =
        [Make(more: 2, applied: 9, partBytes: 0), Make(more: 9, applied: 14, partBytes: 100), Make(more: 5, applied: 11, partBytes: Limits.ChunkBytes + 100)];

    /// <summary>One of them, the large one seldom: it takes a hundred times as long.</summary>
    public static CopySample Of(byte drawn) => All[drawn % 16 == 15 ? 2 : drawn % 2];

    /// <summary>A node that has something already: an older state, and the log up to a point.</summary>
    public static MemoryFiles Old { get; } = MakeOld();

    /// <summary>What it offers.</summary>
    public CopyOffer Offer { get; }

    /// <summary>Where its log ends.</summary>
    public LogPosition End { get; }

    /// <summary>The bytes, by file and chunk.</summary>
    public byte[][][] Chunks { get; }

    private static CopySample Make(int more, int applied, int partBytes)
    {
        var files = SampleLog.Make(isKilled: false);
        using var directory = DataDirectory.Open(files, SampleLog.Root, "fuzz");
        using var log = RecordLog.Open(directory, SampleLog.Options);
        for (var i = 0; i < more; i++)
        {
            log.TryAppend(new Term(4 + (ulong)i), RecordKind.TermStart, AckPolicy.None, new byte[NodeId.Size], FlushPolicy.Sync, out _);
            log.FlushAll();
        }

        using var state = StateAt(files, log, applied, partBytes);
        using var source = CopySource.Create(directory, new PictureStates(files), log, state, log.Appended.Vlsn, new Guid(more, 0, 0, new byte[8]), CancellationToken.None);
        return new CopySample(source);
    }

    private static MemoryFiles MakeOld()
    {
        var files = SampleLog.Make(isKilled: false);
        using var directory = DataDirectory.Open(files, SampleLog.Root, "fuzz");
        using var log = RecordLog.Open(directory, SampleLog.Options);
        using var state = StateAt(files, log, applied: 5, partBytes: 0);
        state.Checkpoint(directory.StatePath);
        files.CreateDirectory("/elsewhere");
        files.Open("/elsewhere/file", Storage.Files.FileOpening.CreateNew).Dispose();
        return files;
    }

    private static IState StateAt(MemoryFiles files, RecordLog log, int applied, int partBytes)
    {
        IState state = new OrderedState { Files = files, PictureParts = (partBytes > 0 ? 1 : 0, partBytes) };
        using var view = log.View();
        using var batch = state.NewBatch();
        batch.Put("key"u8, Encoding.UTF8.GetBytes($"value at {applied}"));
        state.Apply(batch, new StatePosition(Vlsn.Of(applied), view.PositionAt(Vlsn.Of(applied)).Fingerprint));
        return state;
    }
}
