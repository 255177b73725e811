namespace Matchpoint.Simulation.Tests;

/// <summary>The checkout that these tests were built from.</summary>
internal static class Repository
{
    /// <summary>Its root.</summary>
    public static string Root { get; } = Planted.Workshop.FindRoot(AppContext.BaseDirectory);
}
