using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Messages;

namespace Matchpoint.Transport;

/// <summary>
/// A connection between two nodes that carries frames: u32 little-endian length, then so many bytes. It opens with the name of the service that is wanted. Lengths are checked before
/// anything is allocated for them; every wait has a deadline; both sides can say why they close. One reader and one writer may use it at the same time.
/// </summary>
internal sealed class Channel : IAsyncDisposable
{
    /// <summary>How long a close may take: saying goodbye, and waiting for the peer to close too.</summary>
    public static readonly TimeSpan CloseTimeout = TimeSpan.FromSeconds(1);

    private const int PrefixBytes = 4;
    private const int FirstBufferBytes = 4 * 1024;

    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly ByteCarrier _carrier;
    private readonly Waker _reading;
    private readonly Waker _writing;
    private byte[] _frame;
    private int _maxFrameBytes = Limits.HandshakeFrameBytes;
    private int _closed;
    private Goodbye? _goodbye;

    /// <summary>A channel over what carries its bytes.</summary>
    public Channel(ByteCarrier carrier, TimeProvider time)
    {
        _carrier = carrier;
        _reading = new Waker(time, carrier.Input.CancelPendingRead);
        _writing = new Waker(time, carrier.Output.CancelPendingFlush);
        _frame = ArrayPool<byte>.Shared.Rent(FirstBufferBytes);
    }

    /// <summary>The peer as a person knows it.</summary>
    public string Peer => _carrier.Peer;

    /// <summary>The longest frame that is received; short until the peer is known.</summary>
    public int MaxFrameBytes
    {
        get => _maxFrameBytes;
        set
        {
            Invariant.Holds(value is > 0 and <= Limits.FrameBytes, $"frames of {value} bytes are to be received.");
            _maxFrameBytes = value;
        }
    }

    /// <summary>Names the service that this side wants. Sent with the first frame.</summary>
    public void OpenService(string service)
    {
        var length = Encoding.UTF8.GetByteCount(service);
        Invariant.Holds(length is > 0 and <= Limits.ServiceNameBytes, $"a service name has {length} bytes.");
        Encoding.UTF8.GetBytes(service, Reserve(length));
        CommitFrame(length);
    }

    /// <summary>Receives the name of the service that the peer wants.</summary>
    public async ValueTask<string> AcceptServiceAsync(TimeSpan deadline, CancellationToken cancellation)
    {
        var name = await ReceiveAsync("service name", Limits.ServiceNameBytes, deadline, cancellation).ConfigureAwait(false);
        try
        {
            return Utf8.GetString(name.Span);
        }
        catch (DecoderFallbackException)
        {
            throw new ProtocolException("service name", "bytes", "UTF-8", Convert.ToHexStringLower(name.Span[..Math.Min(16, name.Length)]));
        }
    }

    /// <summary>Receives a frame. Its memory is valid until the next one is received.</summary>
    /// <exception cref="ChannelClosedException">The connection is closed; with the peer's reason when it gave one.</exception>
    /// <exception cref="ChannelTimeoutException">Nothing came in time.</exception>
    /// <exception cref="ProtocolException">What came is no frame, or longer than allowed.</exception>
    public async ValueTask<ReadOnlyMemory<byte>> ReceiveAsync(TimeSpan deadline, CancellationToken cancellation)
    {
        var frame = await ReceiveAsync("frame", _maxFrameBytes, deadline, cancellation).ConfigureAwait(false);
        if (frame.Span[0] != (byte)Opcode.Goodbye) return frame;
        _goodbye = Goodbye.Read(frame.Span);
        throw new ChannelClosedException(Peer, _goodbye);
    }

    /// <summary>A frame's room in the outgoing buffer; it is complete with <see cref="CommitFrame"/> and sent with the next flush.</summary>
    public Span<byte> GetFrame(int bytes)
    {
        Invariant.Holds(bytes is > 0 and <= Limits.FrameBytes, $"a frame of {bytes} bytes is to be sent.");
        return Reserve(bytes);
    }

    /// <summary>Completes the frame whose room was taken.</summary>
    public void CommitFrame(int bytes) => _carrier.Output.Advance(PrefixBytes + bytes);

    /// <summary>Sends what is complete. Waits while the peer takes nothing.</summary>
    /// <exception cref="ChannelClosedException">The connection is closed.</exception>
    /// <exception cref="ChannelTimeoutException">The peer took nothing in time.</exception>
    public async ValueTask FlushAsync(TimeSpan deadline, CancellationToken cancellation)
    {
        var flush = _carrier.Output.FlushAsync(CancellationToken.None);
        if (!flush.IsCompletedSuccessfully)
        {
            _writing.Arm(deadline, cancellation);
            try
            {
                var result = await Guarded(flush).ConfigureAwait(false);
                while (result.IsCanceled)
                {
                    _writing.ThrowIfOver(Peer, "room to send");
                    result = await Guarded(_carrier.Output.FlushAsync(CancellationToken.None)).ConfigureAwait(false);
                }

                if (result.IsCompleted) throw Gone();
            }
            finally
            {
                _writing.Disarm();
            }

            return;
        }

        if (flush.Result.IsCompleted) throw Gone();
    }

    /// <summary>Sends one frame.</summary>
    public ValueTask SendAsync(ReadOnlyMemory<byte> payload, TimeSpan deadline, CancellationToken cancellation)
    {
        payload.Span.CopyTo(GetFrame(payload.Length));
        CommitFrame(payload.Length);
        return FlushAsync(deadline, cancellation);
    }

    /// <summary>Says why, and closes. The peer sees it within a second even if it takes nothing any more.</summary>
    public async ValueTask CloseAsync(GoodbyeCode code, string reason)
    {
        if (Interlocked.Exchange(ref _closed, 1) != 0) return;
        try
        {
            var goodbye = new Goodbye(code, reason);
            goodbye.Write(GetFrame(goodbye.Size));
            CommitFrame(goodbye.Size);
            await FlushAsync(CloseTimeout, CancellationToken.None).ConfigureAwait(false);
            _carrier.CloseOutput();
            await DiscardUntilClosedAsync().ConfigureAwait(false);
        }
        catch (Exception error) when (error is IOException or InvalidOperationException)
        {
            // The goodbye is a courtesy: the peer is gone already, or does not listen. It sees the abort.
        }
        finally
        {
            Release();
        }
    }

    /// <summary>Drops the connection at once.</summary>
    public void Abort()
    {
        if (Interlocked.Exchange(ref _closed, 1) == 0) Release();
        else _carrier.Abort();
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        Abort();
        return ValueTask.CompletedTask;
    }

    private Span<byte> Reserve(int bytes)
    {
        var room = _carrier.Output.GetSpan(PrefixBytes + bytes);
        BinaryPrimitives.WriteUInt32LittleEndian(room, (uint)bytes);
        return room.Slice(PrefixBytes, bytes);
    }

    private async ValueTask<ReadOnlyMemory<byte>> ReceiveAsync(
        string what, int most, TimeSpan deadline, CancellationToken cancellation)
    {
        var input = _carrier.Input;
        var length = 0;
        var have = 0;
        var armed = false;
        try
        {
            while (true)
            {
                if (!input.TryRead(out var result))
                {
                    if (!armed) _reading.Arm(deadline, cancellation);
                    armed = true;
                    result = await Guarded(input.ReadAsync(CancellationToken.None)).ConfigureAwait(false);
                }

                var consumed = Take(result.Buffer, what, most, ref length, ref have);
                var isWhole = length > 0 && have == length;
                input.AdvanceTo(consumed, isWhole ? consumed : result.Buffer.End);
                if (isWhole) return _frame.AsMemory(0, length);
                if (result.IsCompleted) throw Ended(what, length, have, result.Buffer.Length);
                if (!result.IsCanceled) continue;
                if (!armed) _reading.Arm(deadline, cancellation);
                armed = true;
                _reading.ThrowIfOver(Peer, $"a {what}");
            }
        }
        catch (IOException error) when (error is not ChannelException)
        {
            // A read that need not wait fails too.
            throw new ChannelClosedException($"{Peer}: the connection was lost: {error.Message}", error);
        }
        catch (InvalidOperationException error)
        {
            throw new ChannelClosedException($"{Peer}: this side dropped the connection while a {what} was awaited", error);
        }
        finally
        {
            if (armed) _reading.Disarm();
        }
    }

    /// <summary>Takes what there is of a frame into the frame's buffer, and says how far the input is used up.</summary>
    private SequencePosition Take(in ReadOnlySequence<byte> input, string what, int most, ref int length, ref int have)
    {
        var rest = input;
        if (length == 0)
        {
            if (rest.Length < PrefixBytes) return rest.Start;
            Span<byte> prefix = stackalloc byte[PrefixBytes];
            rest.Slice(0, PrefixBytes).CopyTo(prefix);
            var announced = BinaryPrimitives.ReadUInt32LittleEndian(prefix);
            if (announced == 0 || announced > most) throw new ProtocolException(what, "length", $"1 to {most}", $"{announced}");
            length = (int)announced;
            rest = rest.Slice(PrefixBytes);
        }

        var bytes = (int)Math.Min(rest.Length, length - have);
        MakeRoom(have, have + bytes);
        rest.Slice(0, bytes).CopyTo(_frame.AsSpan(have));
        have += bytes;
        return rest.GetPosition(bytes);
    }

    /// <summary>Grows the buffer with what has come, never with what was announced.</summary>
    private void MakeRoom(int have, int need)
    {
        if (need <= _frame.Length) return;
        var larger = ArrayPool<byte>.Shared.Rent(Math.Max(need, Math.Min(_frame.Length * 2, Limits.FrameBytes)));
        _frame.AsSpan(0, have).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_frame);
        _frame = larger;
    }

    private ChannelClosedException Ended(string what, int length, int have, long left)
    {
        if (length > 0) return new ChannelClosedException($"{Peer}: the connection ended in the middle of a {what}: {have} of {length} bytes came");
        return left > 0
            ? new ChannelClosedException($"{Peer}: the connection ended in the middle of the length of a {what}: {left} of {PrefixBytes} bytes came")
            : new ChannelClosedException($"{Peer} closed the connection without a word; a {what} was awaited");
    }

    private ChannelClosedException Gone() =>
        _goodbye is not null ? new ChannelClosedException(Peer, _goodbye) : new ChannelClosedException($"{Peer} closed the connection while this side was sending");

    private async ValueTask<T> Guarded<T>(ValueTask<T> operation)
    {
        try
        {
            return await operation.ConfigureAwait(false);
        }
        catch (Exception error) when (error is IOException and not ChannelException or ObjectDisposedException)
        {
            throw _goodbye is not null
                ? new ChannelClosedException(Peer, _goodbye)
                : new ChannelClosedException($"{Peer}: the connection was lost: {error.Message}", error);
        }
    }

    /// <summary>
    /// Reads away what the peer still sends. Closing a socket with unread bytes resets the connection, and a reset may overtake the goodbye.
    /// </summary>
    private async ValueTask DiscardUntilClosedAsync()
    {
        _reading.Arm(CloseTimeout, CancellationToken.None);
        try
        {
            while (true)
            {
                var result = await Guarded(_carrier.Input.ReadAsync(CancellationToken.None)).ConfigureAwait(false);
                _carrier.Input.AdvanceTo(result.Buffer.End);
                if (result.IsCompleted) return;
                if (result.IsCanceled) _reading.ThrowIfOver(Peer, "the peer's close");
            }
        }
        finally
        {
            _reading.Disarm();
        }
    }

    private void Release()
    {
        _carrier.Abort();
        _reading.Dispose();
        _writing.Dispose();
    }
}
