using Matchpoint.Protocol.Syncup;

namespace Matchpoint.Syncup;

/// <summary>Watches a syncup. Called in order, from the session's own task.</summary>
internal interface ISyncupObserver
{
    /// <summary>It has come to a step.</summary>
    void OnStep(SyncupStep step, string text);

    /// <summary>A message went to the peer, or came from it: a message of the protocol, as a value.</summary>
    void OnMessage(bool sent, object message);

    /// <summary>Bytes of the log went to the peer, or came from it.</summary>
    void OnRecords(bool sent, long records, long bytes);
}

/// <summary>Watches nothing.</summary>
internal sealed class NoObserver : ISyncupObserver
{
    /// <summary>It has no state: one is enough.</summary>
    public static NoObserver Instance { get; } = new();

    /// <inheritdoc/>
    public void OnStep(SyncupStep step, string text)
    {
    }

    /// <inheritdoc/>
    public void OnMessage(bool sent, object message)
    {
    }

    /// <inheritdoc/>
    public void OnRecords(bool sent, long records, long bytes)
    {
    }
}
