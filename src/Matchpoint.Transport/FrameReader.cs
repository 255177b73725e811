using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Messages;

namespace Matchpoint.Transport;

/// <summary>
/// Cuts incoming bytes into frames: u32 little-endian length, then so many bytes. A frame that lies in one piece is given where it lies; another is put
/// together in a buffer that grows with what has come, never with what was announced. What has come of a frame is kept over an interrupted wait.
/// </summary>
internal sealed class FrameReader(PipeReader input, int mostHeldBytes)
{
    /// <summary>Bytes of the length before a frame.</summary>
    public const int PrefixBytes = 4;

    private const int FirstBufferBytes = 4 * 1024;

    private byte[]? _buffer;
    private int _length;
    private int _have;
    private int _prefixHave;
    private bool _isHeld;
    private SequencePosition _heldStart;
    private SequencePosition _heldEnd;

    /// <summary>Bytes of the buffer in which a frame is put together; 0 when there is none.</summary>
    public int BufferBytes => _buffer?.Length ?? 0;

    /// <summary>Lets go of the frame that was given last: its memory is used again.</summary>
    public void Release()
    {
        if (_isHeld)
        {
            _isHeld = false;
            input.AdvanceTo(_heldEnd);
        }

        if (_length > 0 && _have == _length) Forget();
    }

    /// <summary>Takes a frame from what was read, and tells the reader how far it got.</summary>
    /// <exception cref="ProtocolException">The length is none that a frame can have.</exception>
    public bool TryTake(in ReadOnlySequence<byte> read, string what, int most, out ReadOnlyMemory<byte> frame)
    {
        frame = default;
        var rest = read;
        if (_length == 0)
        {
            _prefixHave = (int)Math.Min(rest.Length, PrefixBytes);
            if (_prefixHave < PrefixBytes)
            {
                input.AdvanceTo(rest.Start, rest.End);
                return false;
            }

            var announced = Length(rest);
            if (announced == 0 || announced > most)
            {
                input.AdvanceTo(rest.Start);
                throw new ProtocolException(what, "length", $"1 to {most}", $"{announced}");
            }

            rest = rest.Slice(PrefixBytes);
            _prefixHave = 0;
            if (rest.First.Length >= announced && announced <= mostHeldBytes)
            {
                frame = rest.First[..(int)announced];
                (_isHeld, _heldStart, _heldEnd) = (true, read.Start, rest.GetPosition(announced));
                return true;
            }

            _length = (int)announced;
        }

        var bytes = (int)Math.Min(rest.Length, _length - _have);
        MakeRoom(_have + bytes);
        rest.Slice(0, bytes).CopyTo(_buffer.AsSpan(_have));
        _have += bytes;
        input.AdvanceTo(rest.GetPosition(bytes));
        if (_have < _length) return false;
        frame = _buffer.AsMemory(0, _length);
        return true;
    }

    /// <summary>How a channel ends whose bytes end here.</summary>
    public Ending EndOfBytes(string peer, string what) => (_length, _prefixHave) switch
    {
        ( > 0, _) => new Ending(ChannelEnd.Cut, $"{peer}: the connection ended in the middle of a {what}: {_have} of {_length} bytes came."),
        (_, > 0) => new Ending(ChannelEnd.Cut,
            $"{peer}: the connection ended in the middle of the length of a {what}: {_prefixHave} of {PrefixBytes} bytes came."),
        _ => new Ending(ChannelEnd.Silent, $"{peer} closed the connection without a word while a {what} was awaited."),
    };

    /// <summary>
    /// Looks for the peer's goodbye in what has still come, past frames that nobody will receive. The frame given last stays valid: nothing is released.
    /// </summary>
    /// <param name="most">How many bytes to look at.</param>
    /// <param name="cancellation">Ends the search.</param>
    public async ValueTask<Goodbye?> FindGoodbyeAsync(int most, CancellationToken cancellation)
    {
        var isHeld = _isHeld;
        if (isHeld) input.AdvanceTo(_heldStart, _heldEnd);
        _isHeld = false;
        while (true)
        {
            var result = await input.ReadAsync(cancellation).ConfigureAwait(false);
            var rest = isHeld ? result.Buffer.Slice(PrefixBytes + (long)Length(result.Buffer)) : result.Buffer.Slice(Math.Min(_length - _have, result.Buffer.Length));
            var goodbye = GoodbyeIn(rest);
            var isOver = goodbye is not null || result.IsCompleted || result.IsCanceled || result.Buffer.Length >= most;
            // All of it stays: the frame given last may lie in it.
            input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
            if (isOver) return goodbye;
        }
    }

    /// <summary>Reads away what the peer still sends, to the end of its bytes or until it has dropped the connection.</summary>
    public async ValueTask DiscardAsync(ByteCarrier carrier, CancellationToken cancellation)
    {
        Release();
        Forget();
        while (true)
        {
            var result = await input.ReadAsync(cancellation).ConfigureAwait(false);
            input.AdvanceTo(result.Buffer.End);
            if (result.IsCompleted || carrier.IsReset) return;
        }
    }

    /// <summary>Gives the memory back. Nobody may look at a frame any more.</summary>
    public void Complete()
    {
        _isHeld = false;
        Forget();
        input.Complete();
    }

    private static uint Length(in ReadOnlySequence<byte> bytes)
    {
        if (bytes.FirstSpan.Length >= PrefixBytes) return BinaryPrimitives.ReadUInt32LittleEndian(bytes.FirstSpan);
        Span<byte> prefix = stackalloc byte[PrefixBytes];
        bytes.Slice(0, PrefixBytes).CopyTo(prefix);
        return BinaryPrimitives.ReadUInt32LittleEndian(prefix);
    }

    private static Goodbye? GoodbyeIn(ReadOnlySequence<byte> frames)
    {
        while (frames.Length > PrefixBytes && Length(frames) is > 0 and var length && frames.Length - PrefixBytes >= length)
        {
            var frame = frames.Slice(PrefixBytes, length);
            if (frame.FirstSpan[0] == (byte)Opcode.Goodbye && length <= Limits.HandshakeFrameBytes) return Goodbye.Decode(frame.ToArray());
            frames = frames.Slice(frame.End);
        }

        return null;
    }

    private void MakeRoom(int need)
    {
        if (_buffer is not null && need <= _buffer.Length) return;
        var wanted = Math.Max(need, Math.Max(FirstBufferBytes, BufferBytes * 2L));
        var larger = ArrayPool<byte>.Shared.Rent((int)Math.Max(need, Math.Min(wanted, _length)));
        if (_buffer is not null)
        {
            _buffer.AsSpan(0, _have).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_buffer);
        }

        _buffer = larger;
    }

    private void Forget()
    {
        if (_buffer is not null) ArrayPool<byte>.Shared.Return(_buffer);
        (_buffer, _length, _have) = (null, 0, 0);
    }
}
