using System.Globalization;

namespace Matchpoint.Cli.Torture;

/// <summary>What a torture leaves behind when it ends otherwise than it must: its directory, what was done, what the members said last, and what went wrong.</summary>
/// <param name="directory">Where the torture runs.</param>
/// <param name="seed">What its faults are drawn from.</param>
/// <param name="keep">Where the case is to go; null for a place beside other temporary ones.</param>
internal sealed class TortureCase(string directory, int seed, string? keep)
{
    private readonly List<string> _lines = [];

    /// <summary>Where the case is; null while there is none.</summary>
    public string? Saved { get; private set; }

    /// <summary>What there is to do with it.</summary>
    public string Advice => $"The case is in {Saved}: rounds.txt says what was done, members.txt what the members said last. Run it again with --seed {Text(seed)}, and report it with that directory.";

    /// <summary>Takes note of a line that was told.</summary>
    public void Note(string line) => _lines.Add(line);

    /// <summary>Whether an error is a case: everything is, but that somebody asked for an end.</summary>
    public static bool IsCase(Exception error, CancellationToken cancellation) => !(error is OperationCanceledException && cancellation.IsCancellationRequested);

    /// <summary>A violation out of an error: what is not expected at all comes with its name.</summary>
    public static string Describe(int round, Exception error, bool isExpected) =>
        string.Create(CultureInfo.InvariantCulture, $"round {round}: {(isExpected ? "" : $"{error.GetType().Name}: ")}{error.Message}");

    /// <summary>Runs the torture. Whatever ends it, but that it was cancelled, is a case that is kept; whatever is not kept is removed.</summary>
    /// <param name="run">The torture; it saves its violations itself, while everything is still there.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <returns>What it came to; null when it broke off.</returns>
    public async Task<(TortureResult? Result, string? BrokenBy)> RunAsync(Func<Task<TortureResult>> run, CancellationToken cancellation)
    {
        try
        {
            return (await run(), null);
        }
        catch (Exception error) when (IsCase(error, cancellation))
        {
            Note(error.ToString());
            if (Saved is null) Save([]);
            return (null, $"{error.GetType().Name}: {error.Message}");
        }
        finally
        {
            if (Saved != directory) Directory.Delete(directory, recursive: true);
        }
    }

    /// <summary>Keeps what there is; where it cannot be copied, the directory itself stays.</summary>
    /// <param name="said">What the members said last.</param>
    public void Save(IEnumerable<string> said)
    {
        var target = keep ?? Path.Combine(Path.GetTempPath(), $"matchpoint-torture-case-{Text(seed)}-{Text(Environment.ProcessId)}");
        try
        {
            CopyAll(directory, target);
            Saved = target;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            Note($"the case was not copied to {target}: {error.Message}");
            Saved = directory;
        }

        File.WriteAllLines(Path.Combine(Saved, "rounds.txt"), _lines);
        File.WriteAllLines(Path.Combine(Saved, "members.txt"), said);
    }

    private static void CopyAll(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
