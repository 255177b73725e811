using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.Log;

namespace Matchpoint.Cli.Bench;

/// <summary>Measures the log alone, each figure beside the machine's limit in the same run.</summary>
internal sealed class LogBench(string directory, int runs, TimeProvider time)
{
    private const int Payload = 1024;
    private const long Bytes = 1024L * 1024 * 1024;
    private const int Writers = 64;
    private const int SyncedPerWriter = 2000;

    private static readonly GroupId Group = GroupId.FromName("bench");

    /// <summary>Runs everything.</summary>
    public async Task<IReadOnlyList<Figure>> RunAsync(Action<string> progress, CancellationToken cancellation)
    {
        List<double> rawWrite = [], rawFlush = [], nosync = [], sync = [], alloc = [], verify = [], clean = [], killed = [];
        for (var run = 1; run <= runs; run++)
        {
            progress($"run {run} of {runs}");
            rawWrite.Add(RawDisk.Write(directory, Bytes, time));
            var (rate, bytesPerRecord) = await AppendAsync(FlushPolicy.NoSync, cancellation).ConfigureAwait(false);
            nosync.Add(rate);
            alloc.Add(bytesPerRecord);
            verify.Add(Verify());
            clean.Add(Open());
            Delete();
            rawFlush.Add(RawDisk.Flush(directory, 2000, time));
            sync.Add(await AppendSyncedAsync(cancellation).ConfigureAwait(false));
            Delete();
        }

        return
        [
            Figure.Most("raw.write", "bytes/s", rawWrite),
            Figure.Most("append.nosync", "bytes/s", nosync, rawWrite.Max()),
            Figure.Most("raw.flush", "flushes/s", rawFlush),
            Figure.Most("append.sync64", "records/s", sync, rawFlush.Max()),
            Figure.Least("append.alloc", "bytes/record", alloc),
            Figure.Most("verify", "bytes/s", verify, 1e9),
            Figure.Least("open.clean", "s", clean, 0.1),
        ];
    }

    private string Data => Path.Combine(directory, "log");

    private (DataDirectory Directory, RecordLog Log) OpenLog()
    {
        var data = DataDirectory.Open(PhysicalFiles.Instance, Data, "bench", new NodeIdentity(Group, new NodeId(Guid.NewGuid())));
        return (data, RecordLog.Open(data));
    }

    private async Task<(double Rate, double Allocated)> AppendAsync(FlushPolicy flush, CancellationToken cancellation)
    {
        var (data, log) = OpenLog();
        var payload = RawDisk.Noise(Payload);
        var records = Bytes / (Payload + RecordHeader.Size);
        var allocated = GC.GetTotalAllocatedBytes();
        var start = time.GetTimestamp();
        for (long i = 0; i < records; i++)
        {
            while (!log.TryAppend(new Term(1), RecordKind.Membership, AckPolicy.None, payload, flush, out _))
                await log.WaitForRoomAsync(cancellation).ConfigureAwait(false);
        }

        await log.WaitAsync(log.Appended.Vlsn, FlushPolicy.Write, cancellation).ConfigureAwait(false);
        var elapsed = time.GetElapsedTime(start);
        allocated = GC.GetTotalAllocatedBytes() - allocated;
        log.Dispose();
        data.Dispose();
        return (records * (Payload + RecordHeader.Size) / elapsed.TotalSeconds, (double)allocated / records);
    }

    private async Task<double> AppendSyncedAsync(CancellationToken cancellation)
    {
        var (data, log) = OpenLog();
        var payload = RawDisk.Noise(Payload);
        var start = time.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, Writers).Select(_ => Task.Run(
            async () =>
            {
                for (var i = 0; i < SyncedPerWriter; i++)
                {
                    RecordHeader header;
                    while (!log.TryAppend(new Term(1), RecordKind.Membership, AckPolicy.None, payload, FlushPolicy.Sync, out header))
                        await log.WaitForRoomAsync(cancellation).ConfigureAwait(false);
                    await log.WaitAsync(header.Vlsn, FlushPolicy.Sync, cancellation).ConfigureAwait(false);
                }
            },
            cancellation))).ConfigureAwait(false);
        var elapsed = time.GetElapsedTime(start);
        log.Dispose();
        data.Dispose();
        return Writers * SyncedPerWriter / elapsed.TotalSeconds;
    }

    private double Verify()
    {
        using var data = DataDirectory.OpenReadOnly(PhysicalFiles.Instance, Data);
        using var view = LogView.Look(data);
        var start = time.GetTimestamp();
        using var reader = view.ReadFrom(Vlsn.First);
        var bytes = 0L;
        while (reader.MoveNext()) bytes += reader.Header.Length;
        return bytes / time.GetElapsedTime(start).TotalSeconds;
    }

    private double Open()
    {
        var start = time.GetTimestamp();
        var (data, log) = OpenLog();
        var elapsed = time.GetElapsedTime(start).TotalSeconds;
        log.Dispose();
        data.Dispose();
        return elapsed;
    }

    private void Delete() => Directory.Delete(Data, recursive: true);
}
