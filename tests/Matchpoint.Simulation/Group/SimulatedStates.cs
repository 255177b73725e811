using System.Diagnostics.CodeAnalysis;
using Matchpoint.Simulation.Files;
using Matchpoint.Simulation.State;
using Matchpoint.Storage.State;

namespace Matchpoint.Simulation.Group;

/// <summary>
/// The states of one machine, one for each directory: in memory, with what a crash may leave of them. One that came as a picture of another member's lies on the disk as well; without it, or when
/// it is damaged there, it cannot be opened.
/// </summary>
/// <param name="random">Decides what a crash leaves.</param>
/// <param name="pictureParts">How many files pictures have, and how long each is at the least.</param>
[SuppressMessage("Design", "CA1001", Justification = "The states hold nothing but memory.")]
internal sealed class SimulatedStates(Random random, (int Count, int Bytes) pictureParts)
{
    private const string First = SimulatedMachine.Directory + "/state";

    private readonly SortedDictionary<string, OrderedState> _states = new(StringComparer.Ordinal) { [First] = new OrderedState() };

    /// <summary>The states as a process finds them.</summary>
    /// <param name="files">Its way to the disk, which ends with it.</param>
    public IStateStore Of(FaultyFiles files) => new Store(this, files, pictureParts);

    /// <summary>The process has died.</summary>
    public void Crash()
    {
        foreach (var path in _states.Keys.ToList()) _states[path] = _states[path].AfterCrash(random);
    }

    /// <summary>The machine has a new disk.</summary>
    public void Lose() => PutBack(new Dictionary<string, OrderedState> { [First] = new() });

    /// <summary>What lies there now, to be put back later.</summary>
    public IReadOnlyDictionary<string, OrderedState> Copy() => _states.ToDictionary(static pair => pair.Key, static pair => pair.Value.AfterCrash(), StringComparer.Ordinal);

    /// <summary>Puts back what was there before.</summary>
    public void PutBack(IReadOnlyDictionary<string, OrderedState> states)
    {
        _states.Clear();
        foreach (var (path, state) in states) _states.Add(path, state.AfterCrash());
    }

    private sealed class Store(SimulatedStates states, FaultyFiles files, (int Count, int Bytes) pictureParts) : IStateStore
    {
        /// <inheritdoc/>
        public IStateSnapshot? Look(string path) => Open(path).Snapshot();

        /// <inheritdoc/>
        public IState Open(string path)
        {
            var picture = OrderedState.ReadFrom(files, path);
            var state = states._states.GetValueOrDefault(path);
            // What was applied since belongs to the picture that it was applied to.
            if (state is null || state.Origin != picture?.Origin) states._states[path] = state = picture ?? new OrderedState();
            (state.Files, state.PictureParts) = (files, pictureParts);
            return state;
        }

        /// <inheritdoc/>
        public string? SetAside(string path, string into)
        {
            Remove(path);
            return $"{into}/state.unusable-1";
        }

        /// <inheritdoc/>
        public void Remove(string path)
        {
            foreach (var directory in files.DirectoriesAt(path))
            {
                foreach (var name in files.ListFiles(directory)) files.Delete($"{directory}/{name}");
                files.DeleteDirectory(directory);
            }

            states._states.Remove(path);
        }
    }
}
