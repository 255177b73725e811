namespace Matchpoint.Peers;

/// <summary>What the results of a store mean.</summary>
/// <param name="Title">Its name and version, as a reader knows them.</param>
/// <param name="Copies">How many copies it keeps.</param>
/// <param name="Reached">How its clients reach it.</param>
/// <param name="Acknowledged">Where a write is when it is acknowledged.</param>
/// <param name="Read">What its plain reads are; null where it has none of its own.</param>
/// <param name="Linearizable">How it reads linearizably; null where it does not.</param>
internal sealed record PeerFacts(string Title, int Copies, string Reached, string Acknowledged, string Read, string? Linearizable)
{
    /// <summary>Said of those whose clients call methods.</summary>
    public const string InProcess = "in process";

    /// <summary>Said of those whose clients are connected.</summary>
    public const string OverLoopback = "over loopback";
}
