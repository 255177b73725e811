using Matchpoint.Samples.Tests;

namespace Matchpoint.Packages.Tests;

/// <summary>The packages, as a user gets them.</summary>
public class PackageTests(Feed feed)
{
    [Fact]
    public void Every_package_has_a_licence_an_icon_a_page_and_symbols()
    {
        foreach (var project in Feed.Projects)
        {
            var files = feed.Files(project);
            Assert.Contains("icon.png", files);
            Assert.Contains("README.md", files);
            Assert.Contains(feed.Files(project, "snupkg"), file => file.EndsWith($"/{project}.pdb", StringComparison.Ordinal));
            var metadata = feed.Metadata(project);
            string? Of(string name) => metadata.Elements().SingleOrDefault(element => element.Name.LocalName == name)?.Value;
            Assert.Equal("MIT", Of("license"));
            Assert.Equal("icon.png", Of("icon"));
            Assert.Equal("README.md", Of("readme"));
            Assert.False(string.IsNullOrWhiteSpace(Of("description")));
        }
    }

    [Fact]
    public void One_package_holds_the_node_with_its_rooms_their_comments_and_their_symbols()
    {
        string[] rooms = ["Matchpoint", "Matchpoint.Protocol", "Matchpoint.Storage", "Matchpoint.Transport"];
        Assert.Equal(
            rooms.SelectMany(room => new[] { $"lib/net10.0/{room}.dll", $"lib/net10.0/{room}.xml" }).Order(StringComparer.Ordinal),
            feed.Files("Matchpoint").Where(file => file.StartsWith("lib/", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
        Assert.Equal(
            rooms.Select(room => $"lib/net10.0/{room}.pdb").Order(StringComparer.Ordinal),
            feed.Files("Matchpoint", "snupkg").Where(file => file.StartsWith("lib/", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
        var dependencies = feed.Metadata("Matchpoint").Descendants().Where(element => element.Name.LocalName == "dependency").Select(element => element.Attribute("id")!.Value);
        Assert.Equal(["Microsoft.Extensions.Logging.Abstractions", "RocksDB", "System.IO.Hashing", "ZstdSharp.Port"], dependencies.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task An_application_adds_one_package_and_runs_the_first_example_of_the_README()
    {
        var readme = (await File.ReadAllTextAsync(Path.Combine(Checkout.Root, "README.md"), TestContext.Current.CancellationToken)).ReplaceLineEndings("\n");
        var example = readme.Split("```csharp\n")[1].Split("```")[0];
        Assert.Equal("hello", await RunAsync("application", "Microsoft.NET.Sdk", "Matchpoint", $"using Matchpoint;\n{example}"));
    }

    [Fact]
    public async Task A_web_application_adds_the_servers_package_and_answers_over_HTTP()
    {
        const string program = """
            using Matchpoint;

            await using var node = await MatchpointNode.OpenAsync("data");
            var builder = WebApplication.CreateBuilder();
            builder.WebHost.UseUrls("http://127.0.0.1:0");
            builder.Logging.ClearProviders();
            builder.Services.AddSingleton(node);
            builder.Services.AddMatchpointServer();
            await using var application = builder.Build();
            application.MapMatchpoint("/store");
            await application.StartAsync();
            using var client = new HttpClient { BaseAddress = new Uri($"{application.Urls.First()}/store/") };
            using var put = await client.PutAsync("api/databases/default/keys/greeting", new StringContent("hello"));
            put.EnsureSuccessStatusCode();
            var page = await client.GetStringAsync("");
            var metrics = await client.GetStringAsync("metrics");
            Console.WriteLine($"{await client.GetStringAsync("api/databases/default/keys/greeting")} {page.Contains("<title>Matchpoint")} {metrics.Contains("matchpoint_")}");
            """;
        Assert.Equal("hello True True", await RunAsync("web", "Microsoft.NET.Sdk.Web", "Matchpoint.Server", program));
    }

    [Fact]
    public async Task The_tool_is_installed_and_runs()
    {
        var tools = Path.Combine(feed.Work, "tools");
        await Dotnet.RunAsync(feed.Work, "tool", "install", "Matchpoint.Cli", "--tool-path", tools, "--version", feed.Version, "--source", feed.Packages);
        var matchpoint = Path.Combine(tools, OperatingSystem.IsWindows() ? "matchpoint.exe" : "matchpoint");
        Assert.Matches(@"^\d+\.\d+\.\d+", (await Dotnet.RunAsync(matchpoint, feed.Work, ["--version"])).Trim());
        Assert.Contains("demo", await Dotnet.RunAsync(matchpoint, feed.Work, ["demo", "--help"]), StringComparison.Ordinal);
        // One that opens a node: the library under its state must be there.
        Assert.Contains("read.get", await Dotnet.RunAsync(matchpoint, feed.Work, ["bench", "read", "--scale", "0.001", "--runs", "1"]), StringComparison.Ordinal);
    }

    /// <summary>Makes a project that has nothing but a package and a program, builds it, and runs it.</summary>
    /// <returns>What it printed.</returns>
    private async Task<string> RunAsync(string name, string sdk, string package, string program)
    {
        var directory = Directory.CreateDirectory(Path.Combine(feed.Work, name)).FullName;
        File.WriteAllText(Path.Combine(directory, "Program.cs"), program);
        File.WriteAllText(Path.Combine(directory, $"{name}.csproj"), $"""
            <Project Sdk="{sdk}">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <ImplicitUsings>enable</ImplicitUsings>
                <Nullable>enable</Nullable>
                <RestorePackagesPath>{Path.Combine(feed.Work, "packages")}</RestorePackagesPath>
                <RestoreFallbackFolders>{GlobalPackages}</RestoreFallbackFolders>
                <RestoreAdditionalProjectSources>{feed.Packages}</RestoreAdditionalProjectSources>
              </PropertyGroup>
              <ItemGroup>
                <PackageReference Include="{package}" Version="{feed.Version}" />
              </ItemGroup>
            </Project>
            """);
        await Dotnet.RunAsync(directory, "build", "-nodeReuse:false", "-o", "out");
        return (await Dotnet.RunAsync(directory, Path.Combine("out", $"{name}.dll"))).Trim();
    }

    private static string GlobalPackages =>
        Environment.GetEnvironmentVariable("NUGET_PACKAGES") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
}
