using System.Collections.Concurrent;
using System.Collections.Immutable;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Membership;
using Matchpoint.Transport;

namespace Matchpoint.Node;

/// <summary>The members as one record says them.</summary>
/// <param name="Roster">They.</param>
/// <param name="VotedUpTo">Where that record took away this node's vote: the record before it, with its term. Null where it did not, or where only the state tells of it: then it is durable.</param>
internal sealed record KnownRoster(Roster Roster, (Term Term, Vlsn Last)? VotedUpTo = null);

/// <summary>
/// The members of the group: as the node's log says, and before it says anything as the options name them. May be asked from everywhere; each answer is that of one roster.
/// </summary>
internal sealed class Members
{
    private readonly Dictionary<string, Endpoint> _routes;
    private readonly ConcurrentDictionary<string, Endpoint> _heardOf = new(StringComparer.Ordinal);
    private volatile KnownRoster _known;

    /// <summary>The members that valid options name; without any, the node is alone.</summary>
    public Members(MatchpointOptions options)
    {
        Self = options.Name;
        _routes = options.Routes.ToDictionary(static route => route.Key, static route => Endpoint.Parse(route.Value), StringComparer.Ordinal);
        Initial = options.Members.Count == 0
            ? Roster.OfVoters(Self)
            : Roster.Of(options.Members.Select(static member => new Member(member.Name, member.Address, member.Kind, (byte)member.Priority, member.IsDesignated)));
        _known = new KnownRoster(Initial);
    }

    /// <summary>This node's name.</summary>
    public string Self { get; }

    /// <summary>The members that the options name.</summary>
    public Roster Initial { get; }

    /// <summary>The members as they are.</summary>
    public Roster Roster => _known.Roster;

    /// <summary>The members as they are, and what that means to this node.</summary>
    public KnownRoster Known => _known;

    /// <summary>The names of the voters.</summary>
    public ImmutableArray<string> Voters => Roster.Voters;

    /// <summary>The other members.</summary>
    public IEnumerable<string> Others => Roster.Members.Select(static member => member.Name).Where(name => name != Self);

    /// <summary>Whether this node is the only one that decides.</summary>
    public bool IsAlone => Roster.Voters is [var only] && only == Self;

    /// <summary>Called when the members have become others.</summary>
    public Action<Roster> Changed { get; set; } = static _ => { };

    /// <summary>Whether there is a member of that name.</summary>
    public bool Contains(string name) => Roster.Contains(name);

    /// <summary>Where a member listens, or somebody who said so; null when nobody knows.</summary>
    public Endpoint? TryAddressOf(string name) =>
        _routes.TryGetValue(name, out var route) ? route
            : Roster.Find(name) is { Address.Length: > 0 } member && Endpoint.TryParse(member.Address, out var known) ? known
            : _heardOf.TryGetValue(name, out var heard) ? heard
            // One that the log no longer names, this node among them, may still be asked, or listen.
            : Initial.Find(name) is { Address.Length: > 0 } former && Endpoint.TryParse(former.Address, out var before) ? before
            : null;

    /// <summary>Where a member listens.</summary>
    /// <exception cref="ConnectException">Nobody knows.</exception>
    public Endpoint AddressOf(string name) =>
        TryAddressOf(name) ?? throw new ConnectException($"'{name}': could not connect: nobody knows where it listens. Name its address in the options, or change it among the members.");

    /// <summary>Somebody said where a node listens that is no member as far as is known here: the log that says so is yet to come.</summary>
    public void HearOf(string name, string address)
    {
        if (name.Length == 0 || Roster.Contains(name) || _heardOf.Count >= Roster.Most * 4) return;
        if (Endpoint.TryParse(address, out var endpoint)) _heardOf[name] = endpoint;
    }

    /// <summary>The log says that these are the members.</summary>
    /// <param name="roster">They.</param>
    /// <param name="votedUpTo">Where the record that says so took away this node's vote: the record before it, with its term.</param>
    public void Become(Roster roster, (Term Term, Vlsn Last)? votedUpTo = null)
    {
        var known = new KnownRoster(roster, votedUpTo);
        if (known == _known) return;
        _known = known;
        Changed(roster);
    }
}
