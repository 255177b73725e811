namespace Matchpoint.Client;

/// <summary>A member as a client names it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Address">Where it listens.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Priority">Its priority.</param>
/// <param name="IsDesignated">Whether it may lead a group of two by itself.</param>
internal sealed record ClientMember(string Name, string Address, MemberKind Kind, int Priority, bool IsDesignated);

/// <summary>Changes the group for a client, on the primary.</summary>
internal sealed class MemberAnswers(MatchpointNode node)
{
    /// <summary>Takes a member in, removes one, changes one, or hands the primary over.</summary>
    public async Task<ClientAnswer> DoAsync(ClientRequest request, CancellationToken cancellation)
    {
        switch (request.Op)
        {
            case "members-add":
                return Changed(await node.AddMemberAsync(MemberOf(request), cancellation).ConfigureAwait(false));
            case "members-set":
                return Changed(await node.ChangeMemberAsync(MemberOf(request), cancellation).ConfigureAwait(false));
            case "members-remove":
                return Changed(await node.RemoveMemberAsync(request.Name ?? throw new FormatException("name: expected the member's name"), cancellation).ConfigureAwait(false));
            default:
                TimeSpan? timeout = request.TimeoutMilliseconds > 0 ? TimeSpan.FromMilliseconds(request.TimeoutMilliseconds) : null;
                return new ClientAnswer { Name = await node.TransferAsync(request.Name, timeout, cancellation).ConfigureAwait(false) };
        }
    }

    private static GroupMember MemberOf(ClientRequest request) => request.Member is { } member
        ? new GroupMember(member.Name, member.Address, member.Kind, member.Priority, member.IsDesignated)
        : throw new FormatException("member: expected a member");

    private static ClientAnswer Changed(CommitToken token) => new() { Token = token.ToString() };
}
