using System.Globalization;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Storage.Backups;

namespace Matchpoint.Client;

/// <summary>Whose data a backup holds, as it travels.</summary>
/// <param name="Group">The group's id.</param>
/// <param name="Node">The node's id.</param>
/// <param name="Name">The node's name.</param>
/// <param name="First">The first record in its log.</param>
/// <param name="Durable">The highest record known to be durable.</param>
/// <param name="Fingerprint">The fingerprint at the last record, in hexadecimal.</param>
/// <param name="Term">The term of that record.</param>
/// <param name="TakenAt">When the picture was taken, on the node's clock.</param>
internal sealed record ClientBackup(Guid Group, Guid Node, string Name, long First, long Durable, string Fingerprint, ulong Term, DateTimeOffset TakenAt)
{
    /// <summary>The facts, to be sent.</summary>
    public static ClientBackup Of(BackupFacts facts, DateTimeOffset takenAt) => new(
        facts.Group.Value, facts.Node.Value, facts.Name, facts.First.Value, facts.Durable.Value, facts.Fingerprint.Value.ToString("x16", CultureInfo.InvariantCulture), facts.Term.Value, takenAt);

    /// <summary>The facts, as they came.</summary>
    /// <exception cref="ProtocolException">They cannot be.</exception>
    public BackupFacts ToFacts()
    {
        if (!ulong.TryParse(Fingerprint, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var fingerprint))
            throw new ProtocolException("client", "backup.fingerprint", "hexadecimal digits", Fingerprint);
        if (System.Text.Encoding.UTF8.GetByteCount(Name) > Limits.NodeNameBytes)
            throw new ProtocolException("client", "backup.name", $"at most {Limits.NodeNameBytes} bytes", $"{Name.Length} characters");
        return new BackupFacts(new GroupId(Group), new NodeId(Node), Name, VlsnOf(First, "first"), VlsnOf(Durable, "durable"), new Fingerprint(fingerprint), new Term(Term));
    }

    private static Vlsn VlsnOf(long value, string field) =>
        Vlsn.TryCreate(value, out var vlsn) ? vlsn : throw new ProtocolException("client", $"backup.{field}", "a record's number, or -1", $"{value}");
}
