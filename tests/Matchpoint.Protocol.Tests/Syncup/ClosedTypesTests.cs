using System.Collections.Immutable;
using Matchpoint.Protocol.Hello;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;
using Matchpoint.Protocol.Syncup;

namespace Matchpoint.Protocol.Tests.Syncup;

/// <summary>The compiler does not check that a switch knows every case of a closed type; this does.</summary>
public sealed class ClosedTypesTests
{
    [Theory]
    [InlineData(typeof(SyncupInput), 13)]
    [InlineData(typeof(SyncupEffect), 11)]
    [InlineData(typeof(RollbackDecision), 6)]
    [InlineData(typeof(ReplicaOutcome), 5)]
    [InlineData(typeof(FeederOutcome), 3)]
    [InlineData(typeof(SearchResult), 2)]
    [InlineData(typeof(HelloVerdict), 2)]
    public void A_closed_type_has_only_its_own_cases(Type closed, int cases)
    {
        Assert.Equal(cases, closed.GetNestedTypes(System.Reflection.BindingFlags.Public).Count(closed.IsAssignableFrom));
        Assert.Equal(cases, closed.Assembly.GetTypes().Count(type => type.BaseType == closed));
    }

    [Fact]
    public void Both_machines_know_every_input_or_call_it_a_bug()
    {
        foreach (var input in EveryInput())
        {
            OnlyInvariantsBreak(() => Replica(SyncupVersion.One).Step(input, TimeSpan.Zero, new EffectList()));
            OnlyInvariantsBreak(() => Replica(SyncupVersion.Two).Step(input, TimeSpan.Zero, new EffectList()));
            OnlyInvariantsBreak(() => Feeder(SyncupVersion.One).Step(input, TimeSpan.Zero, new EffectList()));
            OnlyInvariantsBreak(() => Feeder(SyncupVersion.Two).Step(input, TimeSpan.Zero, new EffectList()));
        }
    }

    [Fact]
    public void A_replica_may_not_be_demoted() =>
        Assert.Throws<InvariantException>(() => Replica(1).Step(new SyncupInput.Demoted("no"), TimeSpan.Zero, new EffectList()));

    [Fact]
    public void An_unknown_version_is_a_bug()
    {
        Assert.Throws<InvariantException>(() => Replica(3));
        Assert.Throws<InvariantException>(() => Feeder(3));
        Assert.Throws<InvariantException>(() => SyncupVersion.Decode(3, [1]));
    }

    [Fact]
    public void Nothing_is_cut_but_after_the_export_and_nothing_follows_the_end()
    {
        foreach (var from in Enum.GetValues<ReplicaPhase>())
        {
            Assert.Equal(from == ReplicaPhase.Exporting, ReplicaPhases.IsLegal(from, ReplicaPhase.Cutting));
            Assert.False(ReplicaPhases.IsLegal(ReplicaPhase.Ended, from));
            Assert.False(ReplicaPhases.IsLegal(from, ReplicaPhase.Created));
            Assert.False(ReplicaPhases.IsLegal(from, from));
        }

        foreach (var from in Enum.GetValues<FeederPhase>())
        {
            Assert.False(FeederPhases.IsLegal(FeederPhase.Ended, from));
            Assert.False(FeederPhases.IsLegal(from, FeederPhase.Created));
            Assert.False(FeederPhases.IsLegal(from, from));
        }
    }

    private static IEnumerable<SyncupInput> EveryInput() =>
    [
        new SyncupInput.Started(),
        new SyncupInput.FrameReceived(default(EntryNotFound).ToBytes()),
        new SyncupInput.EntriesRead(ImmutableArray<LogEntry>.Empty),
        new SyncupInput.SyncPointFound(Vlsn.First),
        new SyncupInput.CommonTermFound(null),
        new SyncupInput.Counted(default),
        new SyncupInput.FeederChecked(true),
        new SyncupInput.ExportDurable(),
        new SyncupInput.CutDurable(),
        new SyncupInput.LogFaulted("fault"),
        new SyncupInput.TimePassed(),
        new SyncupInput.ConnectionLost("lost"),
        new SyncupInput.Demoted("demoted"),
    ];

    private static void OnlyInvariantsBreak(Action step)
    {
        var thrown = Record.Exception(step);
        Assert.True(thrown is null or InvariantException, $"{thrown}");
    }

    private static ReplicaSyncup Replica(ushort version) =>
        new(TestLog.Parse("1t 2c").Range, Peers.FeederHello(version, TestLog.Parse("1t 2c 3c")), new Term(1), RollbackLimit.Default);

    private static FeederSyncup Feeder(ushort version) =>
        new(version, TestLog.Parse("1t 2c").Range, Peers.ReplicaHello(version, TestLog.Parse("1t 2c 3c")));
}
