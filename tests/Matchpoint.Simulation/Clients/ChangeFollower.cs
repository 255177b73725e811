using Matchpoint.Protocol.Identities;
using Matchpoint.Simulation.Files;
using Matchpoint.Simulation.Group;
using Matchpoint.Simulation.World;
using Matchpoint.Storage;

namespace Matchpoint.Simulation.Clients;

/// <summary>Follows the changes of the group, now at this node and now at that, and goes on behind the last one that it heard.</summary>
/// <remarks>Where logs are trimmed it may be told that these are not kept any more; then it goes on where they are.</remarks>
internal sealed class ChangeFollower(Scheduler scheduler, IReadOnlyList<SimulatedMachine> machines, bool mayMiss, Random random, Action<string> tell)
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(0.5);
    private static readonly TimeSpan MostStay = TimeSpan.FromSeconds(10);

    private readonly List<ChangeSet> _heard = [];
    private readonly List<(int Behind, Vlsn UpTo)> _missed = [];

    /// <summary>Whether what was durable may have been lost: then what it heard may be undone.</summary>
    public Func<bool> MayLose { get; init; } = static () => false;

    /// <summary>Whether a machine stays away while the others are to come together: it is not gone to.</summary>
    public Func<SimulatedMachine, bool> IsAway { get; init; } = static _ => false;

    /// <summary>What it heard, in order.</summary>
    public IReadOnlyList<ChangeSet> Heard => _heard;

    /// <summary>What it was told that it cannot hear any more: behind how many that it heard, and up to which record.</summary>
    public IReadOnlyList<(int Behind, Vlsn UpTo)> Missed => _missed;

    /// <summary>The place of the last one that it heard, or that it was told to go on behind.</summary>
    public CommitToken Last { get; private set; } = CommitToken.Beginning;

    /// <summary>Follows as long as the schedule lasts: what nobody was told may still become durable when the last client has ended.</summary>
    public async Task RunAsync()
    {
        while (true)
        {
            // Who is no member any more hears of nothing.
            var machine = machines[random.Next(machines.Count)];
            if (!IsAway(machine) && machine.Process is { Node: { State: not NodeState.Removed } node } process) await FollowAsync(process, node).ConfigureAwait(false);
            await scheduler.WaitAsync(Pause).ConfigureAwait(false);
        }
    }

    private async Task FollowAsync(SimulatedProcess process, MatchpointNode node)
    {
        using var leaving = new CancellationTokenSource();
        var hasLeft = false;
        scheduler.After(MostStay * random.NextDouble(), owner: null, () =>
        {
            if (!hasLeft) leaving.Cancel();
        });
        var following = HearAsync(process, node, leaving.Token);
        // With a process that is gone whatever it was to say is gone.
        if (await Task.WhenAny(following, process.Died).ConfigureAwait(false) == following) await following.ConfigureAwait(false);
        hasLeft = true;
    }

    private async Task HearAsync(SimulatedProcess process, MatchpointNode node, CancellationToken leaving)
    {
        tell($"changes behind {Last} are followed at {process.Name}");
        try
        {
            await foreach (var set in node.ChangesAsync(Last, leaving).ConfigureAwait(false))
            {
                if (!process.IsAlive) return;
                _heard.Add(set);
                Last = set.Token;
            }
        }
        catch (HistoryTrimmedException error) when (mayMiss && error.Oldest.Vlsn > Last.Vlsn)
        {
            tell($"changes behind {Last} are not kept at {process.Name}, and are followed from {error.Oldest} on");
            if (!process.IsAlive) return;
            Last = error.Oldest;
            _missed.Add((_heard.Count, Vlsn.Null.Plus(Last.Vlsn)));
        }
        catch (CommitUndoneException error) when (MayLose())
        {
            tell($"changes behind {Last} are not told at {process.Name}: {error.Message}");
        }
        catch (Exception error) when (error is OperationCanceledException or ObjectDisposedException or NodeFailedException or StaleReadException or StorageException or SimulatedCrashException)
        {
            tell($"changes up to {Last} were heard at {process.Name}: {error.Message}");
        }
    }
}
