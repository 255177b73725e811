using System.Collections.Immutable;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;
using Matchpoint.Protocol.Syncup;
using Matchpoint.Storage.Log;
using Matchpoint.Syncup;
using Matchpoint.Transport;

namespace Matchpoint.Tests.Syncup;

/// <summary>One end of a channel in the hands of a test that may say anything.</summary>
internal sealed class RawPeer(Channel channel)
{
    /// <summary>Less than the half minute that a session gives a peer which says nothing: whoever closes sooner has noticed what was wrong.</summary>
    public static readonly TimeSpan AtOnce = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan Patience = Meeting.Patience;

    public Task<string> AcceptServiceAsync() => channel.AcceptServiceAsync(Patience, CancellationToken.None).AsTask();

    public async Task<byte[]> ReceiveAsync() => (await channel.ReceiveAsync(Patience, CancellationToken.None)).ToArray();

    public async Task SendAsync(byte[] frame)
    {
        try
        {
            await channel.SendAsync(frame, Patience, CancellationToken.None);
        }
        catch (ChannelClosedException)
        {
            // It has had enough already: what the test wants to see next.
        }
    }

    public Task SendAsync(IMessage message) => SendAsync(Bytes(message));

    /// <summary>A message of either version's dialogue.</summary>
    public static IMessage Read(byte[] frame) =>
        SyncupVersion.Decode((Opcode)frame[0] is Opcode.Probe or Opcode.ProbeAnswer ? SyncupVersion.Two : SyncupVersion.One, frame);

    public async Task SendOrThrowAsync(byte[] frame) => await channel.SendAsync(frame, Patience, CancellationToken.None);

    /// <summary>Goes without a word.</summary>
    public void Vanish() => channel.Abort();

    /// <summary>Reads away what still comes until the peer closes.</summary>
    public async Task AwaitCloseAsync()
    {
        try
        {
            while (true) await channel.ReceiveAsync(AtOnce, CancellationToken.None);
        }
        catch (ChannelClosedException)
        {
            return;
        }
    }

    public async Task AwaitRefusalAsync(string reason)
    {
        var closed = await Assert.ThrowsAsync<ChannelClosedException>(ReceiveAsync);
        Assert.Equal(GoodbyeCode.Refused, closed.Goodbye?.Code);
        Assert.Contains(reason, closed.Goodbye!.Value.Reason, StringComparison.Ordinal);
    }

    /// <summary>Plays an honest feeder until the replica asks for the stream.</summary>
    public async Task<Vlsn> AnswerUntilStreamAsync(TestNode feeder, byte version)
    {
        using var view = feeder.Log.View();
        var log = new LogAnswers(view);
        while (true)
        {
            switch (RawPeer.Read(await ReceiveAsync()))
            {
                case EntryRequest request when log.Range.Holds(request.Vlsn):
                    await SendAsync(new Entry(log.Entry(request.Vlsn)));
                    break;
                case EntryRequest:
                    await SendAsync(new AlternateMatchpoint(log.Entry(log.Range.LastSync)));
                    break;
                case Probe probe:
                    await SendAsync(new ProbeAnswer([.. probe.Vlsns.Select(vlsn => new ProbedEntry(vlsn, log.Entry(vlsn)))]));
                    break;
                case RestoreRequest:
                    await SendAsync(new RestoreResponse());
                    break;
                case StartStream start:
                    return start.Start;
                case var other:
                    throw new InvalidOperationException($"version {version}: {other}");
            }
        }
    }

    /// <summary>Plays an honest feeder as long as the replica asks; it is over when it closes.</summary>
    public async Task AnswerWhileAskedAsync(TestNode feeder)
    {
        try
        {
            await AnswerUntilStreamAsync(feeder, 0);
        }
        catch (ChannelClosedException)
        {
            return;
        }
    }

    /// <summary>A frame of all the feeder's records from a position on.</summary>
    public byte[] Records(TestNode feeder, Lsn from)
    {
        var all = feeder.Bytes()[(int)from.Value..];
        var frame = new byte[LogBytes.HeaderSize + all.Length];
        LogBytes.WriteHeader(frame, from);
        all.CopyTo(frame, LogBytes.HeaderSize);
        return frame;
    }

    /// <summary>What an honest feeder says first, to a replica whose log is a prefix of the own or of which nothing is known.</summary>
    public static FeederHello Hello(TestNode feeder, byte version, ImmutableArray<TermEnd> replica = default)
    {
        using var view = feeder.Log.View();
        var identity = feeder.Directory.Identity;
        var answer = version == 1 || replica.IsDefault ? SyncupAnswer.None : AnswerTo(replica, view);
        return new FeederHello(
            version, identity.Group, identity.Node, "raw", view.End.Term, view.End.Term, view.First, view.Last,
            Meeting.Self(TimeProvider.System).Clock, view.Durable, answer);
    }

    public static ReplicaHello HelloOfReplica(TestNode replica, byte version)
    {
        using var view = replica.Log.View();
        var identity = replica.Directory.Identity;
        return new ReplicaHello(
            version, version, identity.Group, identity.Node, "raw", view.End.Term, view.First, view.Last, Meeting.Self(TimeProvider.System).Clock,
            version == 1 ? [] : new LogAnswers(view).ListedTerms());
    }

    public static byte[] Bytes(IMessage message)
    {
        var bytes = new byte[message.EncodedLength];
        message.Encode(bytes);
        return bytes;
    }

    private static SyncupAnswer AnswerTo(ImmutableArray<TermEnd> replica, LogView view)
    {
        var own = view.TermEnds().Select(end => new TermEnd(end.Term, end.Last, default)).ToList();
        if (TermList.NewestCommon(replica, own) is not { } common) return SyncupAnswer.None;
        var log = new LogAnswers(view);
        var at = Vlsn.Min(common.Last, replica.First(end => end.Term == common.Term).Last);
        return new SyncupAnswer(log.Entry(at), at < view.Last ? log.Entry(at.Next) : null);
    }
}
