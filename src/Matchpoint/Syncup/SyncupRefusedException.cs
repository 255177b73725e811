using Matchpoint.Protocol.Syncup;

namespace Matchpoint.Syncup;

/// <summary>The hello ended it: one side does not let the other in. Both are told why; nothing was touched.</summary>
internal sealed class SyncupRefusedException(string message, RefusalKind? kind = null) : Exception(message)
{
    /// <summary>Why, when this side refused; null when the peer did.</summary>
    public RefusalKind? Kind { get; } = kind;
}
