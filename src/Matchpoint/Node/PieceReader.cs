using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;
using Matchpoint.Storage;
using Matchpoint.Storage.Log;

namespace Matchpoint.Node;

/// <summary>Reads the earlier pieces of a large transaction back from the log: its commit names the piece before it, and so on to the first.</summary>
internal static class PieceReader
{
    /// <summary>The payloads of the pieces before a commit, in order.</summary>
    /// <param name="view">A view that holds them.</param>
    /// <param name="commit">The commit's payload.</param>
    /// <exception cref="StateLostException">A piece is not kept any more.</exception>
    /// <exception cref="DamageException">A piece is damaged.</exception>
    public static IReadOnlyList<byte[]> Before(LogView view, in TransactionPayload commit)
    {
        var pieces = new List<byte[]>();
        for (var at = commit.PreviousPiece; !at.IsNull;)
        {
            if (!view.Holds(at))
                throw new StateLostException($"record {at} is a piece of a transaction that is to be applied, and the log holds only {view.First} to {view.Last}. The node needs a full copy.");
            using var reader = view.ReadFrom(at);
            Invariant.Holds(reader.MoveNext() && reader.Header.Vlsn == at, $"record {at} is held and cannot be read.");
            var payload = reader.Payload.ToArray();
            pieces.Add(payload);
            at = Read(payload, at).PreviousPiece;
        }

        pieces.Reverse();
        return pieces;
    }

    /// <summary>The payload of a record that is known to be sound.</summary>
    public static TransactionPayload Read(ReadOnlySpan<byte> payload, Vlsn vlsn)
    {
        if (!TransactionPayload.TryRead(payload, vlsn, out var transaction, out var fault))
            throw new StorageException($"record {vlsn} is no transaction that this build can read: {fault}. Use the version of Matchpoint that wrote it, or a newer one.");
        return transaction;
    }
}
