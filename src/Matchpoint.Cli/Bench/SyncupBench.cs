using System.Buffers.Binary;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;
using Matchpoint.Protocol.Syncup;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.Log;
using Matchpoint.Syncup;
using Matchpoint.Transport;

namespace Matchpoint.Cli.Bench;

/// <summary>
/// Measures syncup on a log of ten million records of which one million have diverged: once with terms that tell where, once with terms that hide it
/// (both sides went on in the same
/// term, as a cloned disk does).
/// </summary>
internal sealed class SyncupBench(BenchSetup setup)
{
    private const long FullRecords = 10_000_000;
    private const double Diverged = 0.1;
    private const int ProbeLimit = 6;
    private const double DecisionLimit = 0.1;

    private readonly long _records = Math.Max(1000, (long)(FullRecords * setup.Scale));

    /// <summary>Runs everything.</summary>
    public async Task<IReadOnlyList<Figure>> RunAsync(CancellationToken cancellation)
    {
        setup.Progress($"syncup: writing three logs of {_records} records");
        var shared = (long)(_records * (1 - Diverged));
        var replica = Path.Combine(setup.Directory, "replica");
        var termsTell = Path.Combine(setup.Directory, "feeder-terms");
        var termsHide = Path.Combine(setup.Directory, "feeder-clone");
        await AppendAsync(replica, 1, shared, seed: 1, cancellation);
        Copy(replica, termsTell);
        Copy(replica, termsHide);
        await AppendAsync(replica, 1, _records - shared, seed: 2, cancellation);
        await AppendAsync(termsTell, 2, _records - shared, seed: 3, cancellation);
        await AppendAsync(termsHide, 1, _records - shared, seed: 4, cancellation);

        List<double> termTrips = [], termSeconds = [], probeTrips = [], probeSeconds = [], memory = [], cut = [];
        for (var run = 1; run <= setup.Runs; run++)
        {
            setup.Progress($"syncup: run {run} of {setup.Runs}");
            var byTerms = await DecideAsync(replica, termsTell, shared, cancellation);
            termTrips.Add(byTerms.RoundTrips);
            termSeconds.Add(byTerms.Seconds);
            var byProbes = await DecideAsync(replica, termsHide, shared, cancellation);
            probeTrips.Add(byProbes.RoundTrips);
            probeSeconds.Add(byProbes.Seconds);
            memory.Add(byProbes.Allocated);
        }

        setup.Progress("syncup: version 1, one record per round trip");
        var (trips, seconds) = DecideByVersion1(replica, termsTell);
        setup.Progress("syncup: cutting the diverged tail");
        cut.Add(Cut(replica, shared));
        return
        [
            Figure.Least("v2.terms.roundtrips", "round trips", termTrips),
            Figure.Least("v2.probe.roundtrips", "round trips", probeTrips, ProbeLimit),
            Figure.Least("v2.terms.decision", "s", termSeconds, DecisionLimit),
            Figure.Least("v2.probe.decision", "s", probeSeconds, DecisionLimit),
            Figure.Least("v2.probe.allocated", "bytes", memory),
            Figure.Least("v1.roundtrips", "round trips", [trips]),
            Figure.Least("v1.decision", "s", [seconds]),
            Figure.Least("cut", "s", cut),
        ];
    }

    private static DataDirectory Open(string path) => DataDirectory.Open(
        PhysicalFiles.Instance, path, "bench", new NodeIdentity(GroupId.FromName("bench"), new NodeId(Guid.NewGuid())));

    /// <summary>Appends commits of one put each, 16-byte keys and 32-byte values.</summary>
    private static async Task AppendAsync(string path, ulong term, long records, int seed, CancellationToken cancellation)
    {
        using var directory = Open(path);
        using var log = RecordLog.Open(directory);
        var writer = new TransactionWriter();
        var key = new byte[16];
        var value = new byte[32];
        new Random(seed).NextBytes(value);
        for (long i = 0; i < records; i++)
        {
            BinaryPrimitives.WriteInt64BigEndian(key, i);
            writer.Clear();
            writer.Put(key, value);
            var payload = writer.Payload(0, Vlsn.Null, Vlsn.Null);
            while (!log.TryAppend(new Term(term), RecordKind.Commit, AckPolicy.Majority, payload.Span, FlushPolicy.NoSync, out _))
                await log.WaitForRoomAsync(cancellation);
        }
    }

    /// <summary>Hello to decision over TCP on loopback, between two opened logs.</summary>
    private async Task<(int RoundTrips, double Seconds, double Allocated)> DecideAsync(
        string replicaPath, string feederPath, long matchpoint, CancellationToken cancellation)
    {
        using var replicaData = Open(replicaPath);
        using var replica = RecordLog.Open(replicaData);
        using var feederData = Open(feederPath);
        using var feeder = RecordLog.Open(feederData);
        var self = SyncupPeer.ForTheTool("bench");
        var services = new Dictionary<string, ServiceHandler>
        {
            [Services.Stream] = (channel, stopping) =>
                new FeederSession(channel, 2, feeder, self, feeder.Appended.Term, NoObserver.Instance).RunAsync(stopping),
        };
        await using var listener = await ServiceListener.StartAsync(new Endpoint("127.0.0.1", 0), services, static (_, _) => { });
        await using var channel = await TcpChannels.ConnectAsync(listener.LocalEndpoint, TimeSpan.FromSeconds(5), setup.Time, cancellation);
        var allocated = GC.GetTotalAllocatedBytes(precise: true);
        var start = setup.Time.GetTimestamp();
        var (_, report, _, _) = await new ReplicaSession(channel, 2, replica, self, RollbackLimit.Default, decideOnly: true, NoObserver.Instance).RunAsync(cancellation);
        var seconds = setup.Time.GetElapsedTime(start).TotalSeconds;
        allocated = GC.GetTotalAllocatedBytes(precise: true) - allocated;
        Protocol.Invariant.Holds(report.M == Vlsn.Of(matchpoint), $"the matchpoint is {report.M}; the bench wrote it at {matchpoint}.");
        return (report.RoundTrips, seconds, allocated);
    }

    /// <summary>The same two logs by version 1, in one process without a network: only the search is measured.</summary>
    private (int RoundTrips, double Seconds) DecideByVersion1(string replicaPath, string feederPath)
    {
        using var replica = DataDirectory.OpenReadOnly(PhysicalFiles.Instance, replicaPath);
        using var feeder = DataDirectory.OpenReadOnly(PhysicalFiles.Instance, feederPath);
        using var replicaView = LogView.Look(replica);
        using var feederView = LogView.Look(feeder);
        var start = setup.Time.GetTimestamp();
        var (_, report, _, _) = Explanation.Run(replica, replicaView, feeder, feederView, RollbackLimit.Default, version: 1);
        return (report.RoundTrips, setup.Time.GetElapsedTime(start).TotalSeconds);
    }

    private double Cut(string path, long matchpoint)
    {
        using var directory = Open(path);
        using var log = RecordLog.Open(directory);
        var start = setup.Time.GetTimestamp();
        log.CutAfter(Vlsn.Of(matchpoint), export: "");
        return setup.Time.GetElapsedTime(start).TotalSeconds;
    }

    private static void Copy(string from, string to)
    {
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            var copy = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
    }
}
