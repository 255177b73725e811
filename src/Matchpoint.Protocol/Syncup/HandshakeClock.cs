namespace Matchpoint.Protocol.Syncup;

/// <summary>The deadlines of a handshake: so long without a message, so long in all. Time is an argument: what has passed since the session began.</summary>
internal struct HandshakeClock
{
    private TimeSpan _heardAt;

    /// <summary>When the handshake must have moved on.</summary>
    public readonly TimeSpan Deadline
    {
        get
        {
            var silence = _heardAt + Limits.MessageTimeout;
            return silence < Limits.HandshakeTimeout ? silence : Limits.HandshakeTimeout;
        }
    }

    /// <summary>The peer was heard, or it is waited for from now on.</summary>
    public void Heard(TimeSpan now) => _heardAt = now;

    /// <summary>Why the handshake is over; null while it is not.</summary>
    public readonly string? Expired(TimeSpan now)
    {
        if (now >= Limits.HandshakeTimeout) return $"the handshake took more than {Limits.HandshakeTimeout.TotalMinutes:0} minutes";
        return now >= _heardAt + Limits.MessageTimeout ? $"nothing was heard from the peer for {Limits.MessageTimeout.TotalSeconds:0} s" : null;
    }
}
