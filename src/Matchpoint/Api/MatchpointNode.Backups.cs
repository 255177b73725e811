using Matchpoint.Backups;
using Matchpoint.Protocol;
using Matchpoint.Storage;

namespace Matchpoint;

/// <content>Backups of a running node.</content>
public sealed partial class MatchpointNode
{
    private BackupDonor? _backups;

    /// <summary>What is backed up.</summary>
    internal BackupDonor Backups => _backups ??= new BackupDonor(() => Core, _parts);

    /// <summary>
    /// Takes a backup of all that is durable here, into a directory of backups, while reads and writes go on. What earlier backups there have in common with it is neither written nor kept twice; they
    /// stay as they are. The backup is there when this returns: whatever ends it before leaves no trace but chunks that the next one uses. <c>matchpoint restore</c> puts it back.
    /// </summary>
    /// <param name="directory">The directory of backups, best on another disk; it is made when it is not there. Each group has its own.</param>
    /// <param name="progress">Hears how far it is.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="MatchpointException">The directory cannot be used, a backup of this node is being taken already, the node holds nothing yet, or
    /// a disk refused: the message says which.</exception>
    public async Task<BackupSummary> BackupAsync(string directory, IProgress<BackupProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(directory);
        ThrowIfClosed();
        try
        {
            return await Backups.TakeAsync(directory, progress, cancellation).ConfigureAwait(false);
        }
        catch (Exception error) when (error is StorageException or IOException or UnauthorizedAccessException or ProtocolException)
        {
            throw new MatchpointException(error.Message, error);
        }
    }
}
