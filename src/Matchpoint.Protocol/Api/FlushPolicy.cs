namespace Matchpoint;

/// <summary>How far a record must have come on a machine before its writer goes on.</summary>
public enum FlushPolicy : byte
{
    /// <summary>In memory: a crash of the process loses it there.</summary>
    NoSync = 0,

    /// <summary>Handed to the operating system: a power cut loses it there.</summary>
    Write = 1,

    /// <summary>On the device.</summary>
    Sync = 2,
}
