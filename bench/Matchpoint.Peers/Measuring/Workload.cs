namespace Matchpoint.Peers.Measuring;

/// <summary>One measurement: what is done, and by how many clients at once.</summary>
internal readonly record struct Workload(Work Work, int Clients)
{
    /// <summary>All that are measured, in the order in which they are.</summary>
    public static IReadOnlyList<Workload> All { get; } =
    [
        new(Work.Write, 1), new(Work.Write, 16), new(Work.Write, 64),
        new(Work.Read, 1), new(Work.Read, 16),
        new(Work.LinearizableRead, 1), new(Work.LinearizableRead, 16),
    ];

    /// <summary>Its name in the tables.</summary>
    public string Title => (Work switch { Work.Write => "writes", Work.Read => "reads", _ => "linearizable reads" }) + $" by {Clients}";

    /// <summary>Whether a store has it.</summary>
    public bool IsFor(IPeer peer) => Work != Work.LinearizableRead || peer.Facts.Linearizable is not null;
}
