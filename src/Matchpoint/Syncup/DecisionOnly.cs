using Matchpoint.Protocol.Syncup;

namespace Matchpoint.Syncup;

/// <summary>A replica's machine that is listened to only until it has decided: what it wants done from then on is left undone.</summary>
internal sealed class DecisionOnly(ReplicaSyncup machine) : ISyncupMachine
{
    /// <inheritdoc/>
    public bool HasEnded => machine.HasEnded || machine.Report.Decision is not null;

    /// <inheritdoc/>
    public TimeSpan? Deadline => machine.Deadline;

    /// <inheritdoc/>
    public void Step(SyncupInput input, TimeSpan now, EffectList effects)
    {
        machine.Step(input, now, effects);
        if (machine.Report.Decision is not null) effects.Clear();
    }
}
