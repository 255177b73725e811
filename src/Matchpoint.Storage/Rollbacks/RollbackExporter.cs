using System.Buffers;
using System.Text.Json;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.Log;

namespace Matchpoint.Storage.Rollbacks;

/// <summary>
/// Writes every operation above a matchpoint into a readable file, before anything is cut. The file's name is drawn from what it
/// holds: writing the same export again replaces it. A transaction whose pieces straddle the matchpoint is exported whole, for it is undone
/// whole.
/// </summary>
internal sealed class RollbackExporter
{
    private const int FlushBytes = 256 * 1024;

    private readonly DataDirectory _directory;
    private readonly LogView _view;
    private readonly RollbackHeader _header;
    private readonly Dictionary<Vlsn, RecordHeader> _commits = [];
    private readonly SortedSet<Vlsn> _piecesBelow = [];
    private readonly ArrayBufferWriter<byte> _buffer = new(FlushBytes * 2);
    private readonly Utf8JsonWriter _json;
    private readonly byte[] _newLine = [(byte)'\n'];
    private IFile? _file;
    private long _written;
    private long _operations;

    private RollbackExporter(DataDirectory directory, LogView view, RollbackHeader header)
    {
        _directory = directory;
        _view = view;
        _header = header;
        _json = RollbackJson.Writer(_buffer);
    }

    /// <summary>Writes the export and makes it durable.</summary>
    /// <param name="directory">Where it goes.</param>
    /// <param name="view">The log as it is.</param>
    /// <param name="header">Its first line.</param>
    /// <param name="refused">Whether nothing will be cut: then the export is final as it is.</param>
    /// <returns>The export's name, under which it is listed; it is pending until the cut makes it final.</returns>
    public static string Write(DataDirectory directory, LogView view, RollbackHeader header, bool refused)
    {
        var name = RollbackStore.NameOf(header, refused);
        var path = Path.Combine(directory.RollbacksPath, refused ? name : name + LogCut.PendingSuffix);
        new RollbackExporter(directory, view, header).WriteTo(path);
        return name;
    }

    private void WriteTo(string path)
    {
        var temporary = path + DurableFile.TemporarySuffix;
        _directory.Files.CreateDirectory(_directory.RollbacksPath);
        _directory.Files.Delete(temporary);
        using (_file = _directory.Files.Open(temporary, FileOpening.CreateNew))
        using (_json)
        {
            FindCommits();
            RollbackJson.WriteHeader(_json, _header);
            EndLine();
            WriteOperations();
            RollbackJson.WriteEnd(_json, _operations);
            EndLine();
            Spill();
            _file.Flush();
        }

        _directory.Files.Rename(temporary, path);
        _directory.Files.FlushDirectory(_directory.RollbacksPath);
    }

    /// <summary>The commits of large transactions, by the transaction's first record: a piece does not know its end.</summary>
    private void FindCommits()
    {
        using var reader = _view.ReadFrom(_header.Matchpoint.Next);
        while (reader.MoveNext())
        {
            if (reader.Header.Kind != RecordKind.Commit) continue;
            var transaction = reader.ReadTransaction();
            if (transaction.FirstPiece.IsNull) continue;
            _commits[transaction.FirstPiece] = reader.Header;
            if (transaction.FirstPiece <= _header.Matchpoint) FindPiecesBelow(transaction.PreviousPiece);
        }
    }

    /// <summary>The pieces of an undone transaction that stay in the log, as far as the log still reaches.</summary>
    private void FindPiecesBelow(Vlsn piece)
    {
        while (_view.Holds(piece))
        {
            if (piece <= _header.Matchpoint) _piecesBelow.Add(piece);
            using var reader = _view.ReadFrom(piece);
            if (!reader.MoveNext()) break;
            piece = reader.ReadTransaction().PreviousPiece;
        }
    }

    private void WriteOperations()
    {
        foreach (var piece in _piecesBelow)
        {
            using var below = _view.ReadFrom(piece);
            if (below.MoveNext()) WriteRecord(below.Header, below.ReadTransaction());
        }

        using var reader = _view.ReadFrom(_header.Matchpoint.Next);
        while (reader.MoveNext())
        {
            if (reader.Header.Kind is not (RecordKind.Commit or RecordKind.Piece)) continue;
            WriteRecord(reader.Header, reader.ReadTransaction());
        }
    }

    private void WriteRecord(in RecordHeader record, in TransactionPayload payload)
    {
        var transaction = payload.FirstPiece.IsNull ? record.Vlsn : payload.FirstPiece;
        var commit = record;
        var committed = record.Kind == RecordKind.Commit || _commits.TryGetValue(transaction, out commit);
        var acknowledged = committed && (commit.AckPolicy == AckPolicy.None || commit.Vlsn <= _view.Durable);
        foreach (var operation in payload)
        {
            RollbackJson.WriteOperation(_json, record, transaction, committed, acknowledged, operation);
            EndLine();
            _operations++;
        }
    }

    private void EndLine()
    {
        _json.Flush();
        _json.Reset();
        _buffer.Write(_newLine);
        if (_buffer.WrittenCount >= FlushBytes) Spill();
    }

    private void Spill()
    {
        _file!.Write(_written, _buffer.WrittenSpan);
        _written += _buffer.WrittenCount;
        _buffer.ResetWrittenCount();
    }
}
