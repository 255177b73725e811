using Matchpoint.Node;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;

namespace Matchpoint.Simulation.Clients;

/// <summary>Where a node stood that served a read.</summary>
/// <param name="Core">The node, from one opening to the next.</param>
/// <param name="IsCurrent">Whether it was the primary of one reign from the call to the answer.</param>
/// <param name="Held">The last record that it held when it was called.</param>
/// <param name="Durable">The last record that it knew to be durable when it answered.</param>
internal sealed record ReadPlace(object Core, bool IsCurrent, LogPosition Held, Vlsn Durable)
{
    /// <summary>Where a node stands that is about to serve a read.</summary>
    public static ReadPlace Before(MatchpointNode node) => new(node.Core, node.Core.Appender.Reign != Term.None, node.Core.Log.Appended, node.Core.Progress.Durable);

    /// <summary>The same when it has served it: what was opened anew meanwhile, or reigned in between, leads no more.</summary>
    /// <param name="node">The node.</param>
    /// <param name="reign">The reign in which it was called.</param>
    public ReadPlace After(MatchpointNode node, Term reign) => this with
    {
        IsCurrent = IsCurrent && ReferenceEquals(node.Core, Core) && node.Core.Appender.Reign == reign,
        Durable = Vlsn.Max(((NodeCore)Core).Progress.Durable, node.Core.Progress.Durable),
    };
}
