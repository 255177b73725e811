using Matchpoint.Protocol.Messages;
using Matchpoint.Protocol.Syncup;

namespace Matchpoint.Syncup;

/// <summary>Watches a syncup. Called in order, from the session's own task.</summary>
internal interface ISyncupObserver
{
    /// <summary>The replica has come to a step.</summary>
    void OnStep(SyncupStep step, SyncupReport report);

    /// <summary>A message went to the peer, or came from it.</summary>
    void OnMessage(bool sent, IMessage message);

    /// <summary>Records went to the peer, or came from it.</summary>
    void OnRecords(bool sent, long records, long bytes);
}

/// <summary>Watches nothing.</summary>
internal sealed class NoObserver : ISyncupObserver
{
    /// <summary>It has no state: one is enough.</summary>
    public static NoObserver Instance { get; } = new();

    /// <inheritdoc/>
    public void OnStep(SyncupStep step, SyncupReport report)
    {
    }

    /// <inheritdoc/>
    public void OnMessage(bool sent, IMessage message)
    {
    }

    /// <inheritdoc/>
    public void OnRecords(bool sent, long records, long bytes)
    {
    }
}
