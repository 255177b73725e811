namespace Matchpoint.Storage.Backups;

/// <summary>A backup is not restored into a directory, for there is something in it. Nothing was touched.</summary>
internal sealed class RestoreRefusedException(string message) : StorageException(message);
