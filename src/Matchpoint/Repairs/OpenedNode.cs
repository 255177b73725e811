using Matchpoint.Node;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Log;

namespace Matchpoint.Repairs;

/// <summary>What a node keeps on its disk, opened.</summary>
/// <param name="Directory">Its directory, which it holds.</param>
/// <param name="Log">Its log.</param>
/// <param name="Ballot">What it promised.</param>
/// <param name="Keeper">Its state.</param>
/// <param name="Notes">What opening found and did, one sentence each.</param>
/// <param name="Repairs">What was found damaged and what was done about it, one sentence each.</param>
/// <param name="HasForgotten">Whether it holds less than it may have shown before: it shows nothing again until it has caught up.</param>
internal sealed record OpenedNode(
    DataDirectory Directory, RecordLog Log, BallotFile Ballot, StateKeeper Keeper, IReadOnlyList<string> Notes, IReadOnlyList<string> Repairs, bool HasForgotten);
