namespace Matchpoint.Peers;

/// <summary>A store that runs. Disposing stops it.</summary>
internal interface IOpenPeer : IAsyncDisposable
{
    /// <summary>The processes that hold its data, for whoever counts their flushes.</summary>
    IReadOnlyList<int> Processes { get; }

    /// <summary>Writes, and comes back once the write is acknowledged.</summary>
    Task PutAsync(int client, byte[] key, byte[] value, CancellationToken cancellation);

    /// <summary>Reads.</summary>
    /// <returns>Whether there was a value.</returns>
    Task<bool> GetAsync(int client, byte[] key, bool isLinearizable, CancellationToken cancellation);
}
