namespace Matchpoint.Protocol.Syncup;

/// <summary>What a driver steps: either side of a syncup.</summary>
internal interface ISyncupMachine
{
    /// <summary>Whether there is an outcome: then every input is ignored.</summary>
    bool HasEnded { get; }

    /// <summary>When to give <see cref="SyncupInput.TimePassed"/> at the latest; null while the peer is not waited for.</summary>
    TimeSpan? Deadline { get; }

    /// <summary>Takes one input, and adds what is to be done.</summary>
    void Step(SyncupInput input, TimeSpan now, EffectList effects);
}
