namespace Matchpoint.Cli.Bench;

/// <summary>How a bench runs.</summary>
/// <param name="Directory">A directory of its own on the disk to be measured.</param>
/// <param name="Runs">How often each figure is measured; the best counts.</param>
/// <param name="Scale">Share of the full size, above 0 to 1: smaller is faster and less telling.</param>
/// <param name="Time">Where time comes from.</param>
/// <param name="Progress">Hears what is being measured.</param>
internal sealed record BenchSetup(string Directory, int Runs, double Scale, TimeProvider Time, Action<string> Progress);
