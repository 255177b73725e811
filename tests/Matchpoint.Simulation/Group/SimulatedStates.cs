using System.Diagnostics.CodeAnalysis;
using Matchpoint.Simulation.State;
using Matchpoint.Storage.State;

namespace Matchpoint.Simulation.Group;

/// <summary>The state of one machine, in memory, with what a crash may leave of it.</summary>
[SuppressMessage("Design", "CA1001", Justification = "The state holds nothing but memory.")]
internal sealed class SimulatedStates(Random random) : IStateStore
{
    private OrderedState _state = new();

    /// <inheritdoc/>
    public IState Open(string path) => _state;

    /// <inheritdoc/>
    public string? SetAside(string path)
    {
        _state = new OrderedState();
        return path + ".unusable-1";
    }

    /// <inheritdoc/>
    public void Remove(string path)
    {
        // It lies in memory, one of it, and is gone when another takes its place.
    }

    /// <summary>The process has died.</summary>
    public void Crash() => _state = _state.AfterCrash(random);

    /// <summary>The machine has a new disk.</summary>
    public void Lose() => _state = new OrderedState();

    /// <summary>What lies there now, to be put back later.</summary>
    public OrderedState Copy() => _state.AfterCrash();

    /// <summary>Puts back what was there before.</summary>
    public void PutBack(OrderedState state) => _state = state.AfterCrash();
}
