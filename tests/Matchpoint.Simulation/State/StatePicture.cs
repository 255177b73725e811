using System.Collections.Immutable;
using System.IO.Hashing;
using Matchpoint.Protocol.Identities;
using Matchpoint.Storage;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.State;

namespace Matchpoint.Simulation.State;

/// <summary>
/// A picture of an ordered state in files, each of which proves itself: the head says where the state stands and what the others hold. A part that is gone, torn or of another picture is
/// damage; without a head there is no state.
/// </summary>
internal static class StatePicture
{
    /// <summary>The head's name.</summary>
    public const string HeadName = "picture";

    private const int DigestBytes = sizeof(ulong);
    private const string Advice = "It was put there by a full copy, or a backup. Fetch it again.";

    /// <summary>Writes one.</summary>
    /// <param name="files">The way to the disk.</param>
    /// <param name="path">The directory.</param>
    /// <param name="position">Where the state stands.</param>
    /// <param name="values">What it holds.</param>
    /// <param name="parts">Into how many files beside the head the values go; with none the head holds them.</param>
    /// <param name="partBytes">How long each of these is at the least, so that they are as long in coming as those of a larger state.</param>
    public static void Write(IFileSystem files, string path, StatePosition position, IReadOnlyCollection<KeyValuePair<byte[], byte[]>> values, int parts, int partBytes)
    {
        var bodies = new List<byte[]>();
        var share = parts == 0 ? 0 : (values.Count / parts) + 1;
        for (var i = 0; i < parts; i++) bodies.Add(Sealed(Body(values.Skip(i * share).Take(share).ToList(), partBytes)));
        using var head = new MemoryStream();
        using var writer = new BinaryWriter(head);
        writer.Write(position.Vlsn.Value);
        writer.Write(position.Fingerprint.Value);
        writer.Write(parts);
        foreach (var body in bodies) writer.Write(body.AsSpan(body.Length - DigestBytes));
        writer.Write(parts == 0 ? Body([.. values], 0) : Body([], 0));
        writer.Flush();
        files.CreateDirectory(path);
        for (var i = 0; i < parts; i++) Put(files, NameOf(path, i), bodies[i]);
        Put(files, Path.Combine(path, HeadName), Sealed(head.ToArray()));
    }

    /// <summary>Reads one, all of it.</summary>
    /// <returns>What it holds, and a hash that tells it from others; null where there is none.</returns>
    /// <exception cref="DamageException">It is damaged.</exception>
    public static (StatePosition Position, ImmutableSortedDictionary<byte[], byte[]> Values, ulong Hash)? TryRead(
        IFileSystem files, string path, ImmutableSortedDictionary<byte[], byte[]> empty)
    {
        var name = Path.Combine(path, HeadName);
        if (!files.FileExists(name)) return null;
        using var reader = new BinaryReader(new MemoryStream(Unsealed(files, path, name, out var hash)));
        var vlsn = Vlsn.TryCreate(reader.ReadInt64(), out var read) ? read : throw new DamageException(path, 0, "the state's position", "a record's number", "none", Advice);
        var position = new StatePosition(vlsn, new Fingerprint(reader.ReadUInt64()));
        var parts = reader.ReadInt32();
        var values = empty.ToBuilder();
        for (var i = 0; i < parts; i++)
        {
            var body = Unsealed(files, path, NameOf(path, i), out var digest);
            if (reader.ReadUInt64() is var named && named != digest) throw new DamageException(path, 0, $"part {i} of the state", $"{named:x16}", $"{digest:x16}", Advice);
            Take(body, values);
        }

        Take(reader.ReadBytes((int)(reader.BaseStream.Length - reader.BaseStream.Position)), values);
        return (position, values.ToImmutable(), hash);
    }

    private static string NameOf(string path, int part) => Path.Combine(path, $"{HeadName}-{part}");

    private static byte[] Body(List<KeyValuePair<byte[], byte[]>> values, int least)
    {
        using var bytes = new MemoryStream();
        using var writer = new BinaryWriter(bytes);
        writer.Write(values.Count);
        foreach (var (key, value) in values)
        {
            writer.Write(key.Length);
            writer.Write(key);
            writer.Write(value.Length);
            writer.Write(value);
        }

        writer.Flush();
        if (bytes.Length < least) bytes.SetLength(least);
        return bytes.ToArray();
    }

    private static void Take(byte[] body, ImmutableSortedDictionary<byte[], byte[]>.Builder values)
    {
        using var reader = new BinaryReader(new MemoryStream(body));
        for (var count = reader.ReadInt32(); count > 0; count--)
        {
            var key = reader.ReadBytes(reader.ReadInt32());
            values[key] = reader.ReadBytes(reader.ReadInt32());
        }
    }

    private static byte[] Sealed(byte[] body) => [.. body, .. BitConverter.GetBytes(XxHash3.HashToUInt64(body))];

    private static byte[] Unsealed(IFileSystem files, string path, string name, out ulong digest)
    {
        if (!files.FileExists(name)) throw new DamageException(path, 0, "the state", $"a file {Path.GetFileName(name)}", "none", Advice);
        using var file = files.Open(name, FileOpening.Read);
        var bytes = new byte[file.Length];
        file.Read(0, bytes);
        var body = bytes.AsSpan(0, Math.Max(0, bytes.Length - DigestBytes));
        digest = bytes.Length < DigestBytes ? 0 : BitConverter.ToUInt64(bytes, body.Length);
        var computed = XxHash3.HashToUInt64(body);
        if (bytes.Length < DigestBytes || digest != computed) throw new DamageException(path, 0, $"the state's file {Path.GetFileName(name)}", $"{computed:x16}", $"{digest:x16}", Advice);
        return body.ToArray();
    }

    private static void Put(IFileSystem files, string path, byte[] bytes)
    {
        using var file = files.Open(path, FileOpening.CreateNew);
        file.Write(0, bytes);
    }
}
