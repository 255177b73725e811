namespace Matchpoint;

/// <summary>Whose copy of a commit its client waits for before it is told success.</summary>
public enum AckPolicy : byte
{
    /// <summary>Nobody's: the client is told as soon as the primary has it, whatever happens to it later.</summary>
    None = 0,

    /// <summary>More than half of the voters, the primary included: no loss of a minority can undo it.</summary>
    Majority = 1,

    /// <summary>Every voter.</summary>
    All = 2,
}
