namespace Matchpoint;

/// <summary>
/// What a commit waits for before its caller is told success. The default, <see cref="Full"/>, survives the loss of any minority of the voters, power cuts included.
/// </summary>
/// <param name="LocalFlush">How far the primary has brought the commit on its own machine.</param>
/// <param name="ReplicaFlush">How far a replica has brought it before its acknowledgement counts. A commit may ask for more than its group does,
/// never for less. <see cref="FlushPolicy.NoSync"/>
/// counts like <see cref="FlushPolicy.Write"/> here: a replica acknowledges nothing that a crash of its process loses.</param>
/// <param name="Acks">Whose acknowledgements it waits for.</param>
public readonly record struct Durability(FlushPolicy LocalFlush, FlushPolicy ReplicaFlush, AckPolicy Acks)
{
    /// <summary>On the devices of a majority: nothing that was acknowledged is lost while a majority of the voters survives.</summary>
    public static Durability Full { get; } = new(FlushPolicy.Sync, FlushPolicy.Sync, AckPolicy.Majority);

    /// <summary>With the operating systems of a majority: a power cut of several machines at once may lose the last commits.</summary>
    public static Durability Written { get; } = new(FlushPolicy.Write, FlushPolicy.Write, AckPolicy.Majority);

    /// <summary>In memory on the primary, with the operating systems of the rest of a majority.</summary>
    public static Durability Fast { get; } = new(FlushPolicy.NoSync, FlushPolicy.NoSync, AckPolicy.Majority);
}
