namespace Matchpoint.Planted;

/// <summary>A mistake that somebody could make in one place of the source.</summary>
/// <param name="Name">Its short name.</param>
/// <param name="What">What is wrong with it, as a finding would say.</param>
/// <param name="File">The file, from the root of the repository.</param>
/// <param name="Right">What stands there; once, and nowhere else in the file.</param>
/// <param name="Wrong">What stands there instead.</param>
internal sealed record PlantedBug(string Name, string What, string File, string Right, string Wrong);
