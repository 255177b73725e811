namespace Matchpoint.Transport;

/// <summary>What is done to a fresh connection before the first byte of ours goes over it. The place where TLS belongs.</summary>
internal interface IConnectionSecurity
{
    /// <summary>Secures a connection that this side opened.</summary>
    ValueTask<Stream> ConnectAsync(Stream stream, Endpoint peer, CancellationToken cancellation);

    /// <summary>Secures a connection that this side accepted.</summary>
    ValueTask<Stream> AcceptAsync(Stream stream, CancellationToken cancellation);
}

/// <summary>No security: for the machine's own loopback.</summary>
internal sealed class PlainText : IConnectionSecurity
{
    /// <summary>It has no state: one is enough.</summary>
    public static PlainText Instance { get; } = new();

    /// <inheritdoc/>
    public ValueTask<Stream> ConnectAsync(Stream stream, Endpoint peer, CancellationToken cancellation) => ValueTask.FromResult(stream);

    /// <inheritdoc/>
    public ValueTask<Stream> AcceptAsync(Stream stream, CancellationToken cancellation) => ValueTask.FromResult(stream);
}
