using System.Buffers;
using System.IO.Pipelines;
using Matchpoint.Transport;

namespace Matchpoint.Tests.Syncup;

/// <summary>A wire between two channels that turns bits of what the right side sends, or breaks off behind some byte of it.</summary>
internal sealed class MangledWire
{
    private readonly Pipe _fromRight = new(new PipeOptions(useSynchronizationContext: false));
    private readonly Pipe _toLeft = new(new PipeOptions(useSynchronizationContext: false));
    private readonly long _at;
    private readonly byte _mask;
    private readonly bool _breaks;

    /// <summary>A wire that turns the bits of the mask in one byte; or, with <paramref name="breaks"/>, delivers no byte from there on.</summary>
    public MangledWire(long at, byte mask, bool breaks = false, TimeProvider? time = null)
    {
        (_at, _mask, _breaks) = (at, mask, breaks);
        Time = time ?? TimeProvider.System;
        var toRight = new Pipe(new PipeOptions(useSynchronizationContext: false));
        Left = new Channel(new PipeCarrier(_toLeft.Reader, toRight.Writer), Time);
        Right = new Channel(new PipeCarrier(toRight.Reader, _fromRight.Writer), Time);
        Carried = Task.Run(CarryAsync);
    }

    public TimeProvider Time { get; }

    public Channel Left { get; }

    public Channel Right { get; }

    /// <summary>Ends when the right side has closed; all bytes that it sent.</summary>
    public Task<byte[]> Carried { get; }

    private async Task<byte[]> CarryAsync()
    {
        var sent = new ArrayBufferWriter<byte>();
        Exception? broken = null;
        try
        {
            while (true)
            {
                var result = await _fromRight.Reader.ReadAsync();
                var bytes = result.Buffer.ToArray();
                _fromRight.Reader.AdvanceTo(result.Buffer.End);
                var offset = _at - sent.WrittenCount;
                sent.Write(bytes);
                if (offset >= 0 && offset < bytes.Length)
                {
                    if (_breaks)
                    {
                        await _toLeft.Writer.WriteAsync(bytes.AsMemory(0, (int)offset));
                        break;
                    }

                    bytes[offset] ^= _mask;
                }

                var flushed = await _toLeft.Writer.WriteAsync(bytes);
                if (result.IsCompleted || flushed.IsCompleted) break;
            }
        }
        catch (IOException error)
        {
            broken = error;
        }

        await _toLeft.Writer.CompleteAsync(broken);
        await _fromRight.Reader.CompleteAsync();
        return sent.WrittenSpan.ToArray();
    }

    private sealed class PipeCarrier(PipeReader input, PipeWriter output) : ByteCarrier
    {
        public override PipeReader Input => input;

        public override PipeWriter Output => output;

        public override string Peer => "peer";

        public override void CloseOutput() => output.Complete();

        public override void Close() => output.Complete();

        public override void Abort()
        {
            output.Complete(new IOException("aborted"));
            input.CancelPendingRead();
        }
    }
}
