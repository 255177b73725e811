using System.IO.Compression;
using System.Xml.Linq;
using Matchpoint.Samples.Tests;

[assembly: AssemblyFixture(typeof(Matchpoint.Packages.Tests.Feed))]

namespace Matchpoint.Packages.Tests;

/// <summary>Every package, made once, in a directory that serves as a source of packages.</summary>
public sealed class Feed : IAsyncLifetime
{
    /// <summary>What is packed.</summary>
    public static readonly string[] Projects = ["Matchpoint", "Matchpoint.Hosting", "Matchpoint.OpenTelemetry", "Matchpoint.Caching", "Matchpoint.Orleans", "Matchpoint.Server", "Matchpoint.Cli"];

    /// <summary>A directory for everything.</summary>
    public string Work { get; } = Directory.CreateTempSubdirectory("matchpoint-packages-").FullName;

    /// <summary>Where the packages are.</summary>
    public string Packages => Path.Combine(Work, "feed");

    /// <summary>No release has this version: nothing is mistaken for one, and the machine's cache is never asked for it.</summary>
    public string Version { get; } = $"0.0.0-test.{Guid.NewGuid():N}";

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        var configuration = AppContext.BaseDirectory.Split(Path.DirectorySeparatorChar).Contains("Release") ? "Release" : "Debug";
        // All in one build: each by itself would load everything again.
        var projects = string.Join(';', Projects.Select(project => Path.Combine(Checkout.Root, "src", project, $"{project}.csproj")));
        var all = Path.Combine(Work, "pack.proj");
        File.WriteAllText(all, $"""
            <Project>
              <Target Name="Pack">
                <MSBuild Projects="{projects}" Targets="Pack" BuildInParallel="true" Properties="NoBuild=true;Configuration={configuration};PackageVersion={Version};PackageOutputPath={Packages}" />
              </Target>
            </Project>
            """);
        await Dotnet.RunAsync(Checkout.Root, "msbuild", all, "-t:Pack", "-nodeReuse:false", "-v:minimal");
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        Directory.Delete(Work, recursive: true);
        return ValueTask.CompletedTask;
    }

    /// <summary>The files of a package.</summary>
    public IReadOnlyList<string> Files(string project, string extension = "nupkg")
    {
        using var package = ZipFile.OpenRead(Path.Combine(Packages, $"{project}.{Version}.{extension}"));
        return [.. package.Entries.Select(entry => entry.FullName)];
    }

    /// <summary>What a package says of itself.</summary>
    public XElement Metadata(string project)
    {
        using var package = ZipFile.OpenRead(Path.Combine(Packages, $"{project}.{Version}.nupkg"));
        using var stream = package.GetEntry($"{project}.nuspec")!.Open();
        return XDocument.Load(stream).Root!.Elements().Single();
    }
}
