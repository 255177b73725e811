using System.Collections.Concurrent;
using Matchpoint.Storage.Files;

namespace Matchpoint.Simulation.Files;

/// <summary>The locks of a file system in memory. Every holder stands for a process of its own.</summary>
internal sealed class HeldLocks
{
    private readonly ConcurrentDictionary<string, Held> _held = new(StringComparer.Ordinal);

    public IDisposable Take(string path, string holder)
    {
        var name = NameTable<object>.Normalize(path);
        var mine = new Held(this, name, holder);
        var now = _held.GetOrAdd(name, mine);
        return ReferenceEquals(now, mine) ? mine : throw new DirectoryInUseException(path, now.Holder);
    }

    public string? Holder(string path) => _held.GetValueOrDefault(NameTable<object>.Normalize(path))?.Holder;

    private sealed class Held(HeldLocks owner, string name, string holder) : IDisposable
    {
        public string Holder => holder;

        public void Dispose() => owner._held.TryRemove(new KeyValuePair<string, Held>(name, this));
    }
}
