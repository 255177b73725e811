using System.Collections.Immutable;
using Matchpoint.Protocol.Elections;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Membership;
using Matchpoint.Protocol.Messages;

namespace Matchpoint.Protocol.Tests.Elections;

/// <summary>One <see cref="Election"/> in a test: node a of the voters a, b, c ..., a time-out of 1000 ms, a heartbeat of 100 ms. What it wants done comes back in words.</summary>
internal sealed class Machine
{
    public const int Timeout = 1000;
    public const int Patience = Timeout + (Timeout / 2);

    private readonly string _self;
    private readonly Election _election;
    private TimeSpan _now = TimeSpan.FromHours(1);
    private TimeSpan _quorumHeardAt;

    /// <summary>A node as it starts.</summary>
    /// <param name="voters">How many voters there are.</param>
    /// <param name="ballot">What it promised before; by default it takes part and is in the term of its log.</param>
    /// <param name="lastTerm">The term of its last record.</param>
    /// <param name="last">Its last record; 0 for an empty log.</param>
    /// <param name="self">Its name; z is no voter.</param>
    /// <param name="roster">The members, where they are not all plain voters.</param>
    public Machine(int voters = 3, Ballot? ballot = null, int lastTerm = 1, int last = 5, string self = "a", Roster? roster = null)
    {
        ballot ??= new Ballot(Of(lastTerm), null, Standing.Full, Term.None);
        var names = Enumerable.Range(0, voters).Select(i => $"{(char)('a' + i)}").ToImmutableArray();
        var settings = new ElectionSettings(self, roster ?? Roster.OfVoters(names), TimeSpan.FromMilliseconds(Timeout), TimeSpan.FromMilliseconds(100), Seed: 1);
        _self = self;
        Saved = ballot;
        _election = new Election(settings, ballot, Of(last == 0 ? 0 : lastTerm), At(last), _now);
    }

    public Election Election => _election;

    public TimeSpan Now => _now;

    /// <summary>The ballot on its device.</summary>
    public Ballot Saved { get; private set; }

    public ElectionRole Role => _election.Role;

    public string? Primary => _election.Primary;

    /// <summary>A node that has just been elected in term 2 of three or five voters.</summary>
    public static Machine Elected(int voters = 3)
    {
        var machine = new Machine(voters);
        machine.Pass(Patience);
        for (var i = 1; i <= voters / 2; i++) machine.Answer(PollKind.PreVote, 2, Name(i), granted: true);
        for (var i = 1; i <= voters / 2; i++) machine.Answer(PollKind.Vote, 2, Name(i), granted: true, term: 2);
        Assert.Equal(ElectionRole.Primary, machine.Role);
        machine._quorumHeardAt = machine._now;
        return machine;
    }

    /// <summary>Lets the time pass, without a word to the machine.</summary>
    public Machine Later(int milliseconds)
    {
        _now += TimeSpan.FromMilliseconds(milliseconds);
        return this;
    }

    /// <summary>Lets the time pass, and tells it at the end.</summary>
    public string[] Pass(int milliseconds) => Later(milliseconds).Step(new ElectionInput.TimePassed(_quorumHeardAt));

    /// <summary>A majority answers what the primary sends now.</summary>
    public void HearQuorum() => _quorumHeardAt = _now;

    /// <summary>The log says that the members are others.</summary>
    public string[] Become(Roster roster, (Term Term, Vlsn Last)? votedUpTo = null) => Step(new ElectionInput.RosterChanged(roster, votedUpTo));

    public string[] Heard(string primary, int term) => Step(new ElectionInput.PrimaryHeard(Of(term), primary));

    public string[] Poll(PollKind kind, string from, int term, int lastTerm = 1, int last = 5, bool isBootstrap = false, bool holdsLease = false) =>
        Step(new ElectionInput.PollReceived(new Poll(default, default, from, kind, isBootstrap, Of(term), Of(last == 0 ? 0 : lastTerm), At(last)), 7, holdsLease));

    /// <summary>Whether a poll was granted.</summary>
    public bool Grants(PollKind kind, string from, int term, int lastTerm = 1, int last = 5, bool isBootstrap = false) =>
        Poll(kind, from, term, lastTerm, last, isBootstrap)[^1].StartsWith($"answer {_self} yes", StringComparison.Ordinal);

    /// <summary>An answer to what it was asked comes in.</summary>
    public string[] Answer(
        PollKind kind, int asked, string from, bool granted = false, int term = 1, Standing standing = Standing.Full, string primary = "") =>
        Step(new ElectionInput.PollAnswered(
            kind, Of(asked), new PollAnswer(from, Of(term), granted, standing, primary, primary.Length == 0 ? Term.None : Of(term), granted ? "" : "no"), _now));

    public string[] Step(ElectionInput input)
    {
        var effects = new List<ElectionEffect>();
        _election.Step(input, _now, effects);
        foreach (var save in effects.OfType<ElectionEffect.SaveBallot>()) Saved = save.Ballot;
        return [.. effects.Select(InWords.Of)];
    }

    public static Term Of(int term) => new((ulong)term);

    public static Vlsn At(int number) => number == 0 ? Vlsn.Null : Vlsn.Of(number);

    private static string Name(int voter) => $"{(char)('a' + voter)}";
}
