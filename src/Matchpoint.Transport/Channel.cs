using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Text;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Messages;

namespace Matchpoint.Transport;

/// <summary>
/// A connection between two nodes that carries frames. It opens with the name of the service that is wanted; lengths are checked before anything is allocated for
/// them; every wait has a deadline; both sides can say why they close.
/// <para>One task receives and one task sends at a time; <see cref="CloseAsync"/> counts as sending. <see cref="Abort"/> may come from anywhere.</para>
/// <para>When the channel has ended, however it did, every wait on it ends, and every later use throws the same <see cref="ChannelClosedException"/>: a session
/// need not look for goodbyes.</para>
/// </summary>
internal sealed class Channel : IAsyncDisposable
{
    /// <summary>How long a close may take: saying goodbye, and waiting for the peer to close too.</summary>
    public static readonly TimeSpan CloseTimeout = TimeSpan.FromSeconds(1);

    /// <summary>A payload longer than this is handed to the carrier piece by piece, so that it is never held twice.</summary>
    private const int PieceBytes = 256 * 1024;

    /// <summary>How far a sender whose connection broke looks for the peer's reason among what it has not yet received.</summary>
    private const int LastWordsBytes = 1024 * 1024;

    /// <summary>What is named by a side that does not want whom it reached: no service, but a goodbye comes.</summary>
    public const string Farewell = "GOODBYE";

    private const string Frame = "frame";
    private const string ServiceName = "service name";

    private static readonly TimeSpan LastWordsTimeout = TimeSpan.FromMilliseconds(100);
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly ByteCarrier _carrier;
    private readonly TimeProvider _time;
    private readonly FrameReader _frames;
    private readonly FrameWriter _outgoing;
    private readonly Waker _receiveWaker;
    private readonly Waker _sendWaker;
    private readonly SemaphoreSlim _receiving = new(1, 1);
    private readonly SemaphoreSlim _sending = new(1, 1);

    // Cancelled at most once. A send that was interrupted may have sent half a frame: nothing can follow it.
    private readonly CancellationTokenSource _sendingOver = new();

    private int _maxFrameBytes = Limits.HandshakeFrameBytes;
    private Ending? _ending;
    private int _isClosed;
    private int _isDisposed;

    /// <summary>A channel over what carries its bytes.</summary>
    public Channel(ByteCarrier carrier, TimeProvider time)
    {
        _carrier = carrier;
        _time = time;
        _frames = new FrameReader(carrier.Input, carrier.MostHeldBytes);
        _outgoing = new FrameWriter(carrier.Output);
        _receiveWaker = new Waker(time, carrier.Input.CancelPendingRead);
        _sendWaker = new Waker(time, _sendingOver.Cancel);
    }

    /// <summary>The peer as a person knows it.</summary>
    public string Peer => _carrier.Peer;

    /// <summary>Who the peer is, proved by its certificate; null where connections are not secured.</summary>
    public PeerIdentity? PeerIdentity { get; init; }

    /// <summary>The longest frame that is received: short until the session knows its peer and raises it.</summary>
    public int MaxFrameBytes
    {
        get => _maxFrameBytes;
        set
        {
            Invariant.Holds(value is > 0 and <= Limits.FrameBytes, $"frames of up to {value} bytes are to be received; 1 to {Limits.FrameBytes} can be.");
            _maxFrameBytes = value;
        }
    }

    /// <summary>Bytes of complete frames that wait for the next flush.</summary>
    public long UnflushedBytes => _outgoing.UnflushedBytes;

    /// <summary>How the channel ended; null while it has not.</summary>
    public ChannelEnd? End => Volatile.Read(ref _ending)?.End;

    /// <summary>Names the service that this side wants. Sent with the first flush.</summary>
    public void OpenService(string service)
    {
        var length = Utf8.GetByteCount(service);
        Invariant.Holds(length is > 0 and <= Limits.ServiceNameBytes, $"a service name has {length} bytes; 1 to {Limits.ServiceNameBytes} can be.");
        Utf8.GetBytes(service, _outgoing.Take(length));
        _outgoing.Commit(length);
    }

    /// <summary>Receives the name of the service that the peer wants.</summary>
    /// <exception cref="ChannelClosedException">The connection is closed.</exception>
    /// <exception cref="ChannelTimeoutException">The name was not there in time.</exception>
    /// <exception cref="ProtocolException">What came is no name.</exception>
    public async ValueTask<string> AcceptServiceAsync(TimeSpan deadline, CancellationToken cancellation)
    {
        ReadOnlyMemory<byte> name;
        try
        {
            name = await ReceiveAsync(ServiceName, Limits.ServiceNameBytes, deadline, cancellation).ConfigureAwait(false);
        }
        catch (ProtocolException fault) when (IsTls(fault))
        {
            throw new ProtocolException(ServiceName, "first bytes", "a service's name", "the beginning of TLS, which this node does not speak: it has no certificates");
        }

        string text;
        try
        {
            text = Utf8.GetString(name.Span);
        }
        catch (DecoderFallbackException)
        {
            throw new ProtocolException(ServiceName, "bytes", "UTF-8", Convert.ToHexStringLower(name.Span[..Math.Min(16, name.Length)]));
        }

        if (text != Farewell) return text;
        var frame = await ReceiveAsync(deadline, cancellation).ConfigureAwait(false);
        throw new ProtocolException(Farewell, "opcode", $"{(byte)Opcode.Goodbye}", $"{frame.Span[0]}");
    }

    /// <summary>Receives a frame. Its memory is valid until the next one is received or the channel is closed by this side.</summary>
    /// <exception cref="ChannelClosedException">The connection is closed; with the peer's reason when it gave one.</exception>
    /// <exception cref="ChannelTimeoutException">Nothing came in time. What came of a frame is kept: the channel can be used on.</exception>
    /// <exception cref="ProtocolException">What came is no frame, or longer than allowed. No frame can be received after it.</exception>
    public ValueTask<ReadOnlyMemory<byte>> ReceiveAsync(TimeSpan deadline, CancellationToken cancellation) =>
        ReceiveAsync(Frame, _maxFrameBytes, deadline, cancellation);

    /// <summary>Room in the outgoing bytes for a frame of at most so many bytes; complete with <see cref="CommitFrame"/>, sent with the next flush.</summary>
    public Span<byte> GetFrame(int most) => _outgoing.Take(most);

    /// <summary>Completes the frame whose room was taken, with as many bytes as were written.</summary>
    public void CommitFrame(int bytes) => _outgoing.Commit(bytes);

    /// <summary>Adds a message as a frame, sent with the next flush.</summary>
    public void Write<TMessage>(TMessage message)
        where TMessage : IMessage
    {
        var bytes = message.EncodedLength;
        message.Encode(_outgoing.Take(bytes));
        _outgoing.Commit(bytes);
    }

    /// <summary>Sends what is complete. Waits while the peer takes nothing.</summary>
    /// <exception cref="ChannelClosedException">The connection is closed; with the peer's reason when it gave one.</exception>
    /// <exception cref="ChannelTimeoutException">The peer did not take it in time. Nothing can be sent any more.</exception>
    public ValueTask FlushAsync(TimeSpan deadline, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        ThrowIfEnded();
        Enter(_sending, "send");
        try
        {
            var flush = _carrier.Output.FlushAsync(_sendingOver.Token);
            if (!flush.IsCompletedSuccessfully) return FinishSendAsync(flush, default, deadline, cancellation);
            var result = flush.Result;
            if (result.IsCompleted || result.IsCanceled) return FinishSendAsync(ValueTask.FromResult(result), default, deadline, cancellation);
        }
        catch (Exception error) when (IsLost(error))
        {
            return FinishSendAsync(ValueTask.FromException<FlushResult>(error), default, deadline, cancellation);
        }

        _sending.Release();
        return ValueTask.CompletedTask;
    }

    /// <summary>Sends one frame. A large one goes piece by piece; the deadline is for all of it.</summary>
    /// <inheritdoc cref="FlushAsync"/>
    public ValueTask SendAsync(ReadOnlyMemory<byte> payload, TimeSpan deadline, CancellationToken cancellation)
    {
        // All that can be refused is refused before the first byte of the frame lies among the outgoing ones: the next send would take it along.
        FrameWriter.Check(payload.Length);
        cancellation.ThrowIfCancellationRequested();
        ThrowIfEnded();
        if (payload.Length <= PieceBytes / 4)
        {
            payload.Span.CopyTo(_outgoing.Take(payload.Length));
            _outgoing.Commit(payload.Length);
            return FlushAsync(deadline, cancellation);
        }

        Enter(_sending, "send");
        _outgoing.Announce(payload.Length);
        return FinishSendAsync(ValueTask.FromResult(default(FlushResult)), payload, deadline, cancellation);
    }

    /// <summary>
    /// Says why, and closes: sends the goodbye as far as the peer takes it, and reads away what the peer still sends, so that a peer that is itself blocked in sending
    /// comes to hear it. After <see cref="CloseTimeout"/> at most the connection is dropped. Frames that were received are no longer valid.
    /// </summary>
    public async ValueTask CloseAsync(GoodbyeCode code, string reason)
    {
        if (Interlocked.Exchange(ref _isClosed, 1) != 0) return;
        var canSpeak = Volatile.Read(ref _ending) is null && _sending.Wait(0, CancellationToken.None);
        Interlocked.CompareExchange(ref _ending, new Ending(ChannelEnd.Here, $"this side closed the connection to {Peer} ({code}): {reason}"), null);
        _carrier.Input.CancelPendingRead();
        var isHeard = false;
        if (canSpeak)
        {
            using var bound = new CancellationTokenSource(CloseTimeout, _time);
            var discarding = DiscardAsync(bound.Token);
            isHeard = await SayGoodbyeAsync(new Goodbye(code, reason), bound.Token).ConfigureAwait(false);
            // A peer that cannot be told in time is not read from any longer either.
            if (!isHeard) await bound.CancelAsync().ConfigureAwait(false);
            await discarding.ConfigureAwait(false);
            _sending.Release();
        }

        if (isHeard || _ending!.End is ChannelEnd.Goodbye or ChannelEnd.Silent) _carrier.Close();
        else _carrier.Abort();
        Complete();
    }

    /// <summary>Drops the connection at once. The channel's own waits end, and the peer's too.</summary>
    public void Abort()
    {
        if (Interlocked.Exchange(ref _isClosed, 1) == 0)
            Conclude(new Ending(ChannelEnd.Here, $"this side dropped the connection to {Peer}."));
        _carrier.Abort();
        _carrier.Input.CancelPendingRead();
    }

    /// <summary>Drops the connection if it is still open, and gives the memory back.</summary>
    public ValueTask DisposeAsync()
    {
        if (Volatile.Read(ref _isClosed) == 0) Abort();
        Complete();
        return ValueTask.CompletedTask;
    }

    private ValueTask<ReadOnlyMemory<byte>> ReceiveAsync(string what, int most, TimeSpan deadline, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        Enter(_receiving, "receive");
        try
        {
            ThrowIfEnded();
            _frames.Release();
            if (TryTakeReady(what, most, out var frame))
            {
                _receiving.Release();
                return ValueTask.FromResult(frame);
            }
        }
        catch (Exception error)
        {
            var told = IsLost(error) ? Conclude(Ending.Reset(Peer, error)) : null;
            _receiving.Release();
            if (told is null) throw;
            throw told.ToException();
        }

        return AwaitFrameAsync(what, most, deadline, cancellation);
    }

    private bool TryTakeReady(string what, int most, out ReadOnlyMemory<byte> frame)
    {
        frame = default;
        if (!_carrier.Input.TryRead(out var result)) return false;
        return _frames.TryTake(result.Buffer, what, most, out frame) && !IsGoodbye(frame, what);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<ReadOnlyMemory<byte>> AwaitFrameAsync(string what, int most, TimeSpan deadline, CancellationToken cancellation)
    {
        var isArmed = false;
        try
        {
            ThrowIfEnded();
            if (deadline <= TimeSpan.Zero && deadline != Timeout.InfiniteTimeSpan) throw new ChannelTimeoutException(Peer, $"a {what}", deadline);
            _receiveWaker.Arm(deadline, cancellation);
            isArmed = true;
            // The look that was taken at once may have used up the interruption that a reset comes with.
            if (_carrier.IsReset) _carrier.Input.CancelPendingRead();
            while (true)
            {
                var result = await _carrier.Input.ReadAsync(CancellationToken.None).ConfigureAwait(false);
                // This side's own close comes first: its frames are no longer valid, and the peer's last bytes are for nobody.
                if (Volatile.Read(ref _ending) is { } ending)
                {
                    _carrier.Input.AdvanceTo(result.Buffer.Start);
                    throw ending.ToException();
                }

                if (_frames.TryTake(result.Buffer, what, most, out var frame))
                {
                    if (!IsGoodbye(frame, what)) return frame;
                    throw _ending!.ToException();
                }

                if (_carrier.IsReset) throw Conclude(Ending.Reset(Peer, cause: null)).ToException();
                if (result.IsCompleted) throw Conclude(_frames.EndOfBytes(Peer, what)).ToException();
                if (!result.IsCanceled || !_receiveWaker.IsOver) continue;
                throw _receiveWaker.Failure(Peer, $"a {what}");
            }
        }
        catch (Exception error) when (IsLost(error))
        {
            throw Conclude(Ending.Reset(Peer, error)).ToException();
        }
        finally
        {
            if (isArmed) _receiveWaker.Disarm();
            _receiving.Release();
        }
    }

    /// <summary>The one place where a goodbye is seen.</summary>
    private bool IsGoodbye(ReadOnlyMemory<byte> frame, string what)
    {
        if (frame.Span[0] != (byte)Opcode.Goodbye || !ReferenceEquals(what, Frame)) return false;
        Conclude(Ending.By(Peer, Goodbye.Decode(frame.Span)));
        return true;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask FinishSendAsync(ValueTask<FlushResult> flush, ReadOnlyMemory<byte> rest, TimeSpan deadline, CancellationToken cancellation)
    {
        var isOver = false;
        _sendWaker.Arm(deadline, cancellation);
        try
        {
            var result = await flush.ConfigureAwait(false);
            while (!rest.IsEmpty && !result.IsCompleted && !result.IsCanceled)
            {
                var piece = rest[..Math.Min(rest.Length, PieceBytes)];
                rest = rest[piece.Length..];
                result = await _carrier.Output.WriteAsync(piece, _sendingOver.Token).ConfigureAwait(false);
            }

            isOver = _sendWaker.Disarm();
            if (isOver) throw GiveUpSending();
            if (result.IsCompleted || result.IsCanceled) throw await LostInSendingAsync(cause: null).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!isOver)
        {
            _sendWaker.Disarm();
            ThrowIfEnded();
            throw GiveUpSending();
        }
        catch (Exception error) when (IsLost(error))
        {
            _sendWaker.Disarm();
            throw await LostInSendingAsync(error).ConfigureAwait(false);
        }
        finally
        {
            _sending.Release();
        }
    }

    /// <summary>A send was interrupted: half a frame may be on its way, and nothing can follow it.</summary>
    private Exception GiveUpSending()
    {
        var failure = _sendWaker.Failure(Peer, "room to send");
        Conclude(new Ending(ChannelEnd.Here, $"{Peer}: a send was given up half-way; nothing can follow it. {failure.Message}", Cause: failure));
        return failure;
    }

    /// <summary>A send failed: the reason may lie among what has come and was not yet received.</summary>
    private async ValueTask<ChannelClosedException> LostInSendingAsync(Exception? cause)
    {
        if (Volatile.Read(ref _ending) is { } known) return known.ToException();
        if (!_receiving.Wait(0, CancellationToken.None)) return Conclude(Ending.Reset(Peer, cause)).ToException();
        try
        {
            using var bound = new CancellationTokenSource(LastWordsTimeout, _time);
            var goodbye = await _frames.FindGoodbyeAsync(LastWordsBytes, bound.Token).ConfigureAwait(false);
            return Conclude(goodbye is { } said ? Ending.By(Peer, said) : Ending.Reset(Peer, cause)).ToException();
        }
        catch (Exception error) when (IsLost(error) || error is OperationCanceledException or ProtocolException)
        {
            return Conclude(Ending.Reset(Peer, cause)).ToException();
        }
        finally
        {
            _receiving.Release();
        }
    }

    private async Task<bool> SayGoodbyeAsync(Goodbye goodbye, CancellationToken cancellation)
    {
        try
        {
            Write(goodbye);
            var result = await _carrier.Output.FlushAsync(cancellation).ConfigureAwait(false);
            if (result.IsCanceled || result.IsCompleted) return false;
            _carrier.CloseOutput();
            return true;
        }
        catch (Exception error) when (IsLost(error) || error is OperationCanceledException)
        {
            // The goodbye is a courtesy: the peer is gone already, or does not listen. It sees the connection dropped.
            return false;
        }
    }

    /// <summary>
    /// Reads away what the peer still sends, until it closes or time is up. Closing a socket with unread bytes resets the connection, and a reset may overtake the
    /// goodbye.
    /// </summary>
    private async Task DiscardAsync(CancellationToken cancellation)
    {
        try
        {
            await _receiving.WaitAsync(cancellation).ConfigureAwait(false);
            try
            {
                await _frames.DiscardAsync(_carrier, cancellation).ConfigureAwait(false);
            }
            finally
            {
                _receiving.Release();
            }
        }
        catch (Exception error) when (IsLost(error) || error is OperationCanceledException)
        {
            // The peer is gone, or had its time.
        }
    }

    /// <summary>Remembers how the channel ended, first word wins, and ends the send and the receive that are under way.</summary>
    private Ending Conclude(Ending ending)
    {
        var first = Interlocked.CompareExchange(ref _ending, ending, null) ?? ending;
        _sendingOver.Cancel();
        _carrier.Input.CancelPendingRead();
        return first;
    }

    /// <summary>Takes a direction for the caller alone. Whoever closes the channel keeps both.</summary>
    private void Enter(SemaphoreSlim direction, string what)
    {
        if (direction.Wait(0, CancellationToken.None)) return;
        ThrowIfEnded();
        throw new InvariantException($"two tasks {what} on one channel.");
    }

    private void ThrowIfEnded()
    {
        if (Volatile.Read(ref _ending) is { } ending) throw ending.ToException();
    }

    /// <summary>Whether what stands where a length was expected is how a TLS handshake begins: record type 22, version 3.</summary>
    private static bool IsTls(ProtocolException fault) => uint.TryParse(fault.Found, out var found) && (found & 0xFFFF) == 0x0316;

    private static bool IsLost(Exception error) => error is (IOException and not ChannelException) or ObjectDisposedException;

    /// <summary>Gives the memory back, unless a task is still about to leave: then the collector does.</summary>
    private void Complete()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0) return;
        _receiveWaker.Dispose();
        _sendWaker.Dispose();
        if (_receiving.Wait(0, CancellationToken.None)) _frames.Complete();
        // With an exception: without one, a stream's writer would send what was never flushed.
        if (_sending.Wait(0, CancellationToken.None)) _carrier.Output.Complete(new IOException("the peer dropped it."));
    }
}
