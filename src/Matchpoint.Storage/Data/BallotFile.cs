using System.Buffers.Binary;
using System.Text;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Elections;
using Matchpoint.Protocol.Identities;
using Matchpoint.Storage.Files;

namespace Matchpoint.Storage.Data;

/// <summary>
/// What a node has promised, in the file <c>ballot</c>: replaced as a whole, durably, before anybody hears of it. Safe for threads. Little-endian:
/// <code>
///  0 8 bytes "MPBALLOT"
///  8 u32 format version
/// 12 u32 CRC-32C of all the other bytes
/// 16 u64 term
/// 24 u64 no vote up to this term
/// 32 u8  standing
/// 33 u8  1 when acknowledged records may be unflushed
/// 34 16 bytes boot id of the machine during which that was so, big-endian UUID
/// 50 u16 length, name voted for in UTF-8; empty for nobody
/// </code>
/// </summary>
internal sealed class BallotFile
{
    private const uint FormatVersion = 1;
    private const int FixedSize = 52;

    /// <summary>No group holds so many elections between a backup and its restore.</summary>
    private const ulong TermsSkipped = 1_000_000;

    private readonly DataDirectory _directory;
    private readonly Lock _gate = new();
    private volatile Ballot _ballot;
    private bool _hasUnflushedPromises;

    private BallotFile(DataDirectory directory, Ballot ballot, bool hasUnflushedPromises)
    {
        _directory = directory;
        _ballot = ballot;
        _hasUnflushedPromises = hasUnflushedPromises;
    }

    /// <summary>What was promised.</summary>
    public Ballot Ballot => _ballot;

    private static ReadOnlySpan<byte> Magic => "MPBALLOT"u8;

    /// <summary>Reads the ballot of a directory, and finds out whether the promises in it can still be kept.</summary>
    /// <param name="directory">The directory.</param>
    /// <param name="hasRecords">Whether its log holds records.</param>
    /// <exception cref="StorageException">The file is damaged, foreign, or of a newer format.</exception>
    public static BallotFile Open(DataDirectory directory, bool hasRecords)
    {
        if (!directory.Files.FileExists(directory.BallotPath))
        {
            var ballot = Ballot.New with { Standing = hasRecords ? Standing.BallotLost : Standing.New };
            return new BallotFile(directory, ballot, hasUnflushedPromises: false);
        }

        var (read, unflushedSince) = Read(directory.Files, directory.BallotPath);
        var file = new BallotFile(directory, read, unflushedSince is not null);
        var isRebooted = unflushedSince is { } boot && (boot == Guid.Empty || boot != directory.Files.BootId) && read.Standing == Standing.Full;
        // Saved again in any case: what is read may be what a failed flush left in the cache, and nobody may hear of a vote that a power cut takes.
        file.Save(isRebooted ? read with { Standing = Standing.Rebooted } : read);
        return file;
    }

    /// <summary>Makes a ballot durable.</summary>
    public void Save(Ballot ballot)
    {
        lock (_gate)
        {
            Write(ballot, _hasUnflushedPromises);
            _ballot = ballot;
        }
    }

    /// <summary>Takes note, durably, that another log takes the place of the one whose records this node acknowledged: it takes no part until it has caught up.</summary>
    public void ForgetLog()
    {
        if (_ballot.Standing != Standing.New) Save(_ballot with { Standing = Standing.BallotLost });
    }

    /// <summary>
    /// The ballot of a member that is restored from a backup because every member is: none has more than the backups, so that all together elect whoever has most. What was promised after the
    /// backup is forgotten; it votes in no term that may have been reached meanwhile. Whoever comes back with the old history then has the lower term, and does not take the new group over.
    /// </summary>
    /// <param name="lastTerm">The term of the backup's last record.</param>
    public static Ballot OfNewBeginning(Term lastTerm) => Ballot.New with { Term = lastTerm, Standing = Standing.Rebooted, NoVoteUpTo = new Term(lastTerm.Value + TermsSkipped) };

    /// <summary>
    /// Takes note, durably, that records which this node acknowledged may be missing from its log: it takes no part until it has caught up, or all find out together who has most. What it
    /// promised in elections it knows.
    /// </summary>
    public void DoubtLog()
    {
        if (_ballot.Standing == Standing.Full) Save(_ballot with { Standing = Standing.Rebooted });
    }

    /// <summary>Takes note, durably, that records will be acknowledged before they are flushed.</summary>
    public void BeginUnflushedPromises()
    {
        lock (_gate)
        {
            if (_hasUnflushedPromises) return;
            Write(_ballot, hasUnflushedPromises: true);
            _hasUnflushedPromises = true;
        }
    }

    /// <summary>Takes note that everything acknowledged is flushed.</summary>
    public void EndUnflushedPromises()
    {
        lock (_gate)
        {
            if (!_hasUnflushedPromises) return;
            Write(_ballot, hasUnflushedPromises: false);
            _hasUnflushedPromises = false;
        }
    }

    private void Write(Ballot ballot, bool hasUnflushedPromises)
    {
        var name = Encoding.UTF8.GetBytes(ballot.VotedFor ?? "");
        var bytes = new byte[FixedSize + name.Length];
        Magic.CopyTo(bytes);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(8), FormatVersion);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(16), ballot.Term.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(24), ballot.NoVoteUpTo.Value);
        bytes[32] = (byte)ballot.Standing;
        bytes[33] = hasUnflushedPromises ? (byte)1 : (byte)0;
        if (hasUnflushedPromises) _directory.Files.BootId.TryWriteBytes(bytes.AsSpan(34), bigEndian: true, out _);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(50), (ushort)name.Length);
        name.CopyTo(bytes, FixedSize);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(12), Crc32C.AroundItself(bytes));
        DurableFile.Replace(_directory.Files, _directory.BallotPath, bytes);
    }

    /// <summary>Reads the file for a look.</summary>
    /// <exception cref="StorageException">It is damaged, foreign, or of a newer format.</exception>
    public static (Ballot Ballot, Guid? UnflushedSince) Read(IFileSystem files, string path)
    {
        const string advice = "Remove the file: the node then takes part in elections again when it has caught up with a primary that the others chose.";
        var bytes = DurableFile.Read(files, path, FixedSize + Limits.NodeNameBytes);
        if (bytes.Length < FixedSize) throw new DamageException(path, bytes.Length, "length", $"{FixedSize} bytes or more", $"{bytes.Length} bytes", advice);
        if (!bytes.AsSpan().StartsWith(Magic)) throw new DamageException(path, 0, "ballot: magic", "MPBALLOT", Convert.ToHexStringLower(bytes.AsSpan(0, 8)), advice);
        var stored = BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(12));
        var computed = Crc32C.AroundItself(bytes);
        if (stored != computed) throw new DamageException(path, 12, "ballot: CRC-32C", $"{computed:x8}", $"{stored:x8}", advice);
        var version = BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(8));
        if (version != FormatVersion)
            throw new ForeignException($"{path}: the ballot has format {version}; this build knows format {FormatVersion}. Use the version of Matchpoint that wrote it, or a newer one.");
        int length = BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(50));
        if (bytes.Length != FixedSize + length) throw new DamageException(path, 50, "ballot: length of the name", $"{bytes.Length - FixedSize}", $"{length}", advice);
        if (bytes[32] > (byte)Standing.Rebooted) throw new DamageException(path, 32, "ballot: standing", "0 to 3", $"{bytes[32]}", advice);
        var name = Encoding.UTF8.GetString(bytes.AsSpan(FixedSize));
        var ballot = new Ballot(
            new Term(BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(16))), name.Length == 0 ? null : name, (Standing)bytes[32],
            new Term(BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(24))));
        return (ballot, bytes[33] == 1 ? new Guid(bytes.AsSpan(34, 16), bigEndian: true) : null);
    }
}
