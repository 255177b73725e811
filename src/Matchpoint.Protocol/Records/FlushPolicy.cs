namespace Matchpoint.Protocol.Records;

/// <summary>How far a record must have come on this machine before its writer goes on.</summary>
internal enum FlushPolicy : byte
{
    /// <summary>In memory: a crash of the process loses it.</summary>
    NoSync = 0,

    /// <summary>Handed to the operating system: a power cut loses it.</summary>
    Write = 1,

    /// <summary>On the device.</summary>
    Sync = 2,
}
