using System.Diagnostics.CodeAnalysis;
using Matchpoint;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;
using Matchpoint.Storage;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.Log;

// Exit code 0: done, and the last line says what. 1: the disk or a lock said no; the last line says why. 2: not a verb.
try
{
    switch (args)
    {
        case ["flush", var path]: Flush(path); break;
        case ["flush-dir", var path]: PhysicalFiles.Instance.FlushDirectory(path); Say("flushed"); break;
        case ["flush-by-dotnet", var path]: FlushByDotNet(path); break;
        case ["write", var path, var bytes]: Write(path, int.Parse(bytes)); break;
        case ["lock", var path, var holder]: Hold(path, holder); break;
        case ["append", var path, var count]: Append(path, long.Parse(count)); break;
        case ["who", var path]: Say(PhysicalFiles.Instance.LockHolder(path) ?? "nobody"); break;
        default:
            Say("verbs: flush FILE, flush-dir DIR, flush-by-dotnet FILE, write FILE BYTES, lock FILE HOLDER, who FILE, append DIR COUNT");
            return 2;
    }

    return 0;
}
catch (Exception e) when (e is IOException or UnauthorizedAccessException or StorageException)
{
    Say(e is DiskException disk ? $"{disk.Fault}: {e.Message}" : $"{e.GetType().Name}: {e.Message}");
    return 1;
}

static void Say(string line)
{
    Console.WriteLine(line);
    Console.Out.Flush();
}

static void Flush(string path)
{
    using var file = PhysicalFiles.Instance.Open(path, FileOpening.OpenOrCreate);
    file.Write(0, "some bytes"u8);
    file.Flush();
    Say("flushed");
}

// Bytes that differ from zero, so that a hole shows.
static void Write(string path, int bytes)
{
    using var file = PhysicalFiles.Instance.Open(path, FileOpening.OpenOrCreate);
    var content = new byte[bytes];
    for (var i = 0; i < bytes; i++) content[i] = (byte)(1 + (i % 255));
    file.Write(0, content);
    Say("written");
}

// Synced commits, each told when it is acknowledged; several at a time, so that flushes are shared and segments change under load.
static void Append(string path, long count)
{
    using var directory = DataDirectory.Open(
        PhysicalFiles.Instance, path, "the probe", new NodeIdentity(GroupId.FromName("probe"), new NodeId(new Guid(1, 2, 3, new byte[8]))));
    using var log = RecordLog.Open(directory, new LogOptions { SegmentBytes = 256 * 1024, PositionsFlushInterval = TimeSpan.FromMilliseconds(50) });
    foreach (var sentence in log.OpenReport.Sentences()) Say(sentence);
    var tell = new Lock();
    var left = count;
    var writers = Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
    {
        var payload = new byte[700];
        while (Interlocked.Decrement(ref left) >= 0)
        {
            RecordHeader header;
            while (!log.TryAppend(new Term(1), RecordKind.Membership, AckPolicy.None, payload, FlushPolicy.Sync, out header))
                await log.WaitForRoomAsync(CancellationToken.None).ConfigureAwait(false);
            await log.WaitAsync(header.Vlsn, FlushPolicy.Sync, CancellationToken.None).ConfigureAwait(false);
            lock (tell) Say($"acknowledged {header.Vlsn}");
        }
    })).ToArray();
    Task.WhenAll(writers).GetAwaiter().GetResult();
}

// Until our input ends, or we are killed.
static void Hold(string path, string holder)
{
    using var held = PhysicalFiles.Instance.Lock(path, holder);
    Say("held");
    Console.In.ReadLine();
}

[SuppressMessage("ApiDesign", "RS0030", Justification = "Shows why the two calls are banned.")]
static void FlushByDotNet(string path)
{
    using var file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite);
    file.Write("some bytes"u8);
    file.Flush(flushToDisk: true);
    RandomAccess.FlushToDisk(file.SafeFileHandle);
    Say("flushed");
}
