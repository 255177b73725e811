using Matchpoint.Protocol.Identities;

namespace Matchpoint.Protocol.Messages;

/// <summary>What two logs compare of a record. 25 bytes: i64 VLSN, u64 LSN, u64 fingerprint, u8 whether it is a sync point.</summary>
internal readonly record struct LogEntry(Vlsn Vlsn, Lsn Lsn, Fingerprint Fingerprint, bool IsSync)
{
    /// <summary>Bytes of the encoded form.</summary>
    public const int Size = 25;

    /// <summary>Whether both are the same record of the same history: number, place and fingerprint agree.</summary>
    public bool Matches(in LogEntry other) => Vlsn == other.Vlsn && Lsn == other.Lsn && Fingerprint == other.Fingerprint;

    /// <summary>Reads an entry.</summary>
    public static LogEntry Read(ref FieldReader reader) => new(
        reader.Vlsn("vlsn"), new Lsn(reader.U64("lsn")), new Fingerprint(reader.U64("fingerprint")), reader.Flag("isSync"));

    /// <summary>Writes the entry.</summary>
    public void Write(ref FieldWriter writer)
    {
        writer.Vlsn(Vlsn);
        writer.U64(Lsn.Value);
        writer.U64(Fingerprint.Value);
        writer.Flag(IsSync);
    }

    /// <summary>The entry as a person reads it.</summary>
    public override string ToString() => $"{Vlsn} at {Lsn} [{Fingerprint}]{(IsSync ? "" : " piece")}";
}
