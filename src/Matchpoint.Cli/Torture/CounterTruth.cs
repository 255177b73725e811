using System.Globalization;

namespace Matchpoint.Cli.Torture;

/// <summary>
/// What a client knows of its counter, and what it therefore may be told: each transaction raises the counter by one, only if it is what was known, and writes an entry beside it. Pure:
/// it judges answers, wherever they come from.
/// </summary>
/// <param name="number">The client's number.</param>
internal sealed class CounterTruth(int number)
{
    private bool _mayLand;

    /// <summary>The key of the counter.</summary>
    public string Counter => string.Create(CultureInfo.InvariantCulture, $"counter/{number}");

    /// <summary>Where the entries lie.</summary>
    public string Entries => string.Create(CultureInfo.InvariantCulture, $"entry/{number}/");

    /// <summary>The value that was acknowledged, or read linearizably, last.</summary>
    public long Value { get; private set; }

    /// <summary>Whether the value is known; otherwise it must be read before the next is written.</summary>
    public bool IsKnown { get; private set; } = true;

    /// <summary>The key of one entry.</summary>
    public string Entry(long value) => string.Create(CultureInfo.InvariantCulture, $"{Entries}{value:0000000000}");

    /// <summary>The next value is about to be asked for.</summary>
    public void OnAsked() => IsKnown = false;

    /// <summary>It was refused: nothing was written.</summary>
    public void OnRefused() => IsKnown = true;

    /// <summary>Nobody knows what became of it: it may take effect now, later, or never.</summary>
    public void OnUnknown() => _mayLand = true;

    /// <summary>It was acknowledged.</summary>
    public void OnAcknowledged()
    {
        Value++;
        (IsKnown, _mayLand) = (true, false);
    }

    /// <summary>The counter was read linearizably: what was acknowledged, or read before, is there.</summary>
    /// <param name="text">What was found; null when nothing was.</param>
    /// <param name="where">Where it was read.</param>
    /// <returns>What is wrong with it; null for nothing.</returns>
    public string? OnRead(string? text, string where)
    {
        if (!TryParse(text, out var found)) return $"{Counter} is '{text}', read linearizably at {where}, and that was never written";
        // A transaction whose outcome is unknown may still be on its way; once its successor is there, it can take no effect any more.
        var wrong = IsPossible(found) ? null : $"{Counter} is {found}, read linearizably at {where}; it was known to be {Known}";
        if (found != Value) _mayLand = false;
        Value = found;
        IsKnown = true;
        return wrong;
    }

    /// <summary>The counter and all its entries, while the client does nothing: each that was acknowledged is there, and nothing that was not written.</summary>
    /// <param name="text">The counter; null when there is none.</param>
    /// <param name="entries">The entries, by key.</param>
    /// <returns>What is wrong with it; null for nothing.</returns>
    public string? WhyWrong(string? text, IEnumerable<(string Key, string Value)> entries)
    {
        if (!TryParse(text, out var counter)) return $"{Counter} is '{text}', and that was never written";
        if (counter < Value) return $"{Counter} is {counter}, and {Value} was acknowledged";
        if (!IsPossible(counter)) return $"{Counter} is {counter}, and was never written: it was known to be {Known}";
        var expected = 1L;
        foreach (var (key, value) in entries)
        {
            if (key != Entry(expected)) return $"{key} was found where {Entry(expected)} has to be";
            if (value != Text(expected)) return $"{key} is '{value}', and '{Text(expected)}' was written";
            expected++;
        }

        return expected - 1 == counter ? null : $"{Counter} is {counter}, and there are {expected - 1} entries";
    }

    /// <summary>How a value is written.</summary>
    public static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);

    private string Known => $"{Value}{(_mayLand ? ", or one more" : "")}";

    private bool IsPossible(long found) => found == Value || (_mayLand && found == Value + 1);

    private static bool TryParse(string? text, out long value)
    {
        value = 0;
        return text is null || long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);
    }
}
