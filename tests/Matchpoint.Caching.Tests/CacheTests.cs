using System.Buffers;
using Microsoft.Extensions.Caching.Distributed;
using Microsoft.Extensions.Options;

namespace Matchpoint.Caching.Tests;

/// <summary>What a cache promises, on a node by itself whose clock the test turns.</summary>
public sealed class CacheTests : IAsyncLifetime
{
    private readonly string _directory = Directory.CreateTempSubdirectory("matchpoint-cache-").FullName;
    private readonly ShiftedTime _time = new();
    private MatchpointNode _node = null!;
    private MatchpointCache _cache = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => await OpenAsync();

    public async ValueTask DisposeAsync()
    {
        await _node.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task What_was_set_is_there_until_it_is_removed_and_over_a_restart()
    {
        byte[] value = [1, 2, 3];
        await _cache.SetAsync("key", value, new DistributedCacheEntryOptions(), Cancellation);
        await _node.DisposeAsync();
        await OpenAsync();
        Assert.Equal(value, await _cache.GetAsync("key", Cancellation));
        Assert.Equal(value, _cache.Get("key"));
        await _cache.RemoveAsync("key", Cancellation);
        Assert.Null(await _cache.GetAsync("key", Cancellation));
        Assert.Null(await _cache.GetAsync("another", Cancellation));
    }

    [Fact]
    public async Task Values_go_in_pieces_and_come_into_a_buffer()
    {
        var first = new Piece(new byte[] { 1, 2 });
        var last = first.Append(new byte[] { 3 });
        await _cache.SetAsync("key", new ReadOnlySequence<byte>(first, 0, last, 1), new DistributedCacheEntryOptions(), Cancellation);
        var buffer = new ArrayBufferWriter<byte>();
        Assert.True(await _cache.TryGetAsync("key", buffer, Cancellation));
        Assert.Equal([1, 2, 3], buffer.WrittenSpan.ToArray());
        Assert.False(_cache.TryGet("another", buffer));
        Assert.Equal(3, buffer.WrittenCount);
    }

    [Fact]
    public async Task What_is_no_entry_is_left_alone_and_keeps_nothing_behind_it_from_being_removed()
    {
        await _cache.SetAsync("a", [1], new DistributedCacheEntryOptions { AbsoluteExpirationRelativeToNow = TimeSpan.FromMinutes(1) }, Cancellation);
        await _cache.SetAsync("b", [1], new DistributedCacheEntryOptions { AbsoluteExpirationRelativeToNow = TimeSpan.FromMinutes(2) }, Cancellation);
        var database = _node.Database(new MatchpointCacheOptions().Database);
        byte[] foreign = [9, 9];
        await database.PutAsync("ea"u8.ToArray(), foreign, cancellation: Cancellation);
        _time.Shift = TimeSpan.FromMinutes(3);
        Assert.Equal(2, await _cache.Sweep.StepAsync(Cancellation));
        Assert.Equal(foreign, await database.GetAsync("ea"u8.ToArray(), cancellation: Cancellation));
        Assert.Null(await database.GetAsync("eb"u8.ToArray(), cancellation: Cancellation));
        Assert.Equal(0, await _cache.Sweep.StepAsync(Cancellation));
    }

    [Fact]
    public async Task An_entry_is_gone_at_its_absolute_expiration_however_often_it_is_read()
    {
        await _cache.SetAsync("after", [1], new DistributedCacheEntryOptions { AbsoluteExpirationRelativeToNow = TimeSpan.FromMinutes(10), SlidingExpiration = TimeSpan.FromMinutes(8) }, Cancellation);
        await _cache.SetAsync("at", [1], new DistributedCacheEntryOptions { AbsoluteExpiration = _time.GetUtcNow().AddMinutes(10) }, Cancellation);
        for (var minute = 3; minute < 10; minute += 3)
        {
            _time.Shift = TimeSpan.FromMinutes(minute);
            Assert.NotNull(await _cache.GetAsync("after", Cancellation));
            Assert.NotNull(await _cache.GetAsync("at", Cancellation));
        }

        _time.Shift = TimeSpan.FromMinutes(10);
        Assert.Null(await _cache.GetAsync("after", Cancellation));
        Assert.Null(await _cache.GetAsync("at", Cancellation));
    }

    [Fact]
    public async Task A_window_begins_anew_with_each_read_and_refresh_and_ends_when_there_is_none()
    {
        await _cache.SetAsync("read", [1], new DistributedCacheEntryOptions { SlidingExpiration = TimeSpan.FromMinutes(8) }, Cancellation);
        await _cache.SetAsync("refreshed", [1], new DistributedCacheEntryOptions { SlidingExpiration = TimeSpan.FromMinutes(8) }, Cancellation);
        await _cache.SetAsync("left", [1], new DistributedCacheEntryOptions { SlidingExpiration = TimeSpan.FromMinutes(8) }, Cancellation);
        for (var minute = 7; minute < 40; minute += 7)
        {
            _time.Shift = TimeSpan.FromMinutes(minute);
            Assert.NotNull(await _cache.GetAsync("read", Cancellation));
            await _cache.RefreshAsync("refreshed", Cancellation);
        }

        Assert.Null(await _cache.GetAsync("left", Cancellation));
        Assert.NotNull(await _cache.GetAsync("refreshed", Cancellation));
        _time.Shift += TimeSpan.FromMinutes(9) + TimeSpan.FromSeconds(1);
        Assert.Null(await _cache.GetAsync("read", Cancellation));
    }

    [Fact]
    public async Task Reads_in_quick_succession_write_nothing()
    {
        await _cache.SetAsync("key", [1], new DistributedCacheEntryOptions { SlidingExpiration = TimeSpan.FromMinutes(8) }, Cancellation);
        var before = _node.GetStatus().Last;
        for (var i = 0; i < 100; i++) await _cache.GetAsync("key", Cancellation);
        Assert.Equal(before, _node.GetStatus().Last);
    }

    [Fact]
    public async Task An_entry_without_expiration_has_the_window_of_the_options()
    {
        await _cache.SetAsync("key", [1], new DistributedCacheEntryOptions(), Cancellation);
        _time.Shift = TimeSpan.FromMinutes(19);
        Assert.NotNull(await _cache.GetAsync("key", Cancellation));
        _time.Shift += TimeSpan.FromMinutes(23);
        Assert.Null(await _cache.GetAsync("key", Cancellation));
    }

    [Fact]
    public async Task An_expiration_in_the_past_is_refused()
    {
        var past = new DistributedCacheEntryOptions { AbsoluteExpiration = _time.GetUtcNow().AddSeconds(-1) };
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => _cache.SetAsync("key", [1], past, Cancellation));
    }

    [Fact]
    public async Task What_has_expired_is_removed_in_steps_and_nothing_else()
    {
        var soon = new DistributedCacheEntryOptions { AbsoluteExpirationRelativeToNow = TimeSpan.FromMinutes(1) };
        var entries = CacheSweep.StepSize + 10;
        for (var i = 0; i < entries; i++) await _cache.SetAsync($"soon-{i}", [1], soon, Cancellation);
        await _cache.SetAsync("set anew", [1], soon, Cancellation);
        await _cache.SetAsync("set anew", [2], new DistributedCacheEntryOptions { AbsoluteExpirationRelativeToNow = TimeSpan.FromHours(1) }, Cancellation);
        Assert.Equal(0, await _cache.Sweep.StepAsync(Cancellation));

        _time.Shift = TimeSpan.FromMinutes(2);
        Assert.Equal(CacheSweep.StepSize, await _cache.Sweep.StepAsync(Cancellation));
        Assert.Equal(11, await _cache.Sweep.StepAsync(Cancellation));
        Assert.Equal(0, await _cache.Sweep.StepAsync(Cancellation));

        Assert.Equal([2], await _cache.GetAsync("set anew", Cancellation));
        var left = 0;
        await foreach (var _ in _node.Database("cache").ScanAsync(cancellation: Cancellation)) left++;
        Assert.Equal(2, left); // The entry, and its key in the index.
    }

    [Fact]
    public async Task Something_else_in_its_database_is_named_not_returned()
    {
        await _node.Database("cache").PutAsync("ekey", "no entry", cancellation: Cancellation);
        Assert.Contains("'key'", (await Assert.ThrowsAsync<MatchpointException>(() => _cache.GetAsync("key", Cancellation))).Message, StringComparison.Ordinal);
    }

    private async Task OpenAsync()
    {
        _node = await MatchpointNode.OpenAsync(new MatchpointOptions { Directory = _directory, Time = _time }, Cancellation);
        _cache = new MatchpointCache(_node, Options.Create(new MatchpointCacheOptions()));
    }

    /// <summary>The machine's clock, set forward.</summary>
    private sealed class ShiftedTime : TimeProvider
    {
        public TimeSpan Shift { get; set; }

        public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + Shift;
    }

    private sealed class Piece : ReadOnlySequenceSegment<byte>
    {
        public Piece(ReadOnlyMemory<byte> memory) => Memory = memory;

        public Piece Append(ReadOnlyMemory<byte> memory)
        {
            var next = new Piece(memory) { RunningIndex = RunningIndex + Memory.Length };
            Next = next;
            return next;
        }
    }
}
