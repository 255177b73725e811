namespace Matchpoint.Simulation.Files;

/// <summary>The simulated process is dead: nothing it asks for happens any more. Not an <see cref="IOException"/>, so that
/// code which survives a failing disk does not survive its own death.</summary>
internal sealed class SimulatedCrashException(string message) : Exception(message);
