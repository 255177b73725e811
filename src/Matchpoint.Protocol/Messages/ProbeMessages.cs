using System.Collections.Immutable;
using Matchpoint.Protocol.Identities;

namespace Matchpoint.Protocol.Messages;

/// <summary>The replica asks for the entries of many records at once.</summary>
/// <param name="Vlsns">1 to <see cref="Limits.ProbedVlsns"/> of them, strictly ascending.</param>
internal readonly record struct Probe(ImmutableArray<Vlsn> Vlsns) : IMessage<Probe>
{
    /// <inheritdoc/>
    public Opcode Opcode => Opcode.Probe;

    /// <inheritdoc/>
    public int EncodedLength => 1 + 1 + (Vlsns.Length * sizeof(long));

    /// <inheritdoc/>
    public static Probe Decode(ReadOnlySpan<byte> frame)
    {
        var reader = new MessageReader(frame, Opcode.Probe);
        var count = reader.ReadByte("count");
        if (count == 0) throw reader.Fault("count", $"1 to {Limits.ProbedVlsns}", "0");
        var vlsns = ImmutableArray.CreateBuilder<Vlsn>(count);
        for (var i = 0; i < count; i++)
        {
            var vlsn = reader.ReadVlsn($"vlsn[{i}]");
            if (i > 0 && vlsn <= vlsns[i - 1]) throw reader.Fault($"vlsn[{i}]", $"above {vlsns[i - 1]}", $"{vlsn}");
            vlsns.Add(vlsn);
        }

        reader.End();
        return new Probe(vlsns.MoveToImmutable());
    }

    /// <inheritdoc/>
    public void Encode(Span<byte> frame)
    {
        Invariant.Holds(Vlsns.Length is > 0 and <= Limits.ProbedVlsns, $"a probe asks about {Vlsns.Length} records.");
        var writer = new MessageWriter(frame, Opcode);
        writer.WriteByte((byte)Vlsns.Length);
        foreach (var vlsn in Vlsns) writer.WriteVlsn(vlsn);
        writer.End();
    }
}

/// <summary>One record of a <see cref="ProbeAnswer"/>.</summary>
/// <param name="Vlsn">The record asked about.</param>
/// <param name="Entry">The feeder's entry; null when it holds no such record.</param>
internal readonly record struct ProbedEntry(Vlsn Vlsn, LogEntry? Entry)
{
    /// <summary>Bytes of the encoded form.</summary>
    public const int Size = LogEntry.Size + 1;
}

/// <summary>
/// The feeder's entries for the records of a <see cref="Probe"/>, in the same order. Each is: i64 VLSN, u8 found,
/// u64 LSN, u64 fingerprint, u8 isSync; all behind found is zero when it is 0.
/// </summary>
internal readonly record struct ProbeAnswer(ImmutableArray<ProbedEntry> Entries) : IMessage<ProbeAnswer>
{
    /// <inheritdoc/>
    public Opcode Opcode => Opcode.ProbeAnswer;

    /// <inheritdoc/>
    public int EncodedLength => 1 + 1 + (Entries.Length * ProbedEntry.Size);

    /// <inheritdoc/>
    public static ProbeAnswer Decode(ReadOnlySpan<byte> frame)
    {
        var reader = new MessageReader(frame, Opcode.ProbeAnswer);
        var count = reader.ReadByte("count");
        if (count == 0) throw reader.Fault("count", $"1 to {Limits.ProbedVlsns}", "0");
        var entries = ImmutableArray.CreateBuilder<ProbedEntry>(count);
        for (var i = 0; i < count; i++)
        {
            var probed = ReadEntry(ref reader, i);
            if (i > 0 && probed.Vlsn <= entries[i - 1].Vlsn)
                throw reader.Fault($"entry[{i}].vlsn", $"above {entries[i - 1].Vlsn}", $"{probed.Vlsn}");
            entries.Add(probed);
        }

        reader.End();
        return new ProbeAnswer(entries.MoveToImmutable());
    }

    /// <inheritdoc/>
    public void Encode(Span<byte> frame)
    {
        Invariant.Holds(Entries.Length is > 0 and <= Limits.ProbedVlsns, $"a probe's answer has {Entries.Length} entries.");
        var writer = new MessageWriter(frame, Opcode);
        writer.WriteByte((byte)Entries.Length);
        foreach (var (vlsn, entry) in Entries)
        {
            writer.WriteVlsn(vlsn);
            writer.WriteFlag(entry is not null);
            writer.WriteUInt64(entry?.Lsn.Value ?? 0);
            writer.WriteUInt64(entry?.Fingerprint.Value ?? 0);
            writer.WriteFlag(entry?.IsSync ?? false);
        }

        writer.End();
    }

    private static ProbedEntry ReadEntry(ref MessageReader reader, int index)
    {
        var vlsn = reader.ReadVlsn($"entry[{index}].vlsn");
        var found = reader.ReadFlag($"entry[{index}].found");
        var lsn = reader.ReadUInt64($"entry[{index}].lsn");
        var fingerprint = reader.ReadUInt64($"entry[{index}].fingerprint");
        var isSync = reader.ReadFlag($"entry[{index}].isSync");
        if (found) return new ProbedEntry(vlsn, new LogEntry(vlsn, new Lsn(lsn), new Fingerprint(fingerprint), isSync));
        if (lsn != 0) throw reader.Fault($"entry[{index}].lsn", "0 in an entry not found", $"{lsn}");
        if (fingerprint != 0) throw reader.Fault($"entry[{index}].fingerprint", "0 in an entry not found", $"{fingerprint}");
        if (isSync) throw reader.Fault($"entry[{index}].isSync", "0 in an entry not found", "1");
        return new ProbedEntry(vlsn, null);
    }
}
