namespace Matchpoint.Samples.Tests;

/// <summary>The checkout that these tests were built from.</summary>
internal static class Checkout
{
    /// <summary>Its root.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>A sample's assembly, of the same build as these tests: their output ends with the same directories.</summary>
    public static string Built(string sample)
    {
        var output = Path.GetRelativePath(Path.Combine(Root, "tests", "Matchpoint.Samples.Tests"), AppContext.BaseDirectory);
        return Path.Combine(Root, "samples", sample, output, $"{sample}.dll");
    }

    private static string FindRoot()
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, "Matchpoint.slnx"))) return directory.FullName;
        }

        throw new InvalidOperationException($"No Matchpoint.slnx at or above {AppContext.BaseDirectory}.");
    }
}
