namespace Matchpoint.Protocol.Elections;

/// <summary>What a node is in its group.</summary>
internal enum ElectionRole
{
    /// <summary>It follows a primary, or looks for one.</summary>
    Replica,

    /// <summary>It asks whether it would be elected: so that a node which merely heard nothing disturbs nobody.</summary>
    PreCandidate,

    /// <summary>It asks for votes.</summary>
    Candidate,

    /// <summary>It takes writes.</summary>
    Primary,

    /// <summary>Its disk failed: it takes no more part.</summary>
    Retired,
}
