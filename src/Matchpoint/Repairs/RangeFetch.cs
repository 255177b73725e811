using Matchpoint.Node;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Messages;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Repairs;
using Matchpoint.Transport;

namespace Matchpoint.Repairs;

/// <summary>What came of asking the other members for a range of the log.</summary>
/// <param name="MendedFrom">Who gave it; null when nobody did.</param>
/// <param name="Aside">Where the damaged file is now.</param>
/// <param name="Answers">How many said that they do not have it: who is merely not there may.</param>
/// <param name="Reasons">Why nobody gave it, in words.</param>
/// <param name="MeetsOwn">Whether what lies behind it is this node's own: otherwise more may be missing than was fetched, and the node is fenced.</param>
/// <param name="BallotMended">What was done to a damaged ballot then, in words; null for nothing.</param>
internal readonly record struct RangeResult(string? MendedFrom, string? Aside, int Answers, string Reasons, bool MeetsOwn, string? BallotMended = null);

/// <summary>Fetches the records of a gap from one member after another, until one has given what is proved to belong there.</summary>
internal sealed class RangeFetch(DataDirectory directory, Members members, NodeClock clock, MatchpointOptions options, INetwork network)
{
    /// <summary>Asks every other member once.</summary>
    public async Task<RangeResult> RunAsync(LogGap gap, CancellationToken cancellation)
    {
        var reasons = new List<string>();
        var answers = 0;
        foreach (var donor in members.Others)
        {
            try
            {
                return await FromAsync(donor, gap, cancellation).ConfigureAwait(false) with { Answers = answers };
            }
            catch (Exception error) when (!cancellation.IsCancellationRequested && error is ChannelException or ConnectException or ProtocolException)
            {
                if (error is ProtocolException or ChannelClosedException { Goodbye.Code: not (GoodbyeCode.Busy or GoodbyeCode.ShuttingDown) }) answers++;
                reasons.Add($"{donor}: {error.Message}");
            }
        }

        return new RangeResult(null, null, answers, string.Join(" ", reasons), MeetsOwn: false);
    }

    private async Task<RangeResult> FromAsync(string donor, LogGap gap, CancellationToken cancellation)
    {
        var channel = await network.ConnectAsync(members.AddressOf(donor), options.ElectionTimeout * 2, clock.Time, cancellation, donor).ConfigureAwait(false);
        await using (channel.ConfigureAwait(false))
        {
            var identity = directory.Identity;
            channel.OpenService(RangeDonor.Service);
            channel.Write(new RangeRequest(RangeRequest.CurrentVersion, identity.Group, identity.Node, members.Self, gap.From, gap.To));
            await channel.FlushAsync(Limits.MessageTimeout, cancellation).ConfigureAwait(false);
            var offer = RangeOffer.Decode((await channel.ReceiveAsync(Limits.MessageTimeout, cancellation).ConfigureAwait(false)).Span);
            channel.MaxFrameBytes = Limits.FrameBytes;
            using var mend = SegmentMend.Begin(directory, gap, offer.Before, offer.Durable);
            while (!mend.IsJoined && mend.Position.End < offer.End)
            {
                var frame = await channel.ReceiveAsync(Limits.MessageTimeout, cancellation).ConfigureAwait(false);
                Take(mend, frame.Span);
            }

            await channel.CloseAsync(GoodbyeCode.Done, "").ConfigureAwait(false);
            var aside = mend.Finish();
            return new RangeResult(donor, aside, Answers: 0, "", mend.MeetsOwn, mend.BallotMended);
        }
    }

    private static void Take(SegmentMend mend, ReadOnlySpan<byte> frame)
    {
        var sent = LogBytes.Decode(frame);
        if (sent.Start != mend.Position.End) throw new ProtocolException(nameof(LogBytes), "lsn", $"{mend.Position.End}", $"{sent.Start}");
        mend.Take(sent.Records);
    }
}
