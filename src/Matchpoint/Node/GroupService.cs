using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;
using Matchpoint.Transport;

namespace Matchpoint.Node;

/// <summary>Answers the other members: polls of elections, and how far a linearizable read must be.</summary>
internal sealed class GroupService(NodeCore core)
{
    /// <summary>Serves one question.</summary>
    public async Task ServeAsync(Channel channel, CancellationToken cancellation)
    {
        var frame = await channel.ReceiveAsync(Limits.MessageTimeout, cancellation).ConfigureAwait(false);
        var identity = core.Log.Directory.Identity;
        switch ((Opcode)frame.Span[0])
        {
            case Opcode.Poll:
                await core.Elections.ServePollAsync(channel, Poll.Decode(frame.Span), identity.Group, identity.Node, cancellation).ConfigureAwait(false);
                break;
            case Opcode.ReadIndexRequest:
                var request = ReadIndexRequest.Decode(frame.Span);
                var answer = request.Group != identity.Group
                    ? new ReadIndexAnswer(IsConfirmed: false, Vlsn.Null, $"this node belongs to group {identity.Group}")
                    : await ConfirmAsync(cancellation).ConfigureAwait(false);
                channel.Write(answer);
                await channel.FlushAsync(Limits.MessageTimeout, cancellation).ConfigureAwait(false);
                break;
            case var other:
                throw new ProtocolException("group", "opcode", $"{(byte)Opcode.Poll} or {(byte)Opcode.ReadIndexRequest}", $"{(byte)other}");
        }
    }

    /// <summary>How far a linearizable read must be, if this node is certainly the primary.</summary>
    private async ValueTask<ReadIndexAnswer> ConfirmAsync(CancellationToken cancellation)
    {
        if (!await core.IsPrimaryAsync(core.Options.ElectionTimeout, cancellation).ConfigureAwait(false))
            return new ReadIndexAnswer(IsConfirmed: false, Vlsn.Null, core.WhyNotPrimary());
        var durable = core.Progress.Durable;
        return core.HoldsLease()
            ? new ReadIndexAnswer(IsConfirmed: true, durable, "")
            : new ReadIndexAnswer(IsConfirmed: false, Vlsn.Null, $"node '{core.Members.Self}' has not heard a majority for {core.Lease.TotalMilliseconds:0} ms");
    }
}
