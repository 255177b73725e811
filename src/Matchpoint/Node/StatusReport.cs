using System.Buffers.Binary;
using System.IO.Hashing;
using Matchpoint.Protocol.Identities;
using Matchpoint.Storage.State;

namespace Matchpoint.Node;

/// <summary>Puts together what a node tells of itself.</summary>
internal static class StatusReport
{
    /// <summary>How a node is.</summary>
    /// <param name="core">The node.</param>
    /// <param name="reader">Its reads.</param>
    /// <param name="further">What is to be known of what stands beside it.</param>
    public static NodeStatus Of(NodeCore core, Reader reader, IReadOnlyList<string> further)
    {
        Vlsn first;
        using (var view = core.Log.View()) first = view.First;
        return new NodeStatus
        {
            Name = core.Members.Self,
            Group = core.Options.Group,
            State = core.Board.State,
            Step = core.Board.Step,
            Term = (long)core.Elections.Term.Value,
            Primary = core.Elections.Primary,
            First = Number(first),
            Last = Number(core.Log.Appended.Vlsn),
            Flushed = Number(core.Log.Flushed),
            Durable = Number(core.Progress.Durable),
            Applied = Number(core.State.Applied.Vlsn),
            Lag = reader.Lag(),
            TailBytes = core.Appender.TailBytes,
            Counts = core.Counts,
            Copy = core.Board.Copy,
            Kind = core.Members.Roster.Find(core.Members.Self)?.Kind ?? MemberKind.Secondary,
            IsPending = core.Members.Roster.Find(core.Members.Self)?.IsPending ?? false,
            MembersAt = Number(core.Appender.RosterAt),
            Scrub = core.Scrub.Status,
            Warnings = [.. core.Board.Warnings, .. core.Network.Warnings, .. further],
            Members = core.Feeders.Status(),
        };
    }

    /// <summary>A hash over everything that users wrote, and the record it reflects.</summary>
    public static (string Digest, CommitToken At) Digest(Reader reader, CancellationToken cancellation)
    {
        var hash = new XxHash128();
        using var snapshot = reader.Snapshot(ReadLevel.Durable);
        using var cursor = snapshot.Cursor(StateKey.Of(0, []), StateKey.Of(StateKey.SystemDatabase, []), isBackward: false);
        Span<byte> lengths = stackalloc byte[8];
        while (cursor.MoveNext())
        {
            cancellation.ThrowIfCancellationRequested();
            BinaryPrimitives.WriteInt32LittleEndian(lengths, cursor.Key.Length);
            BinaryPrimitives.WriteInt32LittleEndian(lengths[4..], cursor.Value.Length);
            hash.Append(lengths);
            hash.Append(cursor.Key);
            hash.Append(cursor.Value);
        }

        return (Convert.ToHexStringLower(hash.GetCurrentHash()), new CommitToken(0, Number(snapshot.At)));
    }

    private static long Number(Vlsn vlsn) => vlsn.DistanceFrom(Vlsn.Null);
}
