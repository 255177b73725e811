namespace Matchpoint;

/// <summary>How far a backup is, or a restore.</summary>
/// <param name="Bytes">How many bytes of it are there.</param>
/// <param name="TotalBytes">How many it has.</param>
/// <param name="WrittenBytes">How many of them had to be written; the others were there already.</param>
/// <param name="BytesPerSecond">How fast it goes.</param>
/// <param name="Left">How long the rest takes at that rate; null where that is not known.</param>
public sealed record BackupProgress(long Bytes, long TotalBytes, long WrittenBytes, double BytesPerSecond, TimeSpan? Left);

/// <summary>A backup that was taken.</summary>
/// <param name="Id">Its name, by which it is restored: the time, in UTC.</param>
/// <param name="TakenAt">When.</param>
/// <param name="First">The first record in its log.</param>
/// <param name="Last">The last record in it: everything that was durable up to it is in the backup, nothing else.</param>
/// <param name="TotalBytes">How many bytes it consists of.</param>
/// <param name="WrittenBytes">How many of them had to be written; the others were there already, with an earlier backup.</param>
public sealed record BackupSummary(string Id, DateTimeOffset TakenAt, long First, long Last, long TotalBytes, long WrittenBytes);
