using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;
using Matchpoint.Protocol.Syncup;
using Matchpoint.Syncup;
using Matchpoint.Tests.Node;
using Matchpoint.Transport;
using Matchpoint.Transport.Tests;
using Matchpoint.Transport.Tls;

namespace Matchpoint.Tests.Syncup;

/// <summary>What both sides of a session came to.</summary>
internal sealed record Met(ReplicaResult? Report, Exception? ReplicaError, FeederOutcome? Feeder, Exception? FeederError)
{
    /// <summary>The replica's outcome and how it got there, in words: what must be the same over every way.</summary>
    public string Verdict => Report is { } report
        ? $"{report.Outcome!.GetType().Name}, row {report.Decision?.Row}, matchpoint {report.Matchpoint}, above it {report.AboveMatchpoint}"
        : $"{ReplicaError!.GetType().Name}";
}

/// <summary>How two nodes are brought together.</summary>
internal enum Way
{
    Memory,
    Tcp,
    Tls,
}

/// <summary>Runs a replica's and a feeder's session against each other. Nobody but the sessions closes the channels before both have ended.</summary>
internal sealed record Meeting
{
    /// <summary>Longer than any of these takes: a hang becomes a failure.</summary>
    public static readonly TimeSpan Patience = Eventually.Patience;

    private static readonly TlsSecurity Security = new TestAuthority().Security("matchpoint://test/node/test");

    public byte Version { get; init; } = 2;

    public Way Way { get; init; }

    public RollbackLimit Limit { get; init; } = RollbackLimit.Default;

    public bool Confirmed { get; init; } = true;

    public bool DecideOnly { get; init; }

    public ISyncupObserver ReplicaObserver { get; init; } = NoObserver.Instance;

    public ISyncupObserver FeederObserver { get; init; } = NoObserver.Instance;

    public TimeProvider Time { get; init; } = TimeProvider.System;

    public static SyncupPeer Self(TimeProvider time) => SyncupPeer.ForTheTool("test") with { Time = time };

    public Task<Met> RunAsync(TestNode replica, TestNode feeder) => Way == Way.Memory ? InMemoryAsync(replica, feeder) : OverTcpAsync(replica, feeder);

    public FeederSession Feed(Channel channel, string service, TestNode feeder) => new(
        channel, service == Services.Syncup ? SyncupVersion.One : SyncupVersion.Two, feeder.Log, Self(Time), Confirmed ? feeder.Log.Appended.Term : Term.None, FeederObserver);

    public async Task<FeederOutcome> ServeAsync(Channel channel, TestNode feeder)
    {
        var service = await channel.AcceptServiceAsync(Patience, CancellationToken.None);
        return await Feed(channel, service, feeder).RunAsync(CancellationToken.None);
    }

    public Task<ReplicaResult> JoinAsync(Channel channel, TestNode replica, CancellationToken cancellation = default) =>
        new ReplicaSession(channel, Version, replica.Log, Self(Time), Limit, DecideOnly, ReplicaObserver).RunAsync(cancellation);

    private async Task<Met> InMemoryAsync(TestNode replica, TestNode feeder)
    {
        var (left, right) = MemoryChannels.CreatePair(Time);
        await using var a = left;
        await using var b = right;
        var serving = Task.Run(() => ServeAsync(right, feeder));
        var joining = Task.Run(() => JoinAsync(left, replica));
        var (report, replicaError) = await Outcome(joining);
        var (outcome, feederError) = await Outcome(serving);
        return new Met(report, replicaError, outcome, feederError);
    }

    private async Task<Met> OverTcpAsync(TestNode replica, TestNode feeder)
    {
        var served = new TaskCompletionSource<FeederOutcome>();
        ServiceHandler handler(string service) => async (channel, stopping) =>
        {
            try
            {
                served.TrySetResult(await Feed(channel, service, feeder).RunAsync(stopping));
            }
            catch (Exception error)
            {
                served.TrySetException(error);
                throw;
            }
        };
        var services = new Dictionary<string, ServiceHandler> { [Services.Syncup] = handler(Services.Syncup), [Services.Stream] = handler(Services.Stream) };
        var options = new ListenerOptions { Time = Time, Security = Way == Way.Tls ? Security : PlainText.Instance };
        await using var listener = await ServiceListener.StartAsync(new Endpoint("127.0.0.1", 0), services, (_, error) => served.TrySetException(error), options);
        await using var channel = await TcpChannels.ConnectAsync(listener.LocalEndpoint, Patience, Time, CancellationToken.None, options.Security, "test");
        var (report, replicaError) = await Outcome(Task.Run(() => JoinAsync(channel, replica)));
        var (outcome, feederError) = await Outcome(served.Task);
        return new Met(report, replicaError, outcome, feederError);
    }

    private static async Task<(T? Result, Exception? Error)> Outcome<T>(Task<T> task)
        where T : class
    {
        try
        {
            return (await task.WaitAsync(Patience), null);
        }
        catch (TimeoutException error)
        {
            throw new TimeoutException("one side of the session hangs", error);
        }
        catch (Exception error)
        {
            return (null, error);
        }
    }
}

/// <summary>The parts of a result by short names.</summary>
internal static class Results
{
    extension(ReplicaResult result)
    {
        public RollbackDecision? Decision => result.Report.Decision;

        public Vlsn Matchpoint => result.Report.M;

        public UndoneCount AboveMatchpoint => result.Report.Undone;

        public long Compared => result.Report.Comparisons;

        public int RoundTrips => result.Report.RoundTrips;
    }
}
