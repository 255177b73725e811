namespace Matchpoint.Orleans.Tests;

/// <summary>Grains whose state is on a node.</summary>
public sealed class GrainTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("matchpoint-orleans-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task A_state_outlives_its_activation_and_its_silo()
    {
        await using (var cluster = await Silo.StartAsync(_directory))
        {
            var grain = cluster.Client.GetGrain<ICounterGrain>("a");
            Assert.Equal(0, await grain.GetAsync());
            await grain.IncrementAsync();
            Assert.Equal(2, await grain.IncrementAsync());
            await grain.LeaveAsync();
            Assert.Equal(2, await grain.GetAsync());
            Assert.Equal(0, await cluster.Client.GetGrain<ICounterGrain>("b").GetAsync());
            await cluster.StopAllSilosAsync();
        }

        await using (var cluster = await Silo.StartAsync(_directory))
        {
            var grain = cluster.Client.GetGrain<ICounterGrain>("a");
            Assert.Equal(2, await grain.GetAsync());
            await grain.ClearAsync();
            await grain.LeaveAsync();
            Assert.Equal(0, await grain.GetAsync());
            Assert.Equal(1, await grain.IncrementAsync());
            await cluster.StopAllSilosAsync();
        }
    }
}
