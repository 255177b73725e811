using System.Globalization;
using Matchpoint.Storage.Log;

namespace Matchpoint.Node;

/// <summary>
/// Tells of members that are about to fall off the log, at half of the budget and with every tenth of it beyond; takes it back when they have caught up; and says once that one has fallen off.
/// </summary>
internal sealed class RetentionWarnings(StatusBoard board, NodeClock clock)
{
    private const double Mega = 1_000_000;
    private const int Urgent = 8;

    /// <summary>Who is warned about, and at which tenth of the budget: between two tenths the sentence stays, or it would be another every second.</summary>
    private readonly Dictionary<string, int> _told = new(StringComparer.Ordinal);

    /// <summary>Shows whom the newest decision warns about, and nobody else.</summary>
    public void Show(IReadOnlyList<FallingOff> warnings, IReadOnlyList<MemberNeed> needs)
    {
        foreach (var name in _told.Keys.Except(warnings.Select(static warning => warning.Member)).ToList())
        {
            _told.Remove(name);
            board.Warn(SourceOf(name), null);
        }

        foreach (var warning in warnings)
        {
            var tenth = (int)(warning.Used * 10);
            if (_told.TryGetValue(warning.Member, out var told) && told == tenth) continue;
            _told[warning.Member] = tenth;
            board.Warn(SourceOf(warning.Member), Sentence(warning, tenth, needs.First(need => need.Name == warning.Member).IsFetching));
        }

        foreach (var need in needs.Where(static need => !need.IsFetching)) board.Warn(HoldSourceOf(need.Name), null);
    }

    /// <summary>A member needs records that are gone.</summary>
    public void FellOff(MemberNeed need, Protocol.Identities.Vlsn first, RetentionOptions options)
    {
        if (_told.Remove(need.Name)) board.Warn(SourceOf(need.Name), null);
        if (need.IsFetching)
        {
            board.Warn(HoldSourceOf(need.Name), $"the log behind the full copy that '{need.Name}' fetches was given up: "
                + $"keeping it from record {need.Holds.Next} on took more than {Size(options.HoldBytes)}, "
                + $"and the log begins at record {first} now. It begins again with a newer copy, and keeps what it has of this one. "
                + $"Raise LogKeepBytes or CopyBytesPerSecond, or write less until it is there.");
            return;
        }

        board.Note($"'{need.Name}' has fallen off the log: as far as is known it needs records from {need.Holds.Next} on, and the log begins at {first} now. "
            + $"Nothing more is kept for it; when it comes back it fetches a full copy.");
    }

    /// <summary>This node is no primary any more, or one anew.</summary>
    public void Clear()
    {
        foreach (var name in _told.Keys) board.Warn(SourceOf(name), null);
        _told.Clear();
    }

    private static string SourceOf(string member) => $"log for {member}";

    private static string HoldSourceOf(string member) => $"log held for {member}";

    private static string Size(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes / Mega:0.#} MB");

    private string Sentence(in FallingOff warning, int tenth, bool isFetching)
    {
        var used = (warning.Used * 100).ToString("0", CultureInfo.InvariantCulture);
        var when = warning.TimeLeft is { } left
            ? $"at about {clock.Time.GetUtcNow() + left:yyyy-MM-dd HH:mm:ss} UTC, as fast as the log grows now"
            : "when they are written: the log does not grow now";
        return isFetching
            ? $"the log that is held for '{warning.Member}', which fetches a full copy, takes {used} % of what may be held; {Size(warning.BytesLeft)} are left, used up {when}. "
                + $"Then its copy is in vain: raise CopyBytesPerSecond, or write less until it is there."
            : $"'{warning.Member}' is behind: the log kept for it takes {used} % of what LogKeepBytes and LogKeepTime allow; {Size(warning.BytesLeft)} are left, and it falls off {when}. "
                + (tenth >= Urgent ? "Bring it back now, or raise LogKeepBytes: " : "Bring it back, or raise LogKeepBytes: ") + "what has fallen off must fetch a full copy.";
    }
}
