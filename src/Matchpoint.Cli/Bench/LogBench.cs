using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.Log;

namespace Matchpoint.Cli.Bench;

/// <summary>Measures the log alone, each figure beside the machine's limit in the same run.</summary>
internal sealed class LogBench(BenchSetup setup)
{
    private const int Payload = 1024;
    private const long FullBytes = 1024L * 1024 * 1024;
    private const int Writers = 64;
    private const int SyncedPerWriter = 2000;
    private const int RawFlushes = 2000;
    private const double CleanOpenLimit = 0.1;

    private static readonly GroupId Group = GroupId.FromName("bench");

    private readonly long _bytes = (long)(FullBytes * setup.Scale);

    private string Data => Path.Combine(setup.Directory, "log");

    private string KilledData => Path.Combine(setup.Directory, "killed");

    /// <summary>Runs everything.</summary>
    public async Task<IReadOnlyList<Figure>> RunAsync(CancellationToken cancellation)
    {
        List<double> rawWrite = [], rawFlush = [], nosync = [], sync = [], alloc = [], verify = [], clean = [], killed = [], killedLimit = [];
        for (var run = 1; run <= setup.Runs; run++)
        {
            setup.Progress($"log: run {run} of {setup.Runs}");
            rawWrite.Add(RawDisk.Write(setup.Directory, _bytes, setup.Time));
            var (rate, bytesPerRecord) = await AppendAsync(cancellation);
            nosync.Add(rate);
            alloc.Add(bytesPerRecord);
            verify.Add(Verify());
            clean.Add(Open(Data).Seconds);
            var (seconds, scanned) = Open(KilledData);
            killed.Add(seconds);
            // What a killed process leaves is read again from the start of its last segment.
            killedLimit.Add((scanned / verify.Max()) + CleanOpenLimit);
            Directory.Delete(Data, recursive: true);
            Directory.Delete(KilledData, recursive: true);
            rawFlush.Add(RawDisk.Flush(setup.Directory, RawFlushes, setup.Time));
            sync.Add(await AppendSyncedAsync(cancellation));
            Directory.Delete(Data, recursive: true);
        }

        return
        [
            Figure.Most("raw.write", "bytes/s", rawWrite),
            Figure.Most("raw.flush", "flushes/s", rawFlush),
            Figure.Most("append.nosync", "bytes/s", nosync, rawWrite.Max()),
            Figure.Most("append.sync64", "records/s", sync, rawFlush.Max()),
            Figure.Least("append.alloc", "bytes/record", alloc),
            Figure.Most("verify", "bytes/s", verify, 1e9),
            Figure.Least("open.clean", "s", clean, CleanOpenLimit),
            Figure.Least("open.killed", "s", killed, killedLimit.Max()),
        ];
    }

    private static (DataDirectory Directory, RecordLog Log) OpenLog(string path)
    {
        var data = DataDirectory.Open(PhysicalFiles.Instance, path, "bench", new NodeIdentity(Group, new NodeId(Guid.NewGuid())));
        return (data, RecordLog.Open(data));
    }

    private async Task<(double Rate, double Allocated)> AppendAsync(CancellationToken cancellation)
    {
        var (data, log) = OpenLog(Data);
        var payload = RawDisk.Noise(Payload);
        var records = _bytes / (Payload + RecordHeader.Size);
        var allocated = GC.GetTotalAllocatedBytes();
        var start = setup.Time.GetTimestamp();
        for (long i = 0; i < records; i++)
        {
            while (!log.TryAppend(new Term(1), RecordKind.Membership, AckPolicy.None, payload, FlushPolicy.NoSync, out _))
                await log.WaitForRoomAsync(cancellation);
        }

        await log.WaitAsync(log.Appended.Vlsn, FlushPolicy.Write, cancellation);
        var elapsed = setup.Time.GetElapsedTime(start);
        allocated = GC.GetTotalAllocatedBytes() - allocated;
        // Everything is handed to the operating system and nothing closed: what a copy holds now is what a killed process leaves.
        CopyDirectory(Data, KilledData);
        log.Dispose();
        data.Dispose();
        return (records * (Payload + RecordHeader.Size) / elapsed.TotalSeconds, (double)allocated / records);
    }

    private async Task<double> AppendSyncedAsync(CancellationToken cancellation)
    {
        var (data, log) = OpenLog(Data);
        var payload = RawDisk.Noise(Payload);
        var start = setup.Time.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, Writers).Select(_ => Task.Run(
            async () =>
            {
                for (var i = 0; i < SyncedPerWriter; i++)
                {
                    RecordHeader header;
                    while (!log.TryAppend(new Term(1), RecordKind.Membership, AckPolicy.None, payload, FlushPolicy.Sync, out header))
                        await log.WaitForRoomAsync(cancellation);
                    await log.WaitAsync(header.Vlsn, FlushPolicy.Sync, cancellation);
                }
            },
            cancellation)));
        var elapsed = setup.Time.GetElapsedTime(start);
        log.Dispose();
        data.Dispose();
        return Writers * SyncedPerWriter / elapsed.TotalSeconds;
    }

    private double Verify()
    {
        using var data = DataDirectory.OpenReadOnly(PhysicalFiles.Instance, Data);
        using var view = LogView.Look(data);
        var start = setup.Time.GetTimestamp();
        using var reader = view.ReadFrom(Vlsn.First);
        var bytes = 0L;
        while (reader.MoveNext()) bytes += reader.Header.Length;
        return bytes / setup.Time.GetElapsedTime(start).TotalSeconds;
    }

    private (double Seconds, long Scanned) Open(string path)
    {
        var start = setup.Time.GetTimestamp();
        var (data, log) = OpenLog(path);
        var elapsed = setup.Time.GetElapsedTime(start).TotalSeconds;
        var scanned = log.OpenReport.ScannedBytes;
        log.Dispose();
        data.Dispose();
        return (elapsed, scanned);
    }

    private static void CopyDirectory(string from, string to)
    {
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            if (Path.GetFileName(file) == "LOCK") continue;
            var copy = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
    }
}
