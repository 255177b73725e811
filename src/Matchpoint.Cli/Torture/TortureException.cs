namespace Matchpoint.Cli.Torture;

/// <summary>Something failed that must not, whatever was done to the group.</summary>
internal sealed class TortureException(string message) : Exception(message);
