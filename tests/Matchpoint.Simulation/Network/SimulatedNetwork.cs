using Matchpoint.Simulation.World;
using Matchpoint.Transport;

namespace Matchpoint.Simulation.Network;

/// <summary>All connections between machines, and who listens.</summary>
internal sealed class SimulatedNetwork(Scheduler scheduler, Weather weather)
{
    private readonly Dictionary<string, Listener> _listeners = new(StringComparer.Ordinal);
    private readonly List<Connection> _connections = [];

    /// <summary>How the network is.</summary>
    public Weather Weather => weather;

    /// <summary>The way of one machine's process into the network.</summary>
    public INetwork Of(IMachine machine) => new Way(this, machine);

    /// <summary>The ways are open again: what waited for that goes on.</summary>
    public void OnCleared()
    {
        foreach (var connection in _connections.ToArray()) connection.Resume();
    }

    /// <summary>Connections of a machine break, as by a reset in between; both ends hear of it.</summary>
    public void Break(string machine, Random random)
    {
        foreach (var connection in _connections.ToArray())
        {
            if (connection.IsOf(machine) && random.Next(2) == 0) connection.Break();
        }
    }

    /// <summary>A process is gone. Its peers hear of it only when its machine still runs, and tells them.</summary>
    public void OnDeath(IMachine machine, bool isTold)
    {
        foreach (var connection in _connections.ToArray()) connection.OnDeath(machine, isTold);
        if (_listeners.TryGetValue(machine.Name, out var listener) && listener.Machine == machine) _listeners.Remove(machine.Name);
    }

    private void Forget(Connection connection) => _connections.Remove(connection);

    private async ValueTask<Channel> ConnectAsync(IMachine from, Endpoint peer, TimeSpan deadline, TimeProvider time, CancellationToken cancellation)
    {
        using var late = new CancellationTokenSource(deadline, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, late.Token);
        var answer = new TaskCompletionSource<Channel?>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var given = either.Token.UnsafeRegister(_ => answer.TrySetCanceled(either.Token), null).ConfigureAwait(false);
        scheduler.After(weather.NextDelay(), owner: null, () => Arrive(from, peer, time, answer));
        try
        {
            return await answer.Task.ConfigureAwait(false) ?? throw new ConnectException($"{peer}: could not connect: nobody listens there (connection refused). Is the node running?");
        }
        catch (OperationCanceledException) when (late.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            throw new ConnectException($"{peer}: could not connect within {deadline.TotalSeconds:0.###} s: there was no answer. Is the node running, and is the address right?");
        }
    }

    private void Arrive(IMachine from, Endpoint peer, TimeProvider time, TaskCompletionSource<Channel?> answer)
    {
        if (!from.IsAlive || !weather.Passes(from.Name, peer.Host)) return;
        if (!_listeners.TryGetValue(peer.Host, out var listener))
        {
            if (weather.Passes(peer.Host, from.Name)) scheduler.After(weather.NextDelay(), from, () => answer.TrySetResult(null));
            return;
        }

        if (!weather.Passes(peer.Host, from.Name)) return;
        var connection = new Connection(scheduler, weather, from, listener.Machine, Forget);
        _connections.Add(connection);
        scheduler.After(weather.NextDelay(), from, () =>
        {
            if (answer.TrySetResult(new Channel(connection.Near, time))) return;
            connection.Break(); // The caller waits no longer.
        });
        scheduler.After(TimeSpan.Zero, listener.Machine, () => listener.Accept(connection.Far));
    }

    /// <summary>What one process sees of the network.</summary>
    private sealed class Way(SimulatedNetwork network, IMachine machine) : INetwork
    {
        public ValueTask<Channel> ConnectAsync(Endpoint peer, TimeSpan deadline, TimeProvider time, CancellationToken cancellation, string? member = null) =>
            network.ConnectAsync(machine, peer, deadline, time, cancellation);

        public ValueTask<INetworkListener> ListenAsync(
            Endpoint endpoint, IReadOnlyDictionary<string, ServiceHandler> services, Action<string, Exception> report, TimeProvider time)
        {
            var listener = new Listener(network, machine, endpoint, services, report, time);
            network._listeners[machine.Name] = listener;
            return ValueTask.FromResult<INetworkListener>(listener);
        }
    }

    private sealed class Listener(
        SimulatedNetwork network, IMachine machine, Endpoint endpoint, IReadOnlyDictionary<string, ServiceHandler> services, Action<string, Exception> report,
        TimeProvider time) : INetworkListener
    {
        private static readonly TimeSpan ServiceNameTimeout = TimeSpan.FromSeconds(10);

        private readonly ServiceDispatcher _dispatcher = new(services, report);
        private readonly CancellationTokenSource _stopping = new();
        private readonly List<Task> _sessions = [];

        public Endpoint LocalEndpoint => endpoint;

        public IMachine Machine => machine;

        public void Accept(ByteCarrier carrier)
        {
            _sessions.RemoveAll(static session => session.IsCompleted);
            _sessions.Add(Task.Run(() => _dispatcher.ServeAsync(new Channel(carrier, time), ServiceNameTimeout, static () => { }, _stopping.Token)));
        }

        public async ValueTask DisposeAsync()
        {
            if (network._listeners.TryGetValue(machine.Name, out var current) && current == this) network._listeners.Remove(machine.Name);
            await _stopping.CancelAsync().ConfigureAwait(false);
            await Task.WhenAll(_sessions).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            _stopping.Dispose();
        }
    }
}

/// <summary>A machine's process, as the network knows it.</summary>
internal interface IMachine : IOwner
{
    /// <summary>The machine's name; the same for all the processes that run on it one after the other.</summary>
    string Name { get; }
}
