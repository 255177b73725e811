using System.Xml.Linq;

namespace Matchpoint.House.Tests;

/// <summary>The checkout these tests look at, found from the test's own directory upwards.</summary>
internal static class Repository
{
    /// <summary>Its root.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>Every source project by its name.</summary>
    public static IReadOnlyDictionary<string, string> SourceProjects { get; } = Directory
        .EnumerateFiles(Path.Combine(Root, "src"), "*.csproj", SearchOption.AllDirectories)
        .ToDictionary(path => Path.GetFileNameWithoutExtension(path));

    /// <summary>The files of the repository that people write, relative to its root: what builds leave is not among them.</summary>
    public static IEnumerable<string> Files(params string[] extensions) => Directory
        .EnumerateFiles(Root, "*", SearchOption.AllDirectories)
        .Select(path => Path.GetRelativePath(Root, path))
        .Where(path => !path.Split(Path.DirectorySeparatorChar).Any(part => part is "bin" or "obj" or "artifacts" or ".git" or ".vs" or ".idea"))
        .Where(path => extensions.Length == 0 || extensions.Contains(Path.GetExtension(path)));

    /// <summary>What a project refers to directly: the names of other projects.</summary>
    public static IEnumerable<string> References(string project) => XDocument.Load(SourceProjects[project])
        .Descendants("ProjectReference")
        .Select(reference => Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value.Replace('\\', '/')));

    /// <summary>The packages that a project refers to directly.</summary>
    public static IEnumerable<string> Packages(string project) => XDocument.Load(SourceProjects[project])
        .Descendants("PackageReference")
        .Select(reference => reference.Attribute("Include")!.Value);

    /// <summary>The text of a file of the repository.</summary>
    public static string Read(string relative) => File.ReadAllText(Path.Combine(Root, relative));

    private static string FindRoot()
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, "Matchpoint.slnx"))) return directory.FullName;
        }

        throw new InvalidOperationException($"No Matchpoint.slnx at or above {AppContext.BaseDirectory}.");
    }
}
