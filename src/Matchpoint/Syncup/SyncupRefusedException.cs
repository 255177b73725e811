using Matchpoint.Protocol.Hello;
using Matchpoint.Protocol.Messages;

namespace Matchpoint.Syncup;

/// <summary>The hello ended it: one side does not let the other in. Both are told why; nothing was touched.</summary>
internal sealed class SyncupRefusedException : Exception
{
    private readonly GoodbyeCode _code;

    /// <summary>This side refused.</summary>
    public SyncupRefusedException(string message, HelloVerdict.Refused refused)
        : base(message)
    {
        _code = refused.Code;
        Reason = refused.Reason;
    }

    /// <summary>The peer refused.</summary>
    public SyncupRefusedException(string message, GoodbyeCode code)
        : base(message) => _code = code;

    /// <summary>Why, when this side refused; null when the peer did.</summary>
    public RefusalReason? Reason { get; }

    /// <summary>Whether the peer holds this side for no member of the group.</summary>
    public bool IsStranger => Reason is null && _code == GoodbyeCode.NotAMember;

    /// <summary>Whether it is a matter of the moment, such as another node that leads by now, and nobody's to mend.</summary>
    public bool PassesByItself => _code == GoodbyeCode.NotNow;
}
