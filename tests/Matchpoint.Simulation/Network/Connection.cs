using System.Buffers;
using System.IO.Pipelines;
using Matchpoint.Simulation.World;
using Matchpoint.Transport;

namespace Matchpoint.Simulation.Network;

/// <summary>
/// One connection as TCP has them: bytes arrive in order or not at all; where the way is blocked they wait; a reset, or the death of a process whose machine still runs, ends both
/// sides; of the death of a machine the other side hears nothing until it is asked again.
/// </summary>
internal sealed class Connection
{
    /// <summary>Bytes that may be on their way in one direction.</summary>
    private const int Window = 256 * 1024;

    private readonly Scheduler _scheduler;
    private readonly Weather _weather;
    private readonly Action<Connection> _forget;
    private readonly End _near;
    private readonly End _far;

    /// <summary>A connection between two processes.</summary>
    public Connection(Scheduler scheduler, Weather weather, IMachine from, IMachine to, Action<Connection> forget)
    {
        (_scheduler, _weather, _forget) = (scheduler, weather, forget);
        _near = new End(this, from, to.Name);
        _far = new End(this, to, from.Name);
        (_near.Other, _far.Other) = (_far, _near);
        _ = _near.PumpAsync();
        _ = _far.PumpAsync();
    }

    /// <summary>The side that connected.</summary>
    public ByteCarrier Near => _near;

    /// <summary>The side that listened.</summary>
    public ByteCarrier Far => _far;

    /// <summary>Whether a machine is one of its ends.</summary>
    public bool IsOf(string machine) => _near.Machine.Name == machine || _far.Machine.Name == machine;

    /// <summary>Both ends hear that it is broken.</summary>
    public void Break()
    {
        _near.SendReset();
        _far.SendReset();
    }

    /// <summary>A way is open again.</summary>
    public void Resume()
    {
        _near.Deliver();
        _far.Deliver();
    }

    /// <summary>One of the processes is gone.</summary>
    public void OnDeath(IMachine machine, bool isTold)
    {
        if (_near.Machine == machine) _near.Die(isTold);
        if (_far.Machine == machine) _far.Die(isTold);
    }

    private sealed class End : ByteCarrier
    {
        private static readonly PipeOptions Unbounded = new(pauseWriterThreshold: 0, resumeWriterThreshold: 0, useSynchronizationContext: false);

        private readonly Connection _connection;
        private readonly Pipe _incoming = new(Unbounded);
        private readonly Pipe _outgoing = new(new PipeOptions(pauseWriterThreshold: 64 * 1024, resumeWriterThreshold: 32 * 1024, useSynchronizationContext: false));

        /// <summary>What is on its way from here, with the time at which each part arrives; null is the end.</summary>
        private readonly Queue<(long At, byte[]? Bytes)> _underway = new();
        private long _lastAt;
        private int _bytesUnderway;
        private bool _isDelivering;
        private bool _isReset;
        private bool _isClosed;
        private bool _isDead;
        private bool _isSilent;
        private TaskCompletionSource? _room;

        public End(Connection connection, IMachine machine, string peer) => (_connection, Machine, Peer) = (connection, machine, peer);

        public IMachine Machine { get; }

        public End Other { get; set; } = null!;

        public override PipeReader Input => _incoming.Reader;

        public override PipeWriter Output => _outgoing.Writer;

        public override string Peer { get; }

        public override bool IsReset => _isReset;

        private bool IsOver => _isReset || _isClosed || _isDead;

        public override void CloseOutput() => _outgoing.Writer.Complete();

        public override void Close()
        {
            _isClosed = true;
            _outgoing.Writer.Complete();
            ForgetIfOver();
        }

        public override void Abort()
        {
            if (_isClosed || _isReset) return;
            Reset();
            SendReset(Other);
        }

        /// <summary>Takes what the process sends, for as long as it may.</summary>
        public async Task PumpAsync()
        {
            try
            {
                while (!_isReset)
                {
                    var result = await _outgoing.Reader.ReadAsync().ConfigureAwait(false);
                    if (_isReset) break;
                    if (!result.Buffer.IsEmpty) Send(result.Buffer.ToArray());
                    _outgoing.Reader.AdvanceTo(result.Buffer.End);
                    if (result.IsCompleted)
                    {
                        Send(bytes: null);
                        break;
                    }

                    if (_bytesUnderway < Window) continue;
                    _room = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                    await _room.Task.ConfigureAwait(false);
                }
            }
            catch (IOException)
            {
                // The channel was dropped with something unsent; its carrier is reset beside.
            }

            await _outgoing.Reader.CompleteAsync().ConfigureAwait(false);
        }

        /// <summary>Has this end hear, after a while, that the connection is gone.</summary>
        public void SendReset() => SendReset(this);

        /// <summary>The process is gone.</summary>
        public void Die(bool isTold)
        {
            _isDead = true;
            _isSilent = !isTold;
            if (isTold) SendReset(Other);
            ForgetIfOver();
        }

        /// <summary>Delivers what is due.</summary>
        public void Deliver()
        {
            _isDelivering = false;
            while (_underway.TryPeek(out var next) && _connection._weather.Passes(Machine.Name, Other.Machine.Name))
            {
                if (next.At > _connection._scheduler.Now)
                {
                    DeliverAt(next.At);
                    return;
                }

                _underway.Dequeue();
                _bytesUnderway -= next.Bytes?.Length ?? 0;
                if (_bytesUnderway < Window && _room is { } room)
                {
                    _room = null;
                    room.TrySetResult();
                }

                Other.Receive(next.Bytes);
            }
        }

        private void Send(byte[]? bytes)
        {
            if (_isDead || !Machine.IsAlive) return;
            _lastAt = Math.Max(_lastAt, _connection._scheduler.Now + _connection._weather.NextDelay().Ticks);
            _underway.Enqueue((_lastAt, bytes));
            _bytesUnderway += bytes?.Length ?? 0;
            DeliverAt(_lastAt);
        }

        /// <summary>A process that stands still sees what arrives when it goes on.</summary>
        private void WhenItRuns(Action action)
        {
            if (Machine is { IsAlive: true, IsPaused: true }) Machine.Defer(action, isTimer: false);
            else action();
        }

        private void DeliverAt(long at)
        {
            if (_isDelivering) return;
            _isDelivering = true;
            _connection._scheduler.At(at, owner: null, () => Other.WhenItRuns(Deliver));
        }

        private void Receive(byte[]? bytes)
        {
            if (_isDead)
            {
                // The process is gone; its machine answers for it, if it runs.
                if (!_isSilent) SendReset(Other);
                return;
            }

            if (_isReset || _isClosed)
            {
                if (_isReset && bytes is not null) SendReset(Other);
                return;
            }

            if (bytes is null)
            {
                _incoming.Writer.Complete();
                return;
            }

            _incoming.Writer.Write(bytes);
            var flushed = _incoming.Writer.FlushAsync();
            Protocol.Invariant.Holds(flushed.IsCompleted, "a pipe without a bound waits.");
        }

        private void SendReset(End end)
        {
            _connection._scheduler.After(_connection._weather.NextDelay(), owner: null, () => end.WhenItRuns(() =>
            {
                if (_connection._weather.Passes(end.Other.Machine.Name, end.Machine.Name)) end.Reset();
            }));
        }

        private void Reset()
        {
            if (_isReset || _isClosed) return;
            _isReset = true;
            _incoming.Reader.CancelPendingRead();
            _outgoing.Writer.CancelPendingFlush();
            _outgoing.Reader.CancelPendingRead();
            _room?.TrySetResult();
            ForgetIfOver();
        }

        private void ForgetIfOver()
        {
            if (IsOver && Other.IsOver) _connection._forget(_connection);
        }
    }
}
