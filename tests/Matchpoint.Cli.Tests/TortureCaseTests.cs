using System.Text.Json;
using Matchpoint.Cli.Torture;

namespace Matchpoint.Cli.Tests;

/// <summary>Whatever ends a torture, but that it was cancelled, is kept.</summary>
public sealed class TortureCaseTests : IDisposable
{
    private const int Seed = 4711;

    private readonly string _root = Directory.CreateTempSubdirectory("matchpoint-case-").FullName;
    private readonly string _directory;
    private readonly string _keep;

    public TortureCaseTests()
    {
        (_directory, _keep) = (Path.Combine(_root, "run"), Path.Combine(_root, "kept"));
        Directory.CreateDirectory(Path.Combine(_directory, "a", "data"));
        File.WriteAllText(Path.Combine(_directory, "a", "data", "log"), "records");
    }

    public static TheoryData<string> Kinds => [nameof(IOException), nameof(InvalidOperationException), nameof(JsonException), nameof(OperationCanceledException)];

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task What_nobody_has_thought_of_is_kept_with_the_directory_the_rounds_and_the_error(string kind)
    {
        var kept = new TortureCase(_directory, Seed, _keep);
        kept.Note("   1  Kill a");
        var (result, brokenBy) = await kept.RunAsync(() => throw Error(kind), TestContext.Current.CancellationToken);
        Assert.Null(result);
        Assert.Equal($"{kind}: what nobody has thought of", brokenBy);
        Assert.Equal(_keep, kept.Saved);
        Assert.Equal("records", await File.ReadAllTextAsync(Path.Combine(_keep, "a", "data", "log"), TestContext.Current.CancellationToken));
        var rounds = await File.ReadAllTextAsync(Path.Combine(_keep, "rounds.txt"), TestContext.Current.CancellationToken);
        Assert.Contains("Kill a", rounds, StringComparison.Ordinal);
        Assert.Contains(kind, rounds, StringComparison.Ordinal);
        Assert.Contains("--seed 4711", kept.Advice, StringComparison.Ordinal);
        Assert.Contains(_keep, kept.Advice, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_directory));
    }

    [Fact]
    public async Task Where_a_case_cannot_be_copied_the_directory_itself_stays()
    {
        await File.WriteAllTextAsync(_keep, "a file", TestContext.Current.CancellationToken);
        var kept = new TortureCase(_directory, Seed, _keep);
        var (_, brokenBy) = await kept.RunAsync(static () => throw new IOException("full"), TestContext.Current.CancellationToken);
        Assert.Equal("IOException: full", brokenBy);
        Assert.Equal(_directory, kept.Saved);
        Assert.True(File.Exists(Path.Combine(_directory, "a", "data", "log")));
        Assert.Contains("was not copied", await File.ReadAllTextAsync(Path.Combine(_directory, "rounds.txt"), TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_was_saved_while_everything_was_there_is_not_saved_again()
    {
        var kept = new TortureCase(_directory, Seed, _keep);
        await kept.RunAsync(
            () =>
            {
                kept.Save(["a  last words"]);
                throw new IOException("later");
            },
            TestContext.Current.CancellationToken);
        Assert.Equal(["a  last words"], await File.ReadAllLinesAsync(Path.Combine(_keep, "members.txt"), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task What_was_cancelled_is_no_case()
    {
        using var cancelling = new CancellationTokenSource();
        await cancelling.CancelAsync();
        var kept = new TortureCase(_directory, Seed, _keep);
        await Assert.ThrowsAsync<OperationCanceledException>(() => kept.RunAsync(() => throw new OperationCanceledException(cancelling.Token), cancelling.Token));
        Assert.Null(kept.Saved);
        Assert.False(Directory.Exists(_directory));
        Assert.False(Directory.Exists(_keep));
    }

    [Fact]
    public void Only_an_error_that_nobody_expects_comes_with_its_name()
    {
        Assert.Equal("round 3: the disk", TortureCase.Describe(3, new TortureException("the disk"), isExpected: true));
        Assert.Equal("round 3: JsonException: the answer", TortureCase.Describe(3, new JsonException("the answer"), isExpected: false));
    }

    private static Exception Error(string kind) => kind switch
    {
        nameof(IOException) => new IOException("what nobody has thought of"),
        nameof(InvalidOperationException) => new InvalidOperationException("what nobody has thought of"),
        nameof(JsonException) => new JsonException("what nobody has thought of"),
        _ => new OperationCanceledException("what nobody has thought of"),
    };
}
