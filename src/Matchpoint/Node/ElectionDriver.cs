using System.Threading.Channels;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Elections;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Log;
using Matchpoint.Transport;

namespace Matchpoint.Node;

/// <summary>What an election wants of its node.</summary>
internal interface IElectionHost
{
    /// <summary>This node is the primary of a term.</summary>
    Task BecomePrimaryAsync(Term term);

    /// <summary>This node is not the primary any more.</summary>
    Task StepDownAsync(string reason);

    /// <summary>Nobody is followed any more: nothing is appended or acknowledged when this returns.</summary>
    Task StopFollowingAsync();

    /// <summary>Another node is the primary.</summary>
    Task FollowAsync(string primary, Term term);

    /// <summary>The election has taken a step.</summary>
    void OnElectionStep(ElectionRole role, Standing standing, IReadOnlyList<string> awaited);

    /// <summary>Something is to be known; null takes it back.</summary>
    void Warn(string source, string? sentence);

    /// <summary>Somebody who hears the primary holds this node for no member of its group.</summary>
    void OnStranger(string sentence);

    /// <summary>The election cannot go on.</summary>
    void Fail(Exception error);
}

/// <summary>Drives a node's <see cref="Election"/>: one task gives it what happens, in order, and performs what it wants.</summary>
internal sealed class ElectionDriver
{
    /// <summary>The service in which nodes ask each other.</summary>
    public const string Service = "REP_GROUP";

    private const int MostWaiting = 1024;

    private readonly Channel<Pending> _inputs = System.Threading.Channels.Channel.CreateBounded<Pending>(
        new BoundedChannelOptions(MostWaiting) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait });
    private readonly Election _election;
    private readonly BallotFile _ballot;
    private readonly RecordLog _log;
    private readonly Members _members;
    private readonly Feeders _feeders;
    private readonly Progress _progress;
    private readonly NodeClock _clock;
    private readonly TimeSpan _timeout;
    private readonly TimeSpan _lease;
    private readonly INetwork _network;
    private readonly IElectionHost _host;
    private readonly Dictionary<long, TaskCompletionSource<PollAnswer>> _answers = [];
    private readonly HashSet<(string, PollKind)> _underway = [];
    private readonly List<ElectionEffect> _effects = [];
    private long _tickets;
    private volatile string? _primary;
    private volatile string? _retiredFor;
    private KnownRoster? _known; // Not what the election began with: its first step tells it all.
    private bool _isRetired;

    /// <summary>A driver that does nothing yet.</summary>
    public ElectionDriver(
        ElectionSettings settings, BallotFile ballot, RecordLog log, Members members, Feeders feeders, Progress progress, NodeClock clock, INetwork network,
        IElectionHost host)
    {
        _ballot = ballot;
        _log = log;
        _members = members;
        _feeders = feeders;
        _progress = progress;
        _clock = clock;
        _timeout = settings.Timeout;
        _lease = settings.Lease;
        _network = network;
        _host = host;
        var end = log.Appended;
        _election = new Election(settings, ballot.Ballot, end.Term, end.Vlsn, clock.Now);
        Term = _election.Term;
    }

    /// <summary>The highest term known.</summary>
    public Term Term { get; private set; }

    /// <summary>The primary known of; null when none is.</summary>
    public string? Primary => _primary;

    /// <summary>What this node has promised.</summary>
    public Ballot Ballot => _ballot.Ballot;

    /// <summary>Whether this node takes part.</summary>
    public Standing Standing => _ballot.Ballot.Standing;

    /// <summary>Something has happened. It is dropped when so much has that the election could not keep up: all of it happens again.</summary>
    /// <param name="input">What.</param>
    /// <param name="noted">Called, on the election's task, when a primary counts as heard.</param>
    public void Post(ElectionInput input, Action? noted = null) => _inputs.Writer.TryWrite(new Pending(input, null, noted));

    /// <summary>The members are others now: they are looked at before the next step, and that is soon.</summary>
    public void OnRoster() => Post(new ElectionInput.TimePassed(default));

    /// <summary>This node takes no more part. That is never dropped.</summary>
    public void Retire(string reason)
    {
        _retiredFor = reason;
        Post(new ElectionInput.TimePassed(default));
    }

    /// <summary>Answers a peer's poll.</summary>
    public async Task<PollAnswer> AnswerAsync(Poll poll, CancellationToken cancellation)
    {
        var answer = new TaskCompletionSource<PollAnswer>(TaskCreationOptions.RunContinuationsAsynchronously);
        if (!_inputs.Writer.TryWrite(new Pending(new ElectionInput.PollReceived(poll, 0), answer, null))) return Refuse("too much happens at once here: ask again");
        return await answer.Task.WaitAsync(_timeout * 2, _clock.Time, cancellation).ConfigureAwait(false);
    }

    /// <summary>Runs the election until it is cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        using var timer = _clock.Time.CreateTimer(
            static state => ((ElectionDriver)state!).Post(new ElectionInput.TimePassed(default)), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        try
        {
            await StepAsync(new ElectionInput.TimePassed(_progress.QuorumHeardAt), cancellation).ConfigureAwait(false);
            while (true)
            {
                var wait = _election.Deadline - _clock.Now;
                timer.Change(wait > TimeSpan.FromMilliseconds(1) ? wait : TimeSpan.FromMilliseconds(1), Timeout.InfiniteTimeSpan);
                var (input, answer, noted) = await _inputs.Reader.ReadAsync(cancellation).ConfigureAwait(false);
                if (_retiredFor is { } reason && !_isRetired)
                {
                    _isRetired = true;
                    await StepAsync(new ElectionInput.Retired(reason), cancellation).ConfigureAwait(false);
                }

                if (input is ElectionInput.TimePassed) input = new ElectionInput.TimePassed(_progress.QuorumHeardAt);
                if (input is ElectionInput.PollReceived received && answer is not null)
                {
                    _answers.Add(++_tickets, answer);
                    input = received with { Ticket = _tickets, HoldsLease = _progress.HoldsLease(_clock.Now, _lease) };
                }

                await StepAsync(input, cancellation).ConfigureAwait(false);
                if (input is ElectionInput.PrimaryHeard heard && heard.Term == _election.Term && heard.Primary == _election.Primary) noted?.Invoke();
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // The node stops.
        }
        catch (Exception error)
        {
            _host.Fail(error);
        }
    }

    /// <summary>Serves a peer that asks.</summary>
    public async Task ServePollAsync(Transport.Channel channel, Poll poll, GroupId group, NodeId self, CancellationToken cancellation)
    {
        var refusal = Admission.WhyNot(channel, poll.Name);
        if (refusal is null) _members.HearOf(poll.Name, poll.Address);
        var answer = refusal is not null ? Refuse(refusal)
            : poll.Group != group ? Refuse($"'{poll.Name}' belongs to group {poll.Group}, this node to group {group}")
            : poll.Name == _members.Self || poll.Node == self ? Refuse($"'{poll.Name}' ({poll.Node}) has the name or the id of the node it asks: give each node a name and a directory of its own")
            : _feeders.IsTaken(poll.Name, poll.Node) ? Refuse($"a node with the name or the id of '{poll.Name}' ({poll.Node}) is connected: give each node a name and a directory of its own")
            : await AnswerAsync(poll, cancellation).ConfigureAwait(false);
        if (answer.Primary.Length > 0 && _members.TryAddressOf(answer.Primary) is { } address) answer = answer with { PrimaryAddress = address.ToString() };
        channel.Write(answer);
        await channel.FlushAsync(_timeout, cancellation).ConfigureAwait(false);
    }

    private static PollAnswer Refuse(string reason) => new("", Term.None, Granted: false, Standing.Full, "", Term.None, reason);

    private async Task StepAsync(ElectionInput input, CancellationToken cancellation)
    {
        var end = _log.Appended;
        var weighed = end;
        _election.LogMoved(end.Term, end.Vlsn);
        _effects.Clear();
        // Behind the log's end: the members are no older than that.
        if (_members.Known is var known && !ReferenceEquals(known, _known))
        {
            _known = known;
            _election.Step(new ElectionInput.RosterChanged(known.Roster, known.VotedUpTo), _clock.Now, _effects);
        }

        _election.Step(input, _clock.Now, _effects);
        foreach (var effect in _effects)
        {
            switch (effect)
            {
                case ElectionEffect.SaveBallot save:
                    _ballot.Save(save.Ballot);
                    break;
                case ElectionEffect.SendPoll send:
                    Send(send, end.Term, end.Vlsn, cancellation);
                    break;
                case ElectionEffect.Answer answer:
                    // Weighed against a log that has got, and acknowledged, more since: it could elect away what that was.
                    var isTakenBack = input is ElectionInput.PollReceived { Poll.Kind: PollKind.Vote or PollKind.HandedVote } && answer.Message.Granted && end != weighed;
                    if (_answers.Remove(answer.Ticket, out var waiting))
                        waiting.TrySetResult(isTakenBack ? answer.Message with { Granted = false, Reason = "the log here has moved while the vote was weighed" } : answer.Message);
                    break;
                case ElectionEffect.StopFollowing:
                    await _host.StopFollowingAsync().ConfigureAwait(false);
                    end = _log.Appended;
                    break;
                case ElectionEffect.BecomePrimary become:
                    (Term, _primary) = (_election.Term, _election.Primary);
                    await _host.BecomePrimaryAsync(become.Term).ConfigureAwait(false);
                    break;
                case ElectionEffect.FollowedBy by:
                    _progress.OnVoter(_election.Term, by.Voter, Vlsn.Null, Vlsn.Null, by.SentAt);
                    break;
                case ElectionEffect.StepDown down:
                    await _host.StepDownAsync(down.Reason).ConfigureAwait(false);
                    break;
                case ElectionEffect.Follow follow:
                    (Term, _primary) = (_election.Term, _election.Primary);
                    await _host.FollowAsync(follow.Primary, follow.Term).ConfigureAwait(false);
                    break;
                default:
                    throw Invariant.Unreachable(effect);
            }
        }

        (Term, _primary) = (_election.Term, _election.Primary);
        _host.OnElectionStep(_election.Role, _election.Standing, [.. _election.Awaited]);
    }

    private void Send(ElectionEffect.SendPoll send, Term lastTerm, Vlsn last, CancellationToken cancellation)
    {
        // Whoever is fed hears the primary on the stream.
        if (send.Kind == PollKind.Announce && _feeders.IsFed(send.To)) return;
        lock (_underway)
        {
            if (!_underway.Add((send.To, send.Kind))) return;
        }

        var identity = _log.Directory.Identity;
        var own = _members.TryAddressOf(_members.Self)?.ToString() ?? "";
        // What the log says of the members needs nobody's options to agree.
        var told = ReferenceEquals(_known?.Roster, _members.Initial) ? _members.Initial.Hash : 0;
        var poll = new Poll(identity.Group, identity.Node, _members.Self, send.Kind, send.IsBootstrap, send.Term, lastTerm, last, own, told);
        _ = AskAsync(send.To, poll, _clock.Now, cancellation);
    }

    /// <summary>Asks one voter. It owns its failures: a voter that cannot be asked has not answered, and is asked again.</summary>
    private async Task AskAsync(string voter, Poll poll, TimeSpan sentAt, CancellationToken cancellation)
    {
        try
        {
            var channel = await _network.ConnectAsync(_members.AddressOf(voter), _timeout, _clock.Time, cancellation, voter).ConfigureAwait(false);
            await using (channel.ConfigureAwait(false))
            {
                channel.OpenService(Service);
                channel.Write(poll);
                await channel.FlushAsync(_timeout, cancellation).ConfigureAwait(false);
                var frame = await channel.ReceiveAsync(_timeout, cancellation).ConfigureAwait(false);
                var answer = PollAnswer.Decode(frame.Span);
                // Whoever is turned away at the door hears of no name: only members tell theirs.
                var isTurnedAway = answer.Name.Length == 0;
                _host.Warn($"refused by {voter}", isTurnedAway ? $"{voter} refuses this node: {answer.Reason}" : null);
                if (isTurnedAway)
                {
                    LastRefusal = $"{voter}: {answer.Reason}";
                    return;
                }

                if (answer.IsStranger && answer.Primary != _members.Self)
                {
                    var knows = answer.Primary.Length > 0 ? $"follows the primary {answer.Primary}" : "has a longer log";
                    _host.OnStranger($"'{_members.Self}' is no member of the group: {voter} says so, and {knows}");
                }

                _members.HearOf(answer.Primary, answer.PrimaryAddress);
                LastRefusal = answer.Granted || answer.Reason.Length == 0 || poll.Kind == PollKind.Look ? LastRefusal : $"{voter}: {answer.Reason}";
                Post(new ElectionInput.PollAnswered(poll.Kind, poll.Term, answer, sentAt));
                await channel.CloseAsync(GoodbyeCode.Done, "").ConfigureAwait(false);
            }
        }
        catch (Exception error) when (error is ChannelException or ConnectException or ProtocolException or OperationCanceledException)
        {
            // Unreachable voters are shown by the status: they are not fed.
            if (Admission.RefusalIn(error) is { } refusal) _host.Warn($"refused by {voter}", $"{voter}: {LastRefusal = refusal}");
        }
        catch (Exception error)
        {
            _host.Fail(error);
        }
        finally
        {
            lock (_underway) _underway.Remove((voter, poll.Kind));
        }
    }

    /// <summary>What a voter said last when it refused; null when none did.</summary>
    public string? LastRefusal { get; private set; }

    private readonly record struct Pending(ElectionInput Input, TaskCompletionSource<PollAnswer>? Answer, Action? Noted);
}
