using System.Globalization;
using System.Text;
using Matchpoint.Client;
using Matchpoint.Transport;

namespace Matchpoint.Cli.Torture;

/// <summary>
/// One client that counts: each of its transactions raises its counter by one, if it still is what the client last knew, and writes an entry beside it. It remembers what
/// was acknowledged, and what nobody knows; it reads its counter at other members, and must never be led back in time.
/// </summary>
/// <param name="number">Its number.</param>
/// <param name="endpoints">Where those listen now that serve clients.</param>
/// <param name="random">Where its choices come from.</param>
internal sealed class TortureClient(int number, Func<IReadOnlyList<Endpoint>> endpoints, Random random) : IAsyncDisposable
{
    private const int WriteTimeoutMilliseconds = 1500;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(2);

    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly CancellationTokenSource _stopping = new();
    private NodeClient? _client;
    private Task _working = Task.CompletedTask;
    private int _next;
    private long _value;
    private bool _isKnown = true;
    private bool _mayLand;
    private long _acknowledged;
    private long _transactions;
    private long _unknown;
    private long _reads;

    /// <summary>The counter's value that was acknowledged last.</summary>
    public long Acknowledged => Interlocked.Read(ref _acknowledged);

    /// <summary>How many transactions were acknowledged.</summary>
    public long Transactions => Interlocked.Read(ref _transactions);

    /// <summary>How many ended with their outcome unknown.</summary>
    public long Unknown => Interlocked.Read(ref _unknown);

    /// <summary>How many linearizable reads were answered.</summary>
    public long Reads => Interlocked.Read(ref _reads);

    /// <summary>What was read that must not be; null for nothing.</summary>
    public string? Violation { get; private set; }

    /// <summary>The key of its counter.</summary>
    public string Counter => string.Create(CultureInfo.InvariantCulture, $"counter/{number}");

    /// <summary>Where its entries lie.</summary>
    public string Entries => string.Create(CultureInfo.InvariantCulture, $"entry/{number}/");

    /// <summary>The key of one entry.</summary>
    public string Entry(long value) => string.Create(CultureInfo.InvariantCulture, $"{Entries}{value:0000000000}");

    /// <summary>Begins.</summary>
    public void Start() => _working = Task.Run(WorkAsync);

    /// <summary>Stops between two transactions, until it is let go on.</summary>
    public async Task HoldAsync(TimeSpan patience, CancellationToken cancellation)
    {
        if (!await _turn.WaitAsync(patience, cancellation)) throw new TimeoutException($"client {number} hangs in an operation for {patience.TotalSeconds:0} s, and each of them has a deadline");
    }

    /// <summary>Goes on.</summary>
    public void GoOn() => _turn.Release();

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _working;
        await LeaveAsync();
        _stopping.Dispose();
        _turn.Dispose();
    }

    private async Task WorkAsync()
    {
        for (var i = 1; !_stopping.IsCancellationRequested; i++)
        {
            await _turn.WaitAsync(CancellationToken.None);
            try
            {
                if (!_isKnown || i % 16 == 0) await ReadAsync();
                else await WriteAsync();
            }
            catch (Exception error) when (error is ConnectException or ChannelException or ClientException)
            {
                await LeaveAsync();
            }
            finally
            {
                _turn.Release();
            }

            await Task.Delay(Pause, TimeProvider.System, CancellationToken.None);
        }
    }

    private async Task WriteAsync()
    {
        var client = await ConnectAsync();
        var value = _value + 1;
        var request = new ClientRequest
        {
            Op = "transact",
            TimeoutMilliseconds = WriteTimeoutMilliseconds,
            Conditions = [new ClientCondition(null, Encoding.UTF8.GetBytes(Counter), _value == 0 ? null : Bytes(_value))],
            Operations = [Put(Counter, Bytes(value)), Put(Entry(value), Bytes(value))],
        };
        _isKnown = false;
        ClientAnswer answer;
        try
        {
            answer = await client.AskAsync(request, Patience, CancellationToken.None);
        }
        catch (ClientException error) when (error.Error.Kind is "not-primary" or "conflict")
        {
            _isKnown = true; // Nothing was written.
            throw;
        }
        catch (Exception error) when (error is ChannelException or ClientException)
        {
            _mayLand = true;
            Interlocked.Increment(ref _unknown);
            throw;
        }

        if (!answer.Found) return; // The counter is not what it was: the one whose outcome was unknown has taken effect after all.
        (_isKnown, _mayLand) = (true, false);
        _value = value;
        Interlocked.Exchange(ref _acknowledged, value);
        Interlocked.Increment(ref _transactions);
    }

    /// <summary>Reads the counter, linearizably, wherever it is connected: what was acknowledged is there.</summary>
    private async Task ReadAsync()
    {
        if (random.Next(2) == 0) await LeaveAsync();
        var client = await ConnectAsync();
        var request = new ClientRequest { Op = "get", Key = Encoding.UTF8.GetBytes(Counter), Level = "linearizable" };
        var answer = await client.AskAsync(request, Patience, CancellationToken.None);
        var found = answer.Found ? long.Parse(Encoding.UTF8.GetString(answer.Value ?? []), CultureInfo.InvariantCulture) : 0;
        // A transaction whose outcome is unknown may still be on its way; once its successor is there, it can take no effect any more.
        if (found != _value && !(_mayLand && found == _value + 1))
            Violation ??= $"{Counter} is {found}, read linearizably at {client.Endpoint}; it was known to be {_value}{(_mayLand ? ", or one more" : "")}";
        if (found != _value) _mayLand = false;
        _value = found;
        _isKnown = true;
        Interlocked.Exchange(ref _acknowledged, found);
        Interlocked.Increment(ref _reads);
    }

    private async Task<NodeClient> ConnectAsync()
    {
        var now = endpoints();
        return _client ??= await NodeClient.ConnectAsync(now[(number + _next++) % now.Count], Patience, CancellationToken.None);
    }

    private async Task LeaveAsync()
    {
        if (_client is not null) await _client.DisposeAsync();
        _client = null;
    }

    private static ClientOperation Put(string key, byte[] value) => new(ChangeKind.Put, null, -1, Encoding.UTF8.GetBytes(key), value);

    private static byte[] Bytes(long value) => Encoding.UTF8.GetBytes(value.ToString(CultureInfo.InvariantCulture));
}
