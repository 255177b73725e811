namespace Matchpoint.Protocol.Syncup;

/// <summary>What a driver steps: either side of a syncup.</summary>
internal interface ISyncupMachine
{
    /// <summary>When a <see cref="TimePassed"/> is due, counted from the start of the session; null while the peer is not waited for.</summary>
    TimeSpan? Deadline { get; }

    /// <summary>Takes what happened, and adds what is to be done.</summary>
    void Step(SyncupInput input, TimeSpan now, List<SyncupEffect> effects);
}
