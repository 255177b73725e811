using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;
using Matchpoint.Storage;
using Matchpoint.Storage.Log;
using Matchpoint.Storage.State;

namespace Matchpoint.Node;

/// <summary>Brings a state up to a record by applying a log, many records to a batch. For one thread at a time.</summary>
/// <param name="log">Gives a view of the log as it is now.</param>
/// <param name="path">Where the state lies.</param>
/// <param name="state">The state.</param>
/// <param name="hasData">Whether the state takes in what users wrote; an arbiter's only what the store keeps for itself.</param>
internal sealed class StateReplay(Func<LogView> log, string path, IState state, bool hasData) : IDisposable
{
    private const long BatchBytes = 1024 * 1024;
    private const int BatchOperations = 16 * 1024;

    private readonly IStateBatch _batch = state.NewBatch();
    private readonly StateKeyBuffer _from = new();
    private readonly StateKeyBuffer _to = new();

    /// <summary>Bytes of log applied so far.</summary>
    public long AppliedBytes { get; private set; }

    /// <summary>Applies everything up to a record, or as much as one batch takes.</summary>
    /// <returns>Whether the state is there.</returns>
    /// <exception cref="StorageException">The log cannot be read, or the state cannot be written.</exception>
    public bool ApplyBatch(Vlsn upTo)
    {
        if (state.Applied.Vlsn >= upTo) return true;
        using var view = log();
        return ApplyBatch(view, upTo);
    }

    /// <inheritdoc cref="ApplyBatch(Vlsn)"/>
    public bool ApplyBatch(LogView view, Vlsn upTo)
    {
        if (state.Applied.Vlsn >= upTo) return true;
        var next = state.Applied.Vlsn.Next;
        if (!view.Holds(next))
            throw new StateLostException($"{path}: the state ends at record {state.Applied.Vlsn}, and the log begins at {view.First}: what lies between is gone. "
                + $"The node needs a full copy.");
        using var reader = view.ReadFrom(next);
        var position = state.Applied;
        var read = position.Vlsn;
        while (read < upTo && _batch.Bytes < BatchBytes && _batch.Count < BatchOperations && reader.MoveNext())
        {
            if (reader.Header.IsTransactionEnd) Add(view, reader);
            else if (reader.Header.Kind == RecordKind.Membership)
                _batch.Put(_from.Of(StateKey.SystemDatabase, RosterLog.Key), RosterLog.ValueOf(reader.Header.Vlsn, reader.Payload));
            read = reader.Header.Vlsn;
            // The state stands at sync points only: a log may be cut behind the last one, however durable the pieces behind it are.
            if (reader.Header.IsSync) position = new StatePosition(read, reader.Header.Fingerprint);
            AppliedBytes += reader.Header.Length;
        }

        Invariant.Holds(read >= next, $"record {next} is durable and cannot be read.");
        if (position.Vlsn > state.Applied.Vlsn) state.Apply(_batch, position);
        return read >= upTo;
    }

    /// <summary>Gives the batch back.</summary>
    public void Dispose() => _batch.Dispose();

    private void Add(LogView view, RecordReader reader)
    {
        var commit = PieceReader.Read(reader.Payload, reader.Header.Vlsn);
        if (!commit.FirstPiece.IsNull)
        {
            foreach (var piece in PieceReader.Before(view, commit)) Add(PieceReader.Read(piece, reader.Header.Vlsn));
        }

        Add(commit);
    }

    private void Add(in TransactionPayload payload)
    {
        foreach (var operation in payload)
        {
            if (!hasData && operation.Database != StateKey.SystemDatabase) continue;
            var key = _from.Of(operation.Database, operation.Key);
            switch (operation.Kind)
            {
                case OperationKind.Put:
                    _batch.Put(key, operation.Value);
                    break;
                case OperationKind.Delete:
                    _batch.Delete(key);
                    break;
                case OperationKind.DeleteRange:
                    _batch.DeleteRange(key, EndOf(operation));
                    break;
                default:
                    throw Invariant.Unreachable(operation.Kind);
            }
        }
    }

    /// <summary>A range without an end ends with its database.</summary>
    private ReadOnlySpan<byte> EndOf(in Operation operation) =>
        operation.EndKey.IsEmpty ? _to.Of((ushort)(operation.Database + 1), []) : _to.Of(operation.Database, operation.EndKey);
}
