using Matchpoint.Client;
using Matchpoint.Journal;
using Matchpoint.Protocol;
using Matchpoint.Transport;

namespace Matchpoint.Server.Group;

/// <summary>Looks at another member again and again, over one connection: how it is, and what it remembers when that has changed.</summary>
internal sealed class MemberWatch : IAsyncDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly MatchpointNode _node;
    private readonly string _member;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stopping = new();
    private readonly SemaphoreSlim _asked = new(0);
    private readonly Task _looking;
    private volatile TaskCompletionSource _next = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile Seen _seen = new(null, null, null, "not asked yet", Answers: false);

    /// <summary>Begins to look.</summary>
    public MemberWatch(MatchpointNode node, string member)
    {
        _node = node;
        _member = member;
        _time = node.Options.Time;
        _looking = Task.Run(LookAsync);
    }

    /// <summary>What was seen last.</summary>
    public Seen Last => _seen;

    /// <summary>Looks now, and waits a little for the answer: so that what is seen of all members is of one moment, and none seems to lag behind another that was asked later.</summary>
    public async Task LookNowAsync(CancellationToken cancellation)
    {
        if (!_seen.Answers) return;
        var next = _next.Task;
        if (_asked.CurrentCount == 0) _asked.Release();
        await Task.WhenAny(next, Task.Delay(Glance, _time, cancellation)).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _looking.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stopping.Dispose();
        _asked.Dispose();
    }

    private async Task LookAsync()
    {
        NodeClient? client = null;
        try
        {
            while (!_stopping.IsCancellationRequested)
            {
                try
                {
                    if (client is not null && client.Endpoint != _node.Core.Members.TryAddressOf(_member))
                    {
                        await client.DisposeAsync().ConfigureAwait(false);
                        client = null;
                    }

                    client ??= await NodeClient.ConnectAsync(_node, _member, Patience, _stopping.Token).ConfigureAwait(false);
                    await AskAsync(client).ConfigureAwait(false);
                }
                catch (Exception error) when (error is ConnectException or ChannelException or ClientException or ProtocolException)
                {
                    if (client is not null) await client.DisposeAsync().ConfigureAwait(false);
                    client = null;
                    _seen = _seen with { Answers = false, Error = error.Message };
                }

                Interlocked.Exchange(ref _next, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
                await _asked.WaitAsync(Pause, _stopping.Token).ConfigureAwait(false);
            }
        }
        finally
        {
            if (client is not null) await client.DisposeAsync().ConfigureAwait(false);
        }
    }

    private async Task AskAsync(NodeClient client)
    {
        var answer = await client.AskAsync(new ClientRequest { Op = "overview" }, Patience, _stopping.Token).ConfigureAwait(false);
        var overview = answer.Overview ?? throw new ProtocolException("client", "answer", "an overview", "none");
        var journal = _seen.Journal;
        if (journal?.Version != overview.JournalVersion)
            journal = (await client.AskAsync(new ClientRequest { Op = "journal" }, Patience, _stopping.Token).ConfigureAwait(false)).Journal;
        _seen = new Seen(overview, journal, _time.GetUtcNow(), null, Answers: true);
    }

    /// <summary>What was seen of a member.</summary>
    /// <param name="Overview">How it was; null when it never answered.</param>
    /// <param name="Journal">What it remembered.</param>
    /// <param name="At">When it answered last.</param>
    /// <param name="Error">Why it does not answer now.</param>
    /// <param name="Answers">Whether it does.</param>
    internal sealed record Seen(NodeOverview? Overview, JournalPage? Journal, DateTimeOffset? At, string? Error, bool Answers);
}
