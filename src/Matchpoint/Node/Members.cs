using System.Collections.Immutable;
using Matchpoint.Transport;

namespace Matchpoint.Node;

/// <summary>The members of the group as this node's options name them; without any, the node is alone.</summary>
internal sealed class Members
{
    private readonly Dictionary<string, Endpoint> _addresses = new(StringComparer.Ordinal);

    /// <summary>The members that valid options name.</summary>
    public Members(MatchpointOptions options)
    {
        Self = options.Name;
        foreach (var member in options.Members) _addresses.Add(member.Name, Endpoint.Parse(member.Address));
        Voters = options.Members.Count == 0 ? [Self] : [.. options.Members.Select(member => member.Name)];
    }

    /// <summary>This node's name.</summary>
    public string Self { get; }

    /// <summary>The names of the voters.</summary>
    public ImmutableArray<string> Voters { get; }

    /// <summary>The other members.</summary>
    public IEnumerable<string> Others => Voters.Where(name => name != Self);

    /// <summary>Whether there is a member of that name.</summary>
    public bool Contains(string name) => Voters.Contains(name);

    /// <summary>Where a member listens.</summary>
    public Endpoint AddressOf(string name) => _addresses[name];
}
