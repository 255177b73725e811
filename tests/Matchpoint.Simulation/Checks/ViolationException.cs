namespace Matchpoint.Simulation.Checks;

/// <summary>Something happened that must never happen.</summary>
internal sealed class ViolationException(string invariant, string what) : Exception($"{invariant}: {what}")
{
    /// <summary>Which promise was broken.</summary>
    public string Invariant => invariant;
}
