namespace Matchpoint.Cli.Terminal;

/// <summary>What the tool's exit code tells a script.</summary>
internal static class ExitCode
{
    /// <summary>Done as asked.</summary>
    public const int Success = 0;

    /// <summary>It could not be done: the disk, the network or a peer failed. Trying again may help.</summary>
    public const int Failed = 1;

    /// <summary>The command line or its input is not understood.</summary>
    public const int Usage = 2;

    /// <summary>It was understood and refused: an operator must decide, or something else must happen first.</summary>
    public const int Refused = 3;

    /// <summary>Data on disk is damaged.</summary>
    public const int Damaged = 4;
}
