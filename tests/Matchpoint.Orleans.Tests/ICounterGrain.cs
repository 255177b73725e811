namespace Matchpoint.Orleans.Tests;

/// <summary>What a counter grain keeps.</summary>
[GenerateSerializer]
public sealed class CounterState
{
    /// <summary>How far it has counted.</summary>
    [Id(0)]
    public int Count { get; set; }
}

/// <summary>A grain that counts.</summary>
public interface ICounterGrain : IGrainWithStringKey
{
    /// <summary>Counts one up, and keeps it.</summary>
    Task<int> IncrementAsync();

    /// <summary>How far it has counted, as its activation knows it.</summary>
    Task<int> GetAsync();

    /// <summary>Forgets everything.</summary>
    Task ClearAsync();

    /// <summary>Ends the activation: the next call begins another, which reads its state.</summary>
    Task LeaveAsync();
}

/// <summary>A grain that counts, in the storage named "matchpoint".</summary>
public sealed class CounterGrain([PersistentState("counter", "matchpoint")] IPersistentState<CounterState> state) : Grain, ICounterGrain
{
    public async Task<int> IncrementAsync()
    {
        state.State.Count++;
        await state.WriteStateAsync();
        return state.State.Count;
    }

    public Task<int> GetAsync() => Task.FromResult(state.State.Count);

    public Task ClearAsync() => state.ClearStateAsync();

    public Task LeaveAsync()
    {
        DeactivateOnIdle();
        return Task.CompletedTask;
    }
}
