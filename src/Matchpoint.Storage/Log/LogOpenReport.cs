using Matchpoint.Protocol.Identities;

namespace Matchpoint.Storage.Log;

/// <summary>What opening a log found and did: nothing of it happens in silence.</summary>
internal sealed record LogOpenReport
{
    /// <summary>What was cut off behind the last sound record, in words; null when nothing was.</summary>
    public TornTail? Torn { get; init; }

    /// <summary>Where a cut that a crash had interrupted was finished; null when none was under way.</summary>
    public Vlsn? FinishedCut { get; init; }

    /// <summary>Segments whose index was missing or did not fit and was made anew from the segment.</summary>
    public int RebuiltIndexes { get; init; }

    /// <summary>Bytes of segments that were read record by record.</summary>
    public long ScannedBytes { get; init; }

    /// <summary>The positions file was missing: what had been flushed and known durable is not known any more.</summary>
    public bool PositionsMissing { get; init; }

    /// <summary>The report as sentences, one each.</summary>
    public IEnumerable<string> Sentences()
    {
        if (FinishedCut is { } cut) yield return $"A cut behind record {cut} had been interrupted; it is finished now.";
        if (Torn is { } torn) yield return torn.ToString();
        if (RebuiltIndexes > 0) yield return $"{RebuiltIndexes} segment indexes were missing or did not fit; they were made anew.";
        if (PositionsMissing) yield return "The positions file was missing: which records were known to be durable is forgotten.";
    }
}

/// <summary>An end that was written when the machine stopped, and never flushed.</summary>
/// <param name="File">The segment.</param>
/// <param name="Position">Where in the file it began.</param>
/// <param name="After">The last sound record before it.</param>
/// <param name="Bytes">How much was dropped, in this file and in those behind it.</param>
/// <param name="Fault">Why the record there is not sound.</param>
internal sealed record TornTail(string File, long Position, Vlsn After, long Bytes, string Fault)
{
    /// <summary>The find as a sentence.</summary>
    public override string ToString() =>
        $"{File} at byte {Position}: the log was torn behind record {After} when it stopped ({Fault}); "
        + $"{Bytes} bytes that had never been flushed were cut off.";
}
