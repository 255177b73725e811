using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;

namespace Matchpoint.Storage.Repairs;

/// <summary>A place of a log on disk that cannot be read, below what was flushed: from a byte of the log up to another one.</summary>
/// <param name="Path">The segment that is to hold these records; it may be missing.</param>
/// <param name="First">The first byte of the log in that segment.</param>
/// <param name="SegmentBefore">Where the log stands before the segment; null where nothing here tells.</param>
/// <param name="Before">Where the log stands before the gap: behind the last sound record; null where nothing here tells.</param>
/// <param name="After">Where the log stands behind the gap, as the next segment tells; null where only the records behind it can tell.</param>
/// <param name="To">Up to where there must be sound records, for so far the log was flushed.</param>
/// <param name="What">What was found there.</param>
internal sealed record LogGap(string Path, Lsn First, LogPosition? SegmentBefore, LogPosition? Before, LogPosition? After, Lsn To, DamageException What)
{
    /// <summary>The first byte that is missing.</summary>
    public Lsn From => Before?.End ?? First;

    /// <summary>How many bytes are missing, at most.</summary>
    public long Bytes => To > From ? To.DistanceFrom(From) : 0;
}
