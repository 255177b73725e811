namespace Matchpoint.Protocol.Syncup;

/// <summary>How long a syncup machine waits for its peer, in time since the session's start.</summary>
internal struct SessionTimer
{
    private TimeSpan _lastHeard;

    /// <summary>Until when the peer's next message must be here.</summary>
    public readonly TimeSpan Deadline => _lastHeard + Limits.MessageTimeout < Limits.HandshakeTimeout
        ? _lastHeard + Limits.MessageTimeout
        : Limits.HandshakeTimeout;

    /// <summary>From now on the peer is waited for.</summary>
    public void Restart(TimeSpan now) => _lastHeard = now;

    /// <summary>What took too long, in words; null while there is time.</summary>
    public readonly string? Overrun(TimeSpan now)
    {
        if (now >= Limits.HandshakeTimeout) return $"the handshake took more than {Limits.HandshakeTimeout}";
        return now >= Deadline ? $"no message came for {Limits.MessageTimeout}" : null;
    }
}
