using System.Text;
using Matchpoint.Client;
using Matchpoint.Transport;

namespace Matchpoint.Cli.Torture;

/// <summary>
/// One client that counts: each of its transactions raises its counter by one, if it still is what the client last knew, and writes an entry beside it. It remembers what
/// was acknowledged, and what nobody knows; it reads its counter at other members, and must never be led back in time.
/// </summary>
/// <param name="number">Its number.</param>
/// <param name="endpoints">Where those are reached now that serve clients; over links that can be cut if so asked.</param>
/// <param name="random">Where its choices come from.</param>
internal sealed class TortureClient(int number, Func<bool, IReadOnlyList<Endpoint>> endpoints, Random random) : IAsyncDisposable
{
    private const int WriteTimeoutMilliseconds = 1500;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(2);

    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly CancellationTokenSource _stopping = new();
    private NodeClient? _client;
    private Task _working = Task.CompletedTask;
    private string? _violation;
    private int _next;
    private long _transactions;
    private long _unknown;
    private long _reads;

    /// <summary>How many transactions were acknowledged.</summary>
    public long Transactions => Interlocked.Read(ref _transactions);

    /// <summary>How many ended with their outcome unknown.</summary>
    public long Unknown => Interlocked.Read(ref _unknown);

    /// <summary>How many linearizable reads were answered.</summary>
    public long Reads => Interlocked.Read(ref _reads);

    /// <summary>What was read that must not be; null for nothing.</summary>
    public string? Violation
    {
        get => Volatile.Read(ref _violation);
        private set => Volatile.Write(ref _violation, value);
    }

    /// <summary>What it knows of its counter. Others look at it only while the client is held.</summary>
    public CounterTruth Truth { get; } = new(number);

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
                if (!Truth.IsKnown || i % 16 == 0) await ReadAsync();
                else await WriteAsync();
            }
            catch (Exception error) when (error is ConnectException or ChannelException or ClientException)
            {
                await LeaveAsync();
            }
            catch (Exception error)
            {
                // No answer of a sound group does this.
                Violation ??= $"client {number} ended with {error}";
                return;
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
        var (before, value) = (Truth.Value, Truth.Value + 1);
        var request = new ClientRequest
        {
            Op = "transact",
            TimeoutMilliseconds = WriteTimeoutMilliseconds,
            Conditions = [new ClientCondition(null, Encoding.UTF8.GetBytes(Truth.Counter), before == 0 ? null : Bytes(before))],
            Operations = [Put(Truth.Counter, Bytes(value)), Put(Truth.Entry(value), Bytes(value))],
        };
        Truth.OnAsked();
        ClientAnswer answer;
        try
        {
            answer = await client.AskAsync(request, Patience, CancellationToken.None);
        }
        catch (ClientException error) when (error.Error.Kind is "not-primary" or "conflict")
        {
            Truth.OnRefused();
            throw;
        }
        catch (Exception error) when (error is ChannelException or ClientException)
        {
            Truth.OnUnknown();
            Interlocked.Increment(ref _unknown);
            throw;
        }

        if (!answer.Found) return; // The counter is not what it was: the one whose outcome was unknown has taken effect after all.
        Truth.OnAcknowledged();
        Interlocked.Increment(ref _transactions);
    }

    /// <summary>Reads the counter, linearizably, wherever it is connected.</summary>
    private async Task ReadAsync()
    {
        if (random.Next(2) == 0) await LeaveAsync();
        var client = await ConnectAsync();
        var request = new ClientRequest { Op = "get", Key = Encoding.UTF8.GetBytes(Truth.Counter), Level = "linearizable" };
        var answer = await client.AskAsync(request, Patience, CancellationToken.None);
        var wrong = Truth.OnRead(answer.Found ? Encoding.UTF8.GetString(answer.Value ?? []) : null, client.Endpoint.ToString());
        Violation ??= wrong;
        Interlocked.Increment(ref _reads);
    }

    private async Task<NodeClient> ConnectAsync()
    {
        // Over a link that can be cut, or straight to a member that others do not reach: what it says there must be true as well.
        var now = endpoints(random.Next(2) == 0);
        return _client ??= await NodeClient.ConnectAsync(now[(number + _next++) % now.Count], Patience, CancellationToken.None);
    }

    private async Task LeaveAsync()
    {
        if (_client is not null) await _client.DisposeAsync();
        _client = null;
    }

    private static ClientOperation Put(string key, byte[] value) => new(ChangeKind.Put, null, -1, Encoding.UTF8.GetBytes(key), value);

    private static byte[] Bytes(long value) => Encoding.UTF8.GetBytes(CounterTruth.Text(value));
}
