namespace Matchpoint.Cli.Terminal;

/// <summary>What this process writes into a lock, so that whoever is turned away knows whom to ask.</summary>
internal static class Holder
{
    /// <summary>Process, command and machine.</summary>
    public static string Describe(string command) =>
        $"process {Environment.ProcessId} (matchpoint {command}) on {Environment.MachineName}, since {TimeProvider.System.GetUtcNow():yyyy-MM-dd HH:mm:ss} UTC";
}
