using Matchpoint.Node;
using Matchpoint.Server.Problems;

namespace Matchpoint.Server.Operations;

/// <summary>A member as a request names it.</summary>
internal sealed record MemberBody
{
    /// <summary>Its name. In a change the path names it.</summary>
    public string? Name { get; init; }

    /// <summary>Where it listens: HOST:PORT.</summary>
    public string? Address { get; init; }

    /// <summary>What it is to the group.</summary>
    public MemberKind Kind { get; init; } = MemberKind.Voter;

    /// <summary>0 to 9: of several that could be the primary the one with the highest becomes it.</summary>
    public int Priority { get; init; } = 1;

    /// <summary>Whether it leads a group of two by itself while the other is away.</summary>
    public bool IsDesignated { get; init; }

    /// <summary>The member.</summary>
    /// <param name="name">The name in the path; null where there is none.</param>
    /// <exception cref="RequestException">It cannot be one.</exception>
    public GroupMember ToMember(string? name)
    {
        if (name is not null && Name is not null && Name != name) throw RequestException.Bad("name", $"\"{name}\" as in the path, or none", Name);
        var named = name ?? Name ?? throw RequestException.Bad("name", "the member's name", null);
        var member = new GroupMember(named, Address ?? throw RequestException.Bad("address", "HOST:PORT", null), Kind, Priority, IsDesignated);
        return OptionsCheck.WhyNot(member) is not { } why
            ? member
            : throw new RequestException(400, "bad-request", why) { Where = "body", Action = "Correct the request; openapi.json describes it." };
    }
}

/// <summary>Whom the primary is to be handed over to.</summary>
internal sealed record TransferBody
{
    /// <summary>The voter; the one that is suited best where nobody is named.</summary>
    public string? To { get; init; }

    /// <summary>How long it may take, in milliseconds; it is given up cleanly after that.</summary>
    public int Timeout { get; init; } = 10_000;
}
