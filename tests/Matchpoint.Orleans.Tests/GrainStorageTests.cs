using Microsoft.Extensions.DependencyInjection;
using Orleans.Storage;
using Orleans.TestingHost;

namespace Matchpoint.Orleans.Tests;

/// <summary>What Orleans expects of grain storage: tags, records that exist or do not, states that begin anew.</summary>
public sealed class GrainStorageTests : IAsyncLifetime
{
    private const string Name = "counter";
    private static readonly GrainId Id = GrainId.Create("type", "key");
    private readonly string _directory = Directory.CreateTempSubdirectory("matchpoint-orleans-").FullName;
    private InProcessTestCluster _cluster = null!;

    private IGrainStorage Storage => _cluster.Storage();

    public async ValueTask InitializeAsync() => _cluster = await Silo.StartAsync(_directory);

    public async ValueTask DisposeAsync()
    {
        await _cluster.StopAllSilosAsync();
        await _cluster.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task A_state_that_was_never_written_is_new_and_does_not_exist()
    {
        var state = new GrainState<CounterState> { State = null!, ETag = "left over", RecordExists = true };
        await Storage.ReadStateAsync(Name, Id, state);
        Assert.Equal(0, state.State!.Count);
        Assert.Null(state.ETag);
        Assert.False(state.RecordExists);
    }

    [Fact]
    public async Task What_was_written_is_read_with_the_tag_of_the_write()
    {
        var written = await WriteAsync(7);
        Assert.True(written.RecordExists);
        var read = await ReadAsync();
        Assert.Equal((7, written.ETag, true), (read.State!.Count, read.ETag, read.RecordExists));
    }

    [Fact]
    public async Task Each_write_has_another_tag()
    {
        var state = await WriteAsync(1);
        var first = state.ETag;
        await Storage.WriteStateAsync(Name, Id, state);
        Assert.NotNull(first);
        Assert.NotEqual(first, state.ETag);
    }

    [Fact]
    public async Task Of_two_that_read_the_same_one_writes_and_the_other_is_told()
    {
        await WriteAsync(1);
        var (one, other) = (await ReadAsync(), await ReadAsync());
        one.State!.Count = 2;
        await Storage.WriteStateAsync(Name, Id, one);
        other.State!.Count = 3;
        var tag = other.ETag;
        var error = await Assert.ThrowsAsync<InconsistentStateException>(() => Storage.WriteStateAsync(Name, Id, other));
        Assert.Equal((one.ETag, tag), (error.StoredEtag, error.CurrentEtag));
        Assert.Equal(tag, other.ETag);
        Assert.Equal(2, (await ReadAsync()).State!.Count);
    }

    [Fact]
    public async Task Writing_without_a_tag_what_exists_is_refused()
    {
        await WriteAsync(1);
        var blind = new GrainState<CounterState> { State = new CounterState { Count = 9 } };
        await Assert.ThrowsAsync<InconsistentStateException>(() => Storage.WriteStateAsync(Name, Id, blind));
        Assert.Equal(1, (await ReadAsync()).State!.Count);
    }

    [Fact]
    public async Task Writing_with_a_tag_what_is_gone_is_refused()
    {
        var late = await WriteAsync(1);
        var other = await ReadAsync();
        await Storage.ClearStateAsync(Name, Id, other);
        await Assert.ThrowsAsync<InconsistentStateException>(() => Storage.WriteStateAsync(Name, Id, late));
        Assert.False((await ReadAsync()).RecordExists);
    }

    [Fact]
    public async Task A_state_that_was_cleared_is_new_and_can_be_written_again()
    {
        var state = await WriteAsync(5);
        var before = state.ETag;
        await Storage.ClearStateAsync(Name, Id, state);
        Assert.Equal((0, null, false), (state.State!.Count, state.ETag, state.RecordExists));
        state.State!.Count = 6;
        await Storage.WriteStateAsync(Name, Id, state);
        Assert.NotEqual(before, state.ETag);
        Assert.Equal(6, (await ReadAsync()).State!.Count);
    }

    [Fact]
    public async Task Clearing_with_an_old_tag_is_refused_and_clearing_nothing_is_not()
    {
        var late = await WriteAsync(1);
        var other = await ReadAsync();
        await Storage.WriteStateAsync(Name, Id, other);
        await Assert.ThrowsAsync<InconsistentStateException>(() => Storage.ClearStateAsync(Name, Id, late));
        Assert.True((await ReadAsync()).RecordExists);
        await Storage.ClearStateAsync(Name, GrainId.Create("type", "nobody"), new GrainState<CounterState>());
    }

    [Fact]
    public async Task States_are_told_apart_by_their_names_and_grains()
    {
        await WriteAsync(1);
        foreach (var (name, id) in new[] { ("counter2", Id), (Name, GrainId.Create("type2", "key")), (Name, GrainId.Create("type", "key2")), ("1", GrainId.Create("counter/type", "key")) })
        {
            var state = new GrainState<CounterState>();
            await Storage.ReadStateAsync(name, id, state);
            Assert.False(state.RecordExists);
        }
    }

    [Fact]
    public async Task Many_writers_at_once_lose_nothing()
    {
        await WriteAsync(0);
        async Task CountAsync()
        {
            for (var done = 0; done < 20;)
            {
                var state = await ReadAsync();
                state.State!.Count++;
                try
                {
                    await Storage.WriteStateAsync(Name, Id, state);
                    done++;
                }
                catch (InconsistentStateException)
                {
                    // Another was faster: read again.
                }
            }
        }

        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => CountAsync()));
        Assert.Equal(80, (await ReadAsync()).State!.Count);
    }

    [Fact]
    public async Task Something_else_in_its_database_is_named_not_read()
    {
        await WriteAsync(1);
        var node = _cluster.Services().GetRequiredService<MatchpointNode>();
        await foreach (var pair in node.Database("grains").ScanAsync()) await node.Database("grains").PutAsync(pair.Key, "other"u8.ToArray());
        var error = await Assert.ThrowsAsync<MatchpointException>(ReadAsync);
        Assert.Contains("type/key", error.Message, StringComparison.Ordinal);
    }

    private async Task<GrainState<CounterState>> WriteAsync(int count)
    {
        var state = new GrainState<CounterState> { State = new CounterState { Count = count } };
        await Storage.WriteStateAsync(Name, Id, state);
        return state;
    }

    private async Task<GrainState<CounterState>> ReadAsync()
    {
        var state = new GrainState<CounterState>();
        await Storage.ReadStateAsync(Name, Id, state);
        return state;
    }
}
