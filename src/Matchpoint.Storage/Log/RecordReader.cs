using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;

namespace Matchpoint.Storage.Log;

/// <summary>Reads a view's records in order, across segments, and proves each. One buffer, no allocation per record.</summary>
internal sealed class RecordReader : IDisposable
{
    private readonly LogView _view;
    private readonly Vlsn _from;
    private Segment? _segment;
    private RecordScanner? _scanner;

    /// <summary>A reader of a view, from a VLSN on or from the view's first record.</summary>
    public RecordReader(LogView view, Vlsn from)
    {
        _view = view;
        _from = Vlsn.Max(from, view.First);
    }

    /// <summary>The current record's header.</summary>
    public ref readonly RecordHeader Header => ref _scanner!.Header;

    /// <summary>The current record's first byte in the log.</summary>
    public Lsn Lsn => _segment!.Before.End.Plus(_scanner!.RecordAt - SegmentHeader.Size);

    /// <summary>The current record's payload, valid until the next step.</summary>
    public ReadOnlySpan<byte> Payload => _scanner!.Payload;

    /// <summary>The current record's payload as the transaction, or the piece of one, that it is.</summary>
    /// <exception cref="DamageException">It cannot be read as one.</exception>
    public TransactionPayload ReadTransaction() =>
        TransactionPayload.TryRead(Payload, Header.Vlsn, out var transaction, out var fault) ? transaction : throw Segment.Damaged(Path, FilePosition, Header.Vlsn, fault);

    /// <summary>The segment file it lies in.</summary>
    public string Path => _segment!.Path;

    /// <summary>Where in the file it lies.</summary>
    public long FilePosition => _scanner!.RecordAt;

    /// <summary>Goes to the next record; false behind the view's last.</summary>
    /// <exception cref="DamageException">The next record is damaged.</exception>
    /// <exception cref="LogCutException">The next record was cut off since the view was taken.</exception>
    public bool MoveNext()
    {
        if (_scanner is null && !Start()) return false;
        do
        {
            if (_scanner!.Position.Vlsn >= _view.Last) return false;
            try
            {
                if (!Step()) return false;
            }
            catch (ObjectDisposedException)
            {
                _view.MustHold(_scanner.Position.Vlsn.Next); // A segment that a cut removed is closed.
                throw;
            }
        }
        while (_scanner.Header.Vlsn < _from);
        return true;
    }

    /// <summary>Gives the buffer back.</summary>
    public void Dispose() => _scanner?.Dispose();

    private bool Start()
    {
        if (!_view.Holds(_from)) return false;
        _segment = _view.SegmentOf(_from);
        _scanner = _segment.ScanFrom(_segment.Index.EntryFor(_from));
        return true;
    }

    private bool Step()
    {
        while (!_scanner!.MoveNext())
        {
            var missing = _scanner.Position.Vlsn.Next;
            if (_scanner.Fault is { } fault)
            {
                _view.MustHold(missing);
                throw _segment!.Damaged(_scanner.NextAt, missing, fault);
            }

            var next = _view.SegmentAfter(_segment!);
            _view.MustHold(missing);
            if (next is null) return false;
            _scanner.Dispose();
            _segment = next;
            _scanner = next.Scan();
        }

        _view.MustHold(_scanner.Header.Vlsn);
        return true;
    }
}
