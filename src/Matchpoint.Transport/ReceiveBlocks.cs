using System.Buffers;

namespace Matchpoint.Transport;

/// <summary>
/// The memory that a socket is read into: small blocks at first, each twice the one before. A peer that has said little holds little; one that streams gets blocks
/// that take a lot at once. For one reader at a time.
/// </summary>
internal sealed class ReceiveBlocks : MemoryPool<byte>
{
    /// <summary>Bytes of the first block: a service name fits.</summary>
    public const int SmallestBytes = 512;

    private const int LargestBytes = 128 * 1024;

    private int _next = SmallestBytes;
    private Block? _spare;

    /// <inheritdoc/>
    public override int MaxBufferSize => LargestBytes;

    /// <inheritdoc/>
    public override IMemoryOwner<byte> Rent(int minBufferSize = -1)
    {
        var bytes = Math.Max(minBufferSize, _next);
        _next = Math.Min(_next * 2, LargestBytes);
        var block = Interlocked.Exchange(ref _spare, null) ?? new Block(this);
        block.Fill(bytes);
        return block;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
    }

    /// <summary>An array of the shared pool; the object itself is used again, so that a stream of blocks allocates nothing.</summary>
    private sealed class Block(ReceiveBlocks owner) : IMemoryOwner<byte>
    {
        private byte[]? _array;

        public Memory<byte> Memory => _array;

        public void Fill(int bytes) => _array = ArrayPool<byte>.Shared.Rent(bytes);

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _array, null) is not { } array) return;
            ArrayPool<byte>.Shared.Return(array);
            owner._spare = this;
        }
    }
}
