using Matchpoint.Storage;

namespace Matchpoint.Cli.Terminal;

/// <summary>A damaged place, for scripts.</summary>
internal sealed record DamageFacts(string? File, long? Position, string? What, string? Expected, string? Found, string Message)
{
    /// <summary>The facts of a find.</summary>
    public static DamageFacts Of(StorageException damage) => damage is DamageException at
        ? new DamageFacts(at.File, at.Position, at.What, at.Expected, at.Found, at.Message)
        : new DamageFacts(null, null, null, null, null, damage.Message);
}
