using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Orleans.Serialization.Serializers;
using Orleans.Storage;

namespace Matchpoint.Orleans;

/// <summary>
/// Keeps the states of grains on a node: one key for each state, with a tag that changes with each write. Check and write are one transaction, so of two activations that
/// read the same state only one writes it.
/// </summary>
internal sealed class GrainStorage(string name, MatchpointGrainStorageOptions options, MatchpointNode node, IActivatorProvider activators) : IGrainStorage
{
    private readonly MatchpointDatabase _states = node.Database(options.Database);

    /// <summary>The grain storage of a name.</summary>
    public static GrainStorage Create(IServiceProvider services, string name)
    {
        var options = services.GetRequiredService<IOptionsMonitor<MatchpointGrainStorageOptions>>().Get(name);
        var node = options.NodeName is { } key ? services.GetRequiredKeyedService<MatchpointNode>(key) : services.GetRequiredService<MatchpointNode>();
        return new GrainStorage(name, options, node, services.GetRequiredService<IActivatorProvider>());
    }

    /// <inheritdoc/>
    public async Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        var key = Key(stateName, grainId);
        // Whoever wrote the state before may have done so on another node.
        var bytes = await _states.GetAsync(key, ReadLevel.Linearizable).ConfigureAwait(false);
        if (StoredState.Read(bytes, What(stateName, grainId)) is not { } stored)
        {
            Forget(grainState);
            return;
        }

        grainState.State = stored.Payload.IsEmpty ? New<T>() : options.GrainStorageSerializer.Deserialize<T>(new BinaryData(stored.Payload));
        grainState.ETag = stored.Tag;
        grainState.RecordExists = true;
    }

    /// <inheritdoc/>
    public async Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        var key = Key(stateName, grainId);
        var state = StoredState.Create(Guid.NewGuid(), options.GrainStorageSerializer.Serialize(grainState.State).ToMemory());
        await node.TransactAsync(
            transaction =>
            {
                RequireUnchanged(transaction, key, stateName, grainId, grainState.ETag);
                transaction.Put(key, state.Bytes.Span, options.Database);
            },
            options.Commit).ConfigureAwait(false);
        grainState.ETag = state.Tag;
        grainState.RecordExists = true;
    }

    /// <inheritdoc/>
    public async Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        var key = Key(stateName, grainId);
        await node.TransactAsync(
            transaction =>
            {
                if (RequireUnchanged(transaction, key, stateName, grainId, grainState.ETag)) transaction.Delete(key, options.Database);
            },
            options.Commit).ConfigureAwait(false);
        Forget(grainState);
    }

    private bool RequireUnchanged(MatchpointTransaction transaction, byte[] key, string stateName, GrainId grainId, string? expected)
    {
        var tag = StoredState.Read(transaction.Get(key, options.Database), What(stateName, grainId))?.Tag;
        if (tag == expected) return tag is not null;
        throw new InconsistentStateException(
            $"{What(stateName, grainId)} was written by another activation since it was read: expected tag {expected ?? "none"}, found {tag ?? "none"}. Read it again.", tag, expected);
    }

    private string What(string stateName, GrainId grainId) => $"state '{stateName}' of grain {grainId} in grain storage '{name}'";

    private T New<T>() => activators.GetActivator<T>().Create();

    private void Forget<T>(IGrainState<T> grainState)
    {
        grainState.State = New<T>();
        grainState.ETag = null;
        grainState.RecordExists = false;
    }

    /// <summary>The state's name, its length first, so that no two become one; then the grain's type and key.</summary>
    private static byte[] Key(string stateName, GrainId grainId) => Encoding.UTF8.GetBytes($"{stateName.Length}:{stateName}/{grainId}");
}
