using System.Globalization;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Membership;
using Matchpoint.Protocol.Records;
using Matchpoint.Storage;
using Matchpoint.Storage.Copies;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.Log;
using Matchpoint.Storage.State;

namespace Matchpoint.Node;

/// <summary>What a reset of a stopped node would do.</summary>
/// <param name="Name">The node.</param>
/// <param name="Members">The members as its log knows them; as the options named them where it says nothing.</param>
/// <param name="Others">Those that would be given up.</param>
/// <param name="Last">The last record of its log.</param>
/// <param name="Durable">The last record that it knows a majority had.</param>
/// <param name="Code">Names this outlook: it is to be confirmed.</param>
internal sealed record ResetOutlook(string Name, string Members, string Others, long Last, long Durable, string Code);

/// <summary>
/// Makes a stopped node the only member of its group, when a majority is lost for good. What only the others acknowledged is lost with them; so it takes two steps, and the log has a record that
/// says so.
/// </summary>
internal static class GroupReset
{
    private const string Holder = "matchpoint members reset";

    /// <summary>What it would do. Nothing is changed.</summary>
    /// <exception cref="StorageException">The directory cannot be used: the message says why.</exception>
    public static ResetOutlook Look(IFileSystem files, string path, string name)
    {
        using var directory = DataDirectory.Open(files, path, Holder);
        using var log = RecordLog.Open(directory, new LogOptions());
        var (roster, _) = Read(directory, log);
        if (directory.IsArbiter) throw new StorageException($"{directory.Path}: this is the directory of an arbiter: it has no data to go on with. Reset a member that has.");
        if (log.Appended.Vlsn.IsNull) throw new StorageException($"{directory.Path}: the log is empty: there is nothing to go on with.");
        if (roster is not null && !roster.Contains(name))
            throw new StorageException($"{directory.Path}: '{name}' is none of the members {roster}. Name the node whose directory this is.");
        var others = roster is null ? "the other members" : string.Join(", ", roster.Members.Select(static member => member.Name).Where(other => other != name));
        var code = log.Appended.Fingerprint.Value.ToString("x16", CultureInfo.InvariantCulture)[..8];
        return new ResetOutlook(
            name, roster?.ToString() ?? "as its options name them", others, log.Appended.Vlsn.DistanceFrom(Vlsn.Null), Vlsn.Min(log.Durable, log.Appended.Vlsn).DistanceFrom(Vlsn.Null), code);
    }

    /// <summary>Does it.</summary>
    /// <param name="files">The way to the disk.</param>
    /// <param name="path">The directory.</param>
    /// <param name="name">The node's name.</param>
    /// <param name="outlook">What was confirmed.</param>
    public static void Perform(IFileSystem files, string path, string name, ResetOutlook outlook)
    {
        using var directory = DataDirectory.Open(files, path, Holder);
        using var log = RecordLog.Open(directory, new LogOptions());
        Invariant.Holds(log.Appended.Vlsn.DistanceFrom(Vlsn.Null) == outlook.Last, $"the log ends at {log.Appended.Vlsn}, and {outlook.Last} was confirmed.");
        var (roster, _) = Read(directory, log);
        var ballot = BallotFile.Open(directory, hasRecords: true);
        var last = log.Appended.Term > ballot.Ballot.Term ? log.Appended.Term : ballot.Ballot.Term;
        var term = last > ballot.Ballot.NoVoteUpTo ? last.Next : ballot.Ballot.NoVoteUpTo.Next;
        var self = new Member(name, roster?.Find(name)?.Address ?? "");
        // The promise first: no vote of this node helps anybody of before. Whatever else it must not do it may do once the record says that it is alone: until then a crash changes nothing about that.
        ballot.Save(ballot.Ballot with { Term = term, VotedFor = name });
        Invariant.Holds(
            log.TryAppend(term, RecordKind.Membership, AckPolicy.None, RosterCodec.Encode(Roster.Of([self])), FlushPolicy.Sync, out _), "a reset found no room in the log.");
        log.FlushAll();
    }

    private static (Roster? Roster, Vlsn At) Read(DataDirectory directory, RecordLog log)
    {
        using var state = new RocksStateStore(new RocksStateOptions()).Look(directory.StatePath);
        var position = state?.Position ?? default;
        using var view = log.View();
        // Where the log does not reach back to its beginning the state is all that is left of it, and a state that does not fit cannot be made again.
        if (view.First > Vlsn.First && CopyProof.Against(directory, position, view, view.Last, "the state", RocksState.Advice) is { } damage) throw damage;
        var known = state is null ? null : RosterLog.In(state);
        var (roster, at) = (known?.Roster, known?.At ?? Vlsn.Null);
        if (!view.Holds(position.Vlsn.Next)) return (roster, at);
        using var reader = view.ReadFrom(position.Vlsn.Next);
        while (reader.MoveNext())
        {
            if (reader.Header.Kind == RecordKind.Membership) (roster, at) = (RosterCodec.TryDecode(reader.Payload, out _), reader.Header.Vlsn);
        }

        return (roster, at);
    }
}
