using Matchpoint.Protocol;
using Matchpoint.Protocol.Messages;
using Matchpoint.Protocol.Tests.Messages;

namespace Matchpoint.Fuzz.Targets;

/// <summary>Every frame that nodes send each other: refused with a <see cref="ProtocolException"/>, or in its one encoding.</summary>
internal sealed class MessageTarget : IFuzzTarget
{
    /// <inheritdoc/>
    public string Name => "messages";

    /// <inheritdoc/>
    public IEnumerable<byte[]> Seeds => Samples.All.Select(static message => message.ToBytes());

    /// <inheritdoc/>
    public void Run(ReadOnlySpan<byte> input)
    {
        if (input.IsEmpty) return;
        byte[] again;
        try
        {
            again = Samples.DecodeAndEncode(input);
        }
        catch (ProtocolException)
        {
            return;
        }

        Invariant.Holds(input.SequenceEqual(again), $"a frame {Convert.ToHexString(input)} was read as one that is written {Convert.ToHexString(again)}.");
    }
}
