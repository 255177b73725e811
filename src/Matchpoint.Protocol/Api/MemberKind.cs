namespace Matchpoint;

/// <summary>What a member is to its group.</summary>
public enum MemberKind : byte
{
    /// <summary>It holds the data, votes, counts in majorities, and may become the primary.</summary>
    Voter = 0,

    /// <summary>It holds the data, and neither votes nor counts nor becomes the primary: a copy to read from, or to keep elsewhere.</summary>
    Secondary = 1,

    /// <summary>
    /// It votes and counts, and holds the log without the data: what it acknowledges is safe on its disk, and can be fetched from there. It takes no writes and serves no
    /// reads. It leads, if nobody else has all that was acknowledged, only until a voter with the data has caught up.
    /// </summary>
    Arbiter = 2,
}
