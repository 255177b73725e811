using Matchpoint;
using Orleans.Concurrency;

namespace OrleansManyGroups;

/// <summary>One of many groups: it holds the keys that fall to it.</summary>
public interface IShardGrain : IGrainWithIntegerKey
{
    /// <summary>Sets a key to a value.</summary>
    Task PutAsync(string key, string value);

    /// <summary>The value of a key; null when it has none.</summary>
    Task<string?> GetAsync(string key);

    /// <summary>The silo that has its node open.</summary>
    Task<string> WhereAsync();
}

/// <summary>Where the nodes of this program keep their data.</summary>
public sealed record ShardDirectory(string Path);

/// <summary>
/// Opens its node when it is activated, and closes it when it leaves. Orleans sees to it that there is one of each; the node's lock on its directory sees to it too.
/// On several machines it would open a member of a group of three, and be placed where that group's primary is.
/// </summary>
[Reentrant]
public sealed class ShardGrain(ShardDirectory directory, ILocalSiloDetails silo) : Grain, IShardGrain
{
    private MatchpointNode? _node;

    private MatchpointNode Node => _node ?? throw new InvalidOperationException("The grain is not active.");

    public override async Task OnActivateAsync(CancellationToken cancellationToken) =>
        _node = await MatchpointNode.OpenAsync(Path.Combine(directory.Path, $"group-{this.GetPrimaryKeyLong()}"), cancellationToken);

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        if (_node is not null) await _node.DisposeAsync();
    }

    public async Task PutAsync(string key, string value) => await Node.Default.PutAsync(key, value);

    public async Task<string?> GetAsync(string key) => await Node.Default.GetTextAsync(key);

    public Task<string> WhereAsync() => Task.FromResult(silo.Name);
}
