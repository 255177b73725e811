namespace Matchpoint.Peers.Measuring;

/// <summary>What the clients do in one measurement.</summary>
internal enum Work
{
    /// <summary>They write.</summary>
    Write,

    /// <summary>They read as the store reads by itself.</summary>
    Read,

    /// <summary>They read what nobody can have overwritten before the read began.</summary>
    LinearizableRead,
}
