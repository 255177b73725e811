using System.Globalization;

namespace Matchpoint.Peers.Measuring;

/// <summary>What the processes of a store asked the disk to make durable while a number of writes were acknowledged to one client.</summary>
/// <param name="Writes">How many writes.</param>
/// <param name="Calls">How often each system call was made.</param>
/// <param name="SyncedFiles">Names of open files whose every write is a flush (O_DSYNC, O_SYNC).</param>
internal sealed record FlushCount(int Writes, IReadOnlyDictionary<string, int> Calls, IReadOnlyList<string> SyncedFiles)
{
    /// <inheritdoc/>
    public override string ToString()
    {
        var calls = Calls.OrderByDescending(static call => call.Value)
            .Select(call => string.Create(CultureInfo.InvariantCulture, $"{(double)call.Value / Writes:0.00} {call.Key}"));
        var text = Calls.Count == 0 ? "no flush" : string.Join(", ", calls);
        return SyncedFiles.Count == 0 ? text : $"{text}; open with O_DSYNC or O_SYNC: {string.Join(", ", SyncedFiles)}";
    }
}
