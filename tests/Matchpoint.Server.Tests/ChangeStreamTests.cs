using System.Text;
using Matchpoint.Tests.Node;

namespace Matchpoint.Server.Tests;

/// <summary>The stream of changes over HTTP, where there is much, and where there is nothing.</summary>
public sealed class ChangeStreamTests : IAsyncLifetime
{
    private ServedGroup _group = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _group = await ServedGroup.StartAsync(size: 1);

    public ValueTask DisposeAsync() => _group.DisposeAsync();

    [Fact]
    public async Task What_is_there_already_is_sent_without_a_timer_for_each()
    {
        const int Count = 4000;
        var soon = new CommitOptions { Durability = new Durability(FlushPolicy.NoSync, FlushPolicy.NoSync, AckPolicy.None) };
        for (var i = 0; i < Count; i++) await _group.Nodes.Primary.Default.PutAsync(Encoding.UTF8.GetBytes($"k{i}"), "v"u8.ToArray(), soon, Cancellation);
        var before = Timer.ActiveCount;
        using var reader = await StreamAsync("after=beginning");
        var heard = 0;
        while (heard < Count)
        {
            var line = await reader.ReadLineAsync(Cancellation).AsTask().WaitAsync(Eventually.Patience, Cancellation);
            if (line!.StartsWith("id: ", StringComparison.Ordinal)) heard++;
        }

        Assert.InRange(Timer.ActiveCount - before, long.MinValue, Count / 4);
    }

    /// <summary>Else whatever stands between cuts a stream that is silent, and whoever comes back has to begin where it began.</summary>
    [Fact]
    public async Task A_stream_of_a_quiet_database_moves_on_with_the_busy_ones()
    {
        var begin = _group.Nodes.Primary.GetStatus().Last;
        using var reader = await StreamAsync("database=quiet");
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var busy = KeepBusyAsync(enough.Token);
        string? id = null;
        while (id is null)
        {
            var line = await reader.ReadLineAsync(Cancellation).AsTask().WaitAsync(Eventually.Patience, Cancellation);
            if (line!.StartsWith("id: ", StringComparison.Ordinal)) id = line[4..];
        }

        await enough.CancelAsync();
        await busy;
        Assert.True(CommitToken.TryParse(id, out var token));
        Assert.InRange(token.Vlsn, begin + 2, _group.Nodes.Primary.GetStatus().Last);
    }

    private async Task KeepBusyAsync(CancellationToken enough)
    {
        while (!enough.IsCancellationRequested)
        {
            await _group.Nodes.Primary.Database("busy").PutAsync("k"u8.ToArray(), "v"u8.ToArray(), cancellation: Cancellation);
            await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, enough).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<StreamReader> StreamAsync(string query)
    {
        var response = await _group.Client.GetAsync(_group.At("a", $"api/changes?{query}"), HttpCompletionOption.ResponseHeadersRead, Cancellation);
        response.EnsureSuccessStatusCode();
        return new StreamReader(await response.Content.ReadAsStreamAsync(Cancellation));
    }
}
