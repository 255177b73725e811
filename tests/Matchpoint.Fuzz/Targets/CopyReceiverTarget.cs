using System.Collections.Immutable;
using System.Text;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;

namespace Matchpoint.Fuzz.Targets;

/// <summary>
/// What a node takes from a donor: true and forged offers, chunks in any order, changed, cut, repeated, and attempts that end anywhere, with failed flushes, kills and power cuts between. A copy
/// becomes the content only when it is, to the byte, one that was offered, was whole and was proved; one of a true offer is never refused. Until then nothing beside the copy changes.
/// </summary>
internal sealed class CopyReceiverTarget : IFuzzTarget
{
    private const int MostSteps = 16;
    private const int MostForgeries = 3;

    private static readonly ImmutableDictionary<ChunkDigest, byte[]> Known = CopySample.All
        .SelectMany(static sample => sample.Chunks).SelectMany(static file => file).DistinctBy(static bytes => ChunkDigest.Of(bytes)).ToImmutableDictionary(static bytes => ChunkDigest.Of(bytes));

    private static readonly ImmutableArray<byte[]> All = [.. Known.OrderBy(static pair => pair.Key.Value).Select(static pair => pair.Value)];

    private static readonly ImmutableArray<string> FlushedFiles = ["*.log", "picture*", "*.tmp", "positions*", "whole*"];

    private enum Step : byte
    {
        Begin,
        True,
        AllTrue,
        Changed,
        Flush,
        Finish,
        Reopen,
        Kill,
        CutPower,
        FailFlush,
        Drop,
    }

    /// <inheritdoc/>
    public string Name => "copy";

    /// <inheritdoc/>
    public IEnumerable<byte[]> Seeds
    {
        get
        {
            foreach (byte sample in (byte[])[0, 1, 15])
            {
                byte[] begin = [(byte)Step.Begin, sample, 0, 0], whole = [.. begin, (byte)Step.AllTrue, (byte)Step.Finish];
                foreach (var end in new[] { Step.Reopen, Step.Kill, Step.CutPower }) yield return [sample, .. whole, (byte)end];
                yield return [sample, .. begin, (byte)Step.True, 0, (byte)Step.Finish, (byte)Step.True, 1, (byte)Step.CutPower, .. whole, (byte)Step.Kill];
                yield return [sample, .. begin, (byte)Step.Changed, 0, 0, 20, 0, 1, (byte)Step.Changed, 1, 1, 3, (byte)Step.Changed, 2, 2, 2, 7, 7, (byte)Step.Changed, 0, 3, 4,
                    .. whole, (byte)Step.Reopen];
                yield return [sample, .. begin, (byte)Step.AllTrue, (byte)Step.Flush, (byte)Step.FailFlush, 0, 1, (byte)Step.Finish, .. whole, (byte)Step.CutPower];
                yield return [sample, .. whole, .. begin, (byte)Step.Drop, (byte)Step.CutPower, .. whole, (byte)Step.Kill];
                yield return [sample, .. whole, (byte)Step.Begin, (byte)(sample ^ 1), 0, 0, (byte)Step.AllTrue, (byte)Step.Flush, (byte)Step.CutPower];
                yield return [sample, .. whole, (byte)Step.Kill, (byte)Step.Begin, (byte)(sample ^ 1), 0, 0, (byte)Step.AllTrue, (byte)Step.Finish, (byte)Step.Kill];
                yield return [sample, (byte)Step.Begin, sample, 1, 0, 4, 0, 3, (byte)Step.AllTrue, (byte)Step.Finish, (byte)Step.Kill];
                for (byte forgery = 0; forgery < 8; forgery++) yield return [sample, (byte)Step.Begin, sample, 1, 0, forgery, 1, 2, 1, 9, 0, (byte)Step.AllTrue, (byte)Step.Finish, (byte)Step.Kill];
            }
        }
    }

    /// <inheritdoc/>
    public void Run(ReadOnlySpan<byte> input)
    {
        var reader = new InputReader(input);
        var receiver = new CopyReceiver(reader.Byte());
        var known = Known;
        for (var i = 0; i < MostSteps && reader.HasMore; i++)
        {
            switch ((Step)reader.Below(Enum.GetValues<Step>().Length))
            {
                case Step.Begin:
                    Begin(receiver, ref reader, ref known);
                    break;
                case Step.True:
                    if (Pick(receiver, reader.Byte()) is { } one) Send(receiver, known, one);
                    break;
                case Step.AllTrue:
                    foreach (var missing in receiver.Missing) Send(receiver, known, missing);
                    break;
                case Step.Changed:
                    if (Pick(receiver, reader.Byte()) is { } changed) SendChanged(receiver, known, changed, ref reader);
                    break;
                case Step.Flush:
                    receiver.Flush();
                    break;
                case Step.Finish:
                    receiver.Finish();
                    break;
                case Step.Reopen:
                    receiver.Reopen();
                    break;
                case Step.Kill:
                    receiver.Kill();
                    break;
                case Step.CutPower:
                    receiver.CutPower();
                    break;
                case Step.FailFlush:
                    receiver.FailFlush(FlushedFiles[reader.Below(FlushedFiles.Length)], 1 + reader.Below(8));
                    break;
                default:
                    receiver.Drop();
                    break;
            }
        }

        receiver.Reopen();
    }

    private static (int File, int Chunk)? Pick(CopyReceiver receiver, byte drawn)
    {
        if (receiver.Offer is not { } offer) return null;
        (int, int)[] all = [.. offer.Files.SelectMany(static (file, i) => file.Chunks.Select((_, chunk) => (i, chunk)))];
        return all.Length == 0 ? null : all[drawn % all.Length];
    }

    private static void Send(CopyReceiver receiver, ImmutableDictionary<ChunkDigest, byte[]> known, (int File, int Chunk) wanted)
    {
        var described = receiver.Offer!.Value.Files[wanted.File];
        if (known.TryGetValue(described.Chunks[wanted.Chunk], out var bytes)) receiver.Take(FrameOf(wanted, bytes), wanted, bytes.Length == described.LengthOf(wanted.Chunk));
    }

    private static void SendChanged(CopyReceiver receiver, ImmutableDictionary<ChunkDigest, byte[]> known, (int File, int Chunk) wanted, ref InputReader reader)
    {
        var described = receiver.Offer!.Value.Files[wanted.File];
        var bytes = known.GetValueOrDefault(described.Chunks[wanted.Chunk], All[0]);
        var right = FrameOf(wanted, bytes);
        var frame = reader.Below(4) switch
        {
            0 => Flipped(right, reader.UInt16(), reader.Byte()),
            1 => right[..^Math.Min(right.Length - 1, 1 + reader.Byte())],
            2 => [.. right, .. reader.Bytes()],
            _ => FrameOf(wanted, All[reader.Below(All.Length)]),
        };
        var isRight = frame.AsSpan().SequenceEqual(right) && ChunkDigest.Of(bytes) == described.Chunks[wanted.Chunk] && bytes.Length == described.LengthOf(wanted.Chunk);
        receiver.Take(frame, wanted, isRight);
    }

    private static byte[] FrameOf((int File, int Chunk) which, byte[] bytes)
    {
        var frame = new byte[Chunk.HeadSize + bytes.Length];
        Chunk.EncodeHead(frame, (ushort)which.File, (ulong)which.Chunk);
        bytes.CopyTo(frame, Chunk.HeadSize);
        return frame;
    }

    private static byte[] Flipped(byte[] bytes, int at, byte by)
    {
        byte[] changed = [.. bytes];
        if (changed.Length > 0) changed[at % changed.Length] ^= by;
        return changed;
    }

    private static void Begin(CopyReceiver receiver, ref InputReader reader, ref ImmutableDictionary<ChunkDigest, byte[]> known)
    {
        var sample = CopySample.Of(reader.Byte());
        var offer = sample.Offer;
        var forgeries = reader.Below(MostForgeries + 1);
        var neededFrom = Vlsn.Of(1 + reader.Below(offer.Last.Value < 40 ? 40 : 60));
        byte[]? frame = null;
        for (var i = 0; i < forgeries && frame is null; i++)
        {
            var kind = reader.Below(8);
            if (kind == 0) frame = Flipped(offer.ToBytes(), reader.UInt16(), reader.Byte());
            else offer = Forge(kind, offer, ref reader, ref known);
        }

        frame ??= offer.ToBytes();
        receiver.Begin(frame, neededFrom, frame.AsSpan().SequenceEqual(sample.Offer.ToBytes()) ? sample : null);
    }

    private static CopyOffer Forge(int kind, CopyOffer offer, ref InputReader reader, ref ImmutableDictionary<ChunkDigest, byte[]> known)
    {
        if (kind == 1) return offer with { Last = Drawn(offer.Last, ref reader) };
        if (kind == 2) return offer with { Applied = Drawn(offer.Applied, ref reader) };
        if (kind == 3)
        {
            var theirs = CopySample.Of(reader.Byte()).Offer.Files;
            return offer with { Files = Sorted(offer.Files, theirs[reader.Byte() % theirs.Length]) };
        }

        if (offer.Files.IsEmpty) return offer;
        var at = reader.Byte() % offer.Files.Length;
        var (file, others) = (offer.Files[at], offer.Files.RemoveAt(at));
        switch (kind)
        {
            case 4:
                return offer with { Files = reader.Below(4) == 3 ? [.. others.Where(other => other.Name.StartsWith("state/", StringComparison.Ordinal))] : others };
            case 5:
                return offer with { Files = Sorted(others, file with { Name = NameOf(ref reader) }) };
            case 6:
                var length = Math.Max(0, file.Length + ((sbyte)reader.Byte() * (reader.Below(2) == 0 ? 1L : Limits.ChunkBytes)));
                var chunks = file.Chunks.AddRange(Enumerable.Repeat(ChunkDigest.Of(All[0]), 300))[..(int)CopyFile.ChunksOf(length)];
                return offer with { Files = offer.Files.SetItem(at, file with { Length = length, Chunks = chunks }) };
            default:
                // A donor that keeps its word: what it sends is what it offers, and is no sound file.
                if (file.Chunks.IsEmpty || !known.TryGetValue(file.Chunks[0], out var bytes)) return offer;
                var (where, by) = (reader.UInt16(), reader.Byte());
                var lie = by == 0 ? bytes[..(where % (bytes.Length + 1))] : Flipped(bytes, where, by);
                known = known.SetItem(ChunkDigest.Of(lie), lie);
                var wholeLength = file.Chunks.Length == 1 ? lie.Length : file.Length;
                return offer with { Files = offer.Files.SetItem(at, file with { Length = wholeLength, Chunks = file.Chunks.SetItem(0, ChunkDigest.Of(lie)) }) };
        }
    }

    private static Vlsn Drawn(Vlsn vlsn, ref InputReader reader) => reader.Byte() switch
    {
        0 => Vlsn.Null,
        0xff => Vlsn.Of(long.MaxValue),
        var drawn => Vlsn.Of(Math.Max(1, vlsn.Value + (sbyte)drawn)),
    };

    private static string NameOf(ref InputReader reader)
    {
        string[] names = ["log/../../elsewhere/file", "state/..", "/elsewhere/file", "positions", "log/", "log/a/b", "state/LOCK", "state/picture", "log/zzz", "log/00000000000000000000.log",
            "state/a\0b"];
        var drawn = reader.Byte();
        if (drawn < names.Length) return names[drawn];
        var drawnName = (drawn % 2 == 0 ? "log/" : "state/") + Encoding.Latin1.GetString(reader.Bytes());
        return Encoding.UTF8.GetByteCount(drawnName) <= CopyFile.NameBytes ? drawnName : drawnName[..(CopyFile.NameBytes / 2)];
    }

    private static ImmutableArray<CopyFile> Sorted(ImmutableArray<CopyFile> files, CopyFile one) =>
        [.. files.Where(file => file.Name != one.Name).Append(one).OrderBy(static file => file.Name, StringComparer.Ordinal)];
}
