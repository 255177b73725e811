using Matchpoint.Protocol.Identities;

namespace Matchpoint.Storage.Backups;

/// <summary>Whose data a backup holds, and how far it reaches.</summary>
/// <param name="Group">The group.</param>
/// <param name="Node">The node that it was taken from.</param>
/// <param name="Name">That node's name in its group; empty where it was not running.</param>
/// <param name="First">The first record in the backup's log.</param>
/// <param name="Durable">The highest record that was known to be durable; those above it, in a backup of a stopped node, are undecided.</param>
/// <param name="Fingerprint">The fingerprint at the backup's last record.</param>
/// <param name="Term">The term of that record.</param>
internal sealed record BackupFacts(GroupId Group, NodeId Node, string Name, Vlsn First, Vlsn Durable, Fingerprint Fingerprint, Term Term);
