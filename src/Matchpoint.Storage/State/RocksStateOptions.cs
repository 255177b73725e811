namespace Matchpoint.Storage.State;

/// <summary>How the state is kept on disk.</summary>
internal sealed record RocksStateOptions
{
    /// <summary>Memory for blocks that are read often.</summary>
    public long CacheBytes { get; init; } = 64 * 1024 * 1024;

    /// <summary>What is collected in memory before it is written as a sorted file; up to three times as much is held.</summary>
    public long WriteBufferBytes { get; init; } = 32 * 1024 * 1024;
}
