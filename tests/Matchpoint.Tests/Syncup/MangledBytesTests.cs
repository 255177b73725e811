using System.Buffers.Binary;
using System.Text;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Records;
using Matchpoint.Protocol.Syncup;
using Matchpoint.Storage;
using Matchpoint.Storage.Rollbacks;
using Matchpoint.Syncup;
using Matchpoint.Transport;

namespace Matchpoint.Tests.Syncup;

/// <summary>
/// Every byte that a feeder sends, turned once: an error or an equal log, nothing lost that is not in an export. A verdict that a restore is needed
/// touches nothing, and another session
/// does not come to it again: whoever acts on one asks twice.
/// </summary>
[Trait("Hazard", "H14")]
public class MangledBytesTests
{
    public static TheoryData<byte, string> Cases
    {
        get
        {
            var data = new TheoryData<byte, string>();
            foreach (var name in new[] { "replica behind", "cloned disk with equal terms", "three terms each" })
            {
                data.Add(1, name);
                data.Add(2, name);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task A_turned_bit_never_loses_anything(byte version, string name)
    {
        var pair = LogPair.Named(name);
        var sent = await CountAsync(version, pair);
        var prefixes = Prefixes(sent);
        for (var at = 0; at < sent.Length; at++)
        {
            if (!prefixes.Contains(at)) await RunAsync(version, pair, new MangledWire(at, (byte)(1 << (at % 8))));
        }
    }

    [Fact]
    public async Task A_turned_bit_in_what_a_feeder_tells_of_itself_touches_nothing_that_another_session_would_not()
    {
        // The part of the hello behind its identity, every bit of it.
        var pair = LogPair.Named("cloned disk with equal terms");
        for (var at = 40; at < 90; at++)
        {
            for (var bit = 0; bit < 8; bit++) await RunAsync(2, pair, new MangledWire(at, (byte)(1 << bit)));
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task A_turned_bit_in_a_length_ends_the_session_at_its_deadline(byte version, string name)
    {
        var pair = LogPair.Named(name);
        var sent = await CountAsync(version, pair);
        foreach (byte bit in new[] { 0x01, 0x80 })
            await Task.WhenAll(Prefixes(sent).Select(at => RunAsync(version, pair, new MangledWire(at, bit, time: new FastTime(100)))));
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task A_connection_that_breaks_behind_any_byte_loses_nothing(byte version, string name)
    {
        var pair = LogPair.Named(name);
        var sent = await CountAsync(version, pair);
        for (var at = 0; at < sent.Length; at += 3) await RunAsync(version, pair, new MangledWire(at, 0, breaks: true));
    }

    private static async Task<byte[]> CountAsync(byte version, LogPair pair)
    {
        var wire = new MangledWire(long.MaxValue, 0);
        await RunAsync(version, pair, wire);
        return await wire.Carried;
    }

    private static async Task RunAsync(byte version, LogPair pair, MangledWire wire)
    {
        var (replica, feeder) = pair.Make();
        using var a = replica;
        using var b = feeder;
        var held = Operations(replica);
        var (feederBefore, replicaBefore) = (feeder.Bytes(), replica.Bytes());
        var meeting = new Meeting { Version = version, Time = wire.Time };
        ReplicaResult? report = null;
        await using (wire.Left)
        await using (wire.Right)
        {
            var serving = Task.Run(() => meeting.ServeAsync(wire.Right, feeder));
            try
            {
                report = await meeting.JoinAsync(wire.Left, replica).WaitAsync(Meeting.Patience);
                if (report.Outcome is ReplicaOutcome.Streaming) replica.MustEqual(feeder);
            }
            catch (Exception error) when (error is ChannelException or ProtocolException or SyncupRefusedException or StorageException)
            {
                // An error it may be.
            }

            wire.Left.Abort();
            try
            {
                await serving.WaitAsync(Meeting.Patience);
            }
            catch (Exception error) when (error is ChannelException or ProtocolException or SyncupRefusedException or StorageException)
            {
                // As above.
            }
        }

        Assert.Equal(feederBefore, feeder.Bytes());
        replica.MustBeSound();
        MustKeep(held, replica);
        if (report?.Outcome is not (null or ReplicaOutcome.Streaming or ReplicaOutcome.Failed)) Assert.Equal(replicaBefore, replica.Bytes());
        var again = await new Meeting { Version = version }.RunAsync(replica, feeder);
        if (again.Report?.Outcome is ReplicaOutcome.Streaming) replica.MustEqual(feeder);
        else Assert.True(again.Report?.Outcome is ReplicaOutcome.Refused { Row: 9 }, $"{again}");
        MustKeep(held, replica);
    }

    private static void MustKeep(HashSet<string> held, TestNode replica)
    {
        var kept = Operations(replica);
        foreach (var export in replica.Exports().Where(export => export.State == RollbackState.Undone)) kept.UnionWith(replica.Undone(export.Name).Split(' '));
        held = [.. held];
        held.ExceptWith(kept);
        Assert.True(held.Count == 0, $"lost: {string.Join(' ', held)}");
    }

    private static HashSet<string> Operations(TestNode node)
    {
        var held = new HashSet<string>();
        using var view = node.Log.View();
        using var reader = view.ReadFrom(view.First);
        while (reader.MoveNext())
        {
            if (reader.Header.Kind is not (RecordKind.Commit or RecordKind.Piece)) continue;
            Assert.True(TransactionPayload.TryRead(reader.Payload, reader.Header.Vlsn, out var transaction, out _));
            foreach (var operation in transaction) held.Add(Encoding.UTF8.GetString(operation.Key));
        }

        return held;
    }

    private static HashSet<int> Prefixes(byte[] sent)
    {
        var prefixes = new HashSet<int>();
        for (var at = 0; at < sent.Length; at += 4 + (int)BinaryPrimitives.ReadUInt32LittleEndian(sent.AsSpan(at))) prefixes.UnionWith(Enumerable.Range(at, 4));
        return prefixes;
    }
}
