using Matchpoint.Protocol.Identities;

namespace Matchpoint.Protocol.Elections;

/// <summary>Whether a node may vote, stand, and have its acknowledgements counted.</summary>
internal enum Standing : byte
{
    /// <summary>It takes part.</summary>
    Full = 0,

    /// <summary>
    /// Its directory is new: either the whole group is, or this node lost its disk. Only when every voter is new may they elect; otherwise it takes part
    /// once it has caught up.
    /// </summary>
    New = 1,

    /// <summary>Its directory holds a log but no ballot: what it promised is forgotten. It takes part once it has caught up.</summary>
    BallotLost = 2,

    /// <summary>
    /// Records that it acknowledged may be gone: they were not flushed when its machine started anew, or its log was found damaged. It takes part once it has caught up.
    /// </summary>
    Rebooted = 3,
}

/// <summary>What a node has promised in elections. It is on the device before anybody hears of it.</summary>
/// <param name="Term">The highest term it knows of.</param>
/// <param name="VotedFor">Whom it gave its vote in that term; null for nobody.</param>
/// <param name="Standing">Whether it takes part.</param>
/// <param name="NoVoteUpTo">It votes in no term up to this one: it may have voted there and forgotten it.</param>
internal sealed record Ballot(Term Term, string? VotedFor, Standing Standing, Term NoVoteUpTo)
{
    /// <summary>The ballot of a new directory.</summary>
    public static Ballot New { get; } = new(Term.None, null, Standing.New, Term.None);
}
