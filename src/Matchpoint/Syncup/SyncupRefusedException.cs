using Matchpoint.Protocol.Hello;

namespace Matchpoint.Syncup;

/// <summary>The hello ended it: one side does not let the other in. Both are told why; nothing was touched.</summary>
internal sealed class SyncupRefusedException(string message, RefusalReason? reason = null) : Exception(message)
{
    /// <summary>Why, when this side refused; null when the peer did.</summary>
    public RefusalReason? Reason { get; } = reason;

    /// <summary>Whether the peer holds this side for no member of the group.</summary>
    public bool IsStranger { get; init; }
}
