using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Matchpoint.Planted;

/// <summary>What the simulation said of a bug.</summary>
/// <param name="Schedules">How many schedules it took to find it; all that were run when it was not.</param>
/// <param name="Found">What was broken; null for nothing.</param>
/// <param name="Seed">The schedule that broke it.</param>
internal sealed record Finding(int Schedules, string? Found, string? Seed);

/// <summary>A copy of the tree in which bugs are planted, one at a time, and looked for.</summary>
internal sealed partial class Workshop
{
    private static readonly string[] Needed =
    [
        "Directory.Build.props", "Directory.Build.targets", "Directory.Packages.props", "global.json", ".editorconfig", "README.md", "LICENSE", "eng", "src",
        "tests/Directory.Build.props", "tests/Directory.Build.targets",
        "tests/Matchpoint.Simulation",
    ];

    private readonly string _root;
    private readonly string _copy;

    private Workshop(string root, string copy) => (_root, _copy) = (root, copy);

    private string Output => Path.Combine(_copy, "out");

    /// <summary>The root of the repository around a directory.</summary>
    public static string FindRoot(string directory)
    {
        for (var at = new DirectoryInfo(directory); at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, "Matchpoint.slnx"))) return at.FullName;
        }

        throw new DirectoryNotFoundException($"{directory} lies in no checkout of Matchpoint: no directory above it holds Matchpoint.slnx. Run the command in one.");
    }

    /// <summary>Copies what the simulation is built from.</summary>
    public static Workshop SetUp(string root)
    {
        var copy = Directory.CreateTempSubdirectory("matchpoint-planted-").FullName;
        foreach (var entry in Needed)
        {
            var from = Path.Combine(root, entry);
            if (File.Exists(from)) CopyFile(from, Path.Combine(copy, entry));
            else if (Directory.Exists(from)) CopyDirectory(from, Path.Combine(copy, entry));
        }

        return new Workshop(root, copy);
    }

    /// <summary>Plants a bug, runs schedules until one finds it, and takes it out again.</summary>
    /// <param name="bug">The bug; null for none.</param>
    /// <param name="first">The first schedule.</param>
    /// <param name="most">How many schedules it may take.</param>
    public Finding Look(PlantedBug? bug, int first, int most)
    {
        var path = bug is null ? null : Path.Combine(_copy, bug.File);
        try
        {
            if (path is not null) File.WriteAllText(path, Plant(bug!, File.ReadAllText(path)));
            Build();
            var arguments = string.Create(CultureInfo.InvariantCulture, $"run --from {first} --count {most} --first");
            var (exitCode, output) = Run("dotnet", $"\"{Path.Combine(Output, "Matchpoint.Simulation.dll")}\" {arguments}");
            var schedules = Schedules().Match(output);
            if (!schedules.Success) throw new InvalidOperationException($"the simulation ended with {exitCode} and did not say what it did:\n{output}");
            var count = int.Parse(schedules.Groups["count"].Value, CultureInfo.InvariantCulture);
            if (exitCode == 0) return new Finding(count, null, null);
            var found = Violation().Match(output);
            return new Finding(count, found.Groups["what"].Value.Trim(), found.Groups["seed"].Value);
        }
        finally
        {
            // Written, not copied: with its old time the build would take it for built.
            if (path is not null) File.WriteAllText(path, File.ReadAllText(Path.Combine(_root, bug!.File)));
        }
    }

    /// <summary>The file with the bug in it.</summary>
    public static string Plant(PlantedBug bug, string text)
    {
        var at = text.IndexOf(bug.Right, StringComparison.Ordinal);
        if (at < 0 || text.IndexOf(bug.Right, at + 1, StringComparison.Ordinal) >= 0)
            throw new InvalidOperationException($"{bug.Name}: {bug.File} must hold this once, and holds it {(at < 0 ? "nowhere" : "more often")}:\n{bug.Right}");
        return text.Replace(bug.Right, bug.Wrong, StringComparison.Ordinal);
    }

    /// <summary>Removes the copy.</summary>
    public void TearDown() => Directory.Delete(_copy, recursive: true);

    [GeneratedRegex(@": (?<count>\d+) schedules of", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Schedules();

    [GeneratedRegex(@"^seed (?<seed>\d+):.*\n  (?<what>.*)", RegexOptions.Multiline | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Violation();

    private void Build()
    {
        // Analyzers judge what people write; a bug that is planted may leave something unused behind.
        var project = Path.Combine(_copy, "tests", "Matchpoint.Simulation");
        var (exitCode, output) = Run(
            "dotnet", $"build \"{project}\" -c Release -o \"{Output}\" --nologo -v quiet -p:RunAnalyzers=false -p:TreatWarningsAsErrors=false -p:MSBuildTreatWarningsAsErrors=false");
        if (exitCode != 0) throw new InvalidOperationException($"the tree does not build with the bug in it:\n{output}");
    }

    private (int ExitCode, string Output) Run(string file, string arguments)
    {
        var start = new ProcessStartInfo(file, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
            WorkingDirectory = _copy,
        };
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output + errors.GetAwaiter().GetResult());
    }

    private static void CopyDirectory(string from, string to)
    {
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            var relative = Path.GetRelativePath(from, file);
            if (!relative.Split(Path.DirectorySeparatorChar).Any(static part => part is "bin" or "obj")) CopyFile(file, Path.Combine(to, relative));
        }
    }

    private static void CopyFile(string from, string to)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(to)!);
        File.Copy(from, to);
    }
}
