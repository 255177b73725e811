namespace Matchpoint.Simulation.Files;

/// <summary>A change that is seen by reads and that a power cut may still take back.</summary>
/// <param name="Text">The change in words.</param>
internal abstract record Unflushed(string Text)
{
    /// <summary>Bytes in a file.</summary>
    public sealed record Bytes(string Text, CachedFile File, long Position, ReadOnlyMemory<byte> Content) : Unflushed(Text)
    {
        /// <summary>A disk writes each of these whole, or not at all, in any order.</summary>
        private const int SectorBytes = 512;

        /// <summary>The write, sector by sector.</summary>
        public IEnumerable<Bytes> Sectors()
        {
            for (var done = 0; done < Content.Length;)
            {
                var room = SectorBytes - (int)((Position + done) % SectorBytes);
                var count = Math.Min(room, Content.Length - done);
                yield return Part(done, count);
                done += count;
            }
        }

        /// <summary>A part of the write.</summary>
        public Bytes Part(int from, int count) => count == Content.Length ? this : new(
            $"{Text} [{from}..{from + count})", File, Position + from, Content.Slice(from, count));
    }

    /// <summary>A file's length, set.</summary>
    public sealed record Length(string Text, CachedFile File, long Value) : Unflushed(Text);

    /// <summary>The length that a write gave to a file, without the bytes.</summary>
    public sealed record Longer(string Text, CachedFile File, long AtLeast) : Unflushed(Text);

    /// <summary>Names that change in one step: one that is made or removed, or both for a rename.</summary>
    public sealed record Names(string Text, IReadOnlyList<NameChange> Changes) : Unflushed(Text);

    /// <summary>A directory, made or removed.</summary>
    public sealed record Folder(string Text, string Path, bool IsThere) : Unflushed(Text);
}

/// <summary>A normalized path, and what it stands for from now on: null for nothing.</summary>
internal readonly record struct NameChange(string Path, CachedFile? File);

/// <summary>A file behind its names: what reads see, and what is on the device.</summary>
internal sealed class CachedFile(Pages now, Pages durable)
{
    /// <summary>What reads see.</summary>
    public Pages Now { get; } = now;

    /// <summary>What is on the device.</summary>
    public Pages Durable { get; } = durable;
}
