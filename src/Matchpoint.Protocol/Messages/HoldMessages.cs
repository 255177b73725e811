using System.Collections.Immutable;
using System.Text;
using Matchpoint.Protocol.Identities;

namespace Matchpoint.Protocol.Messages;

/// <summary>
/// A node that fetches a full copy asks its primary to keep the log that it will need behind the copy: opcode 35, then the body of a <see cref="CopyRequest"/>. It is repeated as long as the
/// copy takes. What it needs is not known before a copy is offered: then null, for all that is kept.
/// </summary>
/// <param name="Asker">Who asks, and from which record on the log is to be kept.</param>
internal readonly record struct HoldRequest(CopyRequest Asker) : IMessage<HoldRequest>
{
    /// <inheritdoc/>
    public Opcode Opcode => Opcode.HoldRequest;

    /// <inheritdoc/>
    public int EncodedLength => Asker.EncodedLength;

    /// <inheritdoc/>
    public static HoldRequest Decode(ReadOnlySpan<byte> frame) => new(CopyRequest.DecodeAs(frame, Opcode.HoldRequest));

    /// <inheritdoc/>
    public void Encode(Span<byte> frame) => Asker.EncodeAs(frame, Opcode);
}

/// <summary>
/// The primary keeps the log: opcode 36, i64 the first record that it keeps (-1: its log is empty), u8 count of donors, their names (u16 length, UTF-8) in the order in which they should be asked.
/// </summary>
/// <param name="First">The first record that it keeps.</param>
/// <param name="Donors">Who should be asked for the copy, the best first.</param>
internal readonly record struct HoldAnswer(Vlsn First, ImmutableArray<string> Donors) : IMessage<HoldAnswer>
{
    /// <inheritdoc/>
    public Opcode Opcode => Opcode.HoldAnswer;

    /// <inheritdoc/>
    public int EncodedLength => 1 + sizeof(long) + 1 + Donors.Sum(static name => sizeof(ushort) + Encoding.UTF8.GetByteCount(name));

    /// <inheritdoc/>
    public static HoldAnswer Decode(ReadOnlySpan<byte> frame)
    {
        var reader = new MessageReader(frame, Opcode.HoldAnswer);
        var first = reader.ReadVlsnOrNull("first");
        var donors = ImmutableArray.CreateBuilder<string>(reader.ReadByte("count"));
        for (var i = 0; i < donors.Capacity; i++) donors.Add(reader.ReadText($"donor[{i}]", Limits.NodeNameBytes));
        reader.End();
        return new HoldAnswer(first, donors.MoveToImmutable());
    }

    /// <inheritdoc/>
    public void Encode(Span<byte> frame)
    {
        Invariant.Holds(Donors.Length <= byte.MaxValue, $"{Donors.Length} donors are more than a message names.");
        var writer = new MessageWriter(frame, Opcode);
        writer.WriteVlsn(First);
        writer.WriteByte((byte)Donors.Length);
        foreach (var name in Donors) writer.WriteText(name, Limits.NodeNameBytes);
        writer.End();
    }

    /// <inheritdoc/>
    public bool Equals(HoldAnswer other) => First == other.First && Donors.SequenceEqual(other.Donors, StringComparer.Ordinal);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(First, Donors.Length);
}

/// <summary>
/// Either end of a copy is alive and reads what it has, so that the other goes on waiting: opcode 37 alone. A donor reads all that it offers, a replica all that it holds already; either may
/// take hours.
/// </summary>
internal readonly record struct CopyBusy : IMessage<CopyBusy>
{
    /// <inheritdoc/>
    public Opcode Opcode => Opcode.CopyBusy;

    /// <inheritdoc/>
    public int EncodedLength => 1;

    /// <inheritdoc/>
    public static CopyBusy Decode(ReadOnlySpan<byte> frame)
    {
        new MessageReader(frame, Opcode.CopyBusy).End();
        return default;
    }

    /// <inheritdoc/>
    public void Encode(Span<byte> frame) => new MessageWriter(frame, Opcode).End();
}
