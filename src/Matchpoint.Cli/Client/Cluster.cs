using Matchpoint.Cli.Terminal;
using Matchpoint.Client;
using Matchpoint.Protocol.Messages;
using Matchpoint.Transport;

namespace Matchpoint.Cli.Client;

/// <summary>Reaches the right node of a group: tries the addresses given, goes where the primary is said to be, and tries again until time is up.</summary>
internal sealed class Cluster(IReadOnlyList<Endpoint> endpoints, TimeSpan timeout, IConnectionSecurity security) : IAsyncDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(2);

    private NodeClient? _client;
    private int _next;

    /// <summary>Asks whichever node answers.</summary>
    public Task<ClientAnswer> AskAnyAsync(ClientRequest request, CancellationToken cancellation) => AskAsync(request, _ => false, cancellation);

    /// <summary>Asks the primary. It tries again only where nothing can have been written.</summary>
    public Task<ClientAnswer> AskPrimaryAsync(ClientRequest request, CancellationToken cancellation) =>
        AskAsync(request, error => error.Error.Kind == "not-primary", cancellation);

    /// <summary>Asks whichever node answers, for an answer of many parts.</summary>
    public async IAsyncEnumerable<ClientAnswer> AskManyAsync(ClientRequest request, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
    {
        var client = await ConnectAsync(Deadline(), cancellation);
        await foreach (var answer in client.AskManyAsync(request, Timeout.InfiniteTimeSpan, cancellation)) yield return answer;
    }

    /// <summary>The same for one other node.</summary>
    public Cluster At(Endpoint endpoint) => new([endpoint], timeout, security);

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _client?.DisposeAsync() ?? ValueTask.CompletedTask;

    private async Task<ClientAnswer> AskAsync(ClientRequest request, Func<ClientException, bool> tryAgain, CancellationToken cancellation)
    {
        var deadline = Deadline();
        while (true)
        {
            var client = await ConnectAsync(deadline, cancellation);
            try
            {
                return await client.AskAsync(request, Left(deadline) + TimeSpan.FromSeconds(5), cancellation);
            }
            catch (ClientException error) when (tryAgain(error) && Left(deadline) > TimeSpan.Zero)
            {
                await ForgetAsync();
                if (error.Error.Address is { } address)
                {
                    if (await TryConnectAsync(Endpoint.Parse(address), cancellation) is null) await PauseAsync(cancellation);
                }
                else
                {
                    await PauseAsync(cancellation);
                }
            }
            catch (ChannelClosedException refused) when (refused.Goodbye?.Code == GoodbyeCode.Refused)
            {
                // Before the request was looked at.
                await ForgetAsync();
                throw new RefusedException(refused.Message);
            }
            catch (ChannelException error)
            {
                await ForgetAsync();
                throw new IOException($"{client.Endpoint}: the connection was lost while an answer was awaited; whether it was done is unknown: {error.Message}", error);
            }
        }
    }

    private async Task<NodeClient> ConnectAsync(long deadline, CancellationToken cancellation)
    {
        if (_client is not null) return _client;
        while (true)
        {
            var endpoint = endpoints[_next++ % endpoints.Count];
            try
            {
                return _client = await NodeClient.ConnectAsync(endpoint, ConnectTimeout, cancellation, security);
            }
            catch (ConnectException) when (Left(deadline) > TimeSpan.Zero)
            {
                if (_next % endpoints.Count == 0) await PauseAsync(cancellation);
            }
        }
    }

    private async Task<NodeClient?> TryConnectAsync(Endpoint endpoint, CancellationToken cancellation)
    {
        try
        {
            return _client = await NodeClient.ConnectAsync(endpoint, ConnectTimeout, cancellation, security);
        }
        catch (ConnectException)
        {
            return null; // The primary that was named is gone: the others know of the next one soon.
        }
    }

    private async Task ForgetAsync()
    {
        if (_client is not { } client) return;
        _client = null;
        await client.DisposeAsync();
    }

    private long Deadline() => TimeProvider.System.GetTimestamp() + (long)(timeout.TotalSeconds * TimeProvider.System.TimestampFrequency);

    private static TimeSpan Left(long deadline) => TimeProvider.System.GetElapsedTime(TimeProvider.System.GetTimestamp(), deadline);

    private static Task PauseAsync(CancellationToken cancellation) => Task.Delay(Pause, TimeProvider.System, cancellation);

    /// <summary>Reads the addresses of a --connect option.</summary>
    /// <exception cref="UsageException">One is no address.</exception>
    public static IReadOnlyList<Endpoint> Parse(IEnumerable<string> connect)
    {
        try
        {
            return [.. connect.SelectMany(list => list.Split(',', StringSplitOptions.RemoveEmptyEntries)).Select(Endpoint.Parse)];
        }
        catch (FormatException error)
        {
            throw new UsageException($"--connect: {error.Message}");
        }
    }
}
