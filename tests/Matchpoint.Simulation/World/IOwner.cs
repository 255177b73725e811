namespace Matchpoint.Simulation.World;

/// <summary>Whose events they are: those of one that is dead never happen, those of one that is paused happen later.</summary>
internal interface IOwner
{
    /// <summary>Whether it is there at all.</summary>
    bool IsAlive { get; }

    /// <summary>Whether it stands still; what is due meanwhile is given to <see cref="Defer"/>.</summary>
    bool IsPaused { get; }

    /// <summary>Keeps an event until it goes on.</summary>
    /// <param name="action">What happens.</param>
    /// <param name="isTimer">Whether it is something that the owner's own clock wakes: that may come late.</param>
    void Defer(Action action, bool isTimer);
}
