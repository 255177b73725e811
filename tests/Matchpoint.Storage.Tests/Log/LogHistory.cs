using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;
using Matchpoint.Simulation.Files;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.Log;
using Matchpoint.Storage.Rollbacks;

namespace Matchpoint.Storage.Tests.Log;

/// <summary>
/// A scripted life of a log, with what is known of it at every moment: what was appended, what was promised, and around a cut both histories.
/// After a crash anywhere it says whether what is found on the disk is one that may be there.
/// </summary>
internal sealed class LogHistory
{
    private readonly List<RecordHeader> _records = [];
    private List<RecordHeader>? _beforeCut;
    private string _pendingExport = "";
    private long _acknowledged;
    private long _durable;
    private long _durableFlushed;
    private long _removedUpTo;
    private TestLogs.OpenLog? _open;

    private RecordLog Log => _open!.Log;

    /// <summary>Runs the script until it ends or the machine dies under it.</summary>
    public void Run(FaultyFiles files)
    {
        Action[] script =
        [
            () => Open(files),
            () => Append(2), Drain, () => Append(3, term: 2), Flush, () => Append(14, term: 2), Drain, () => Append(4, term: 3), Flush,
            () => Durable(9), () => Append(1, term: 3), Flush, () => Remove(8), () => Append(6, term: 3), Flush,
            () => Export(21), () => Cut(21), () => Append(5, term: 4), Drain, () => Append(2, term: 4), Flush, Close,
            () => Open(files), () => Append(3, term: 4), Flush, () => Durable(30), () => Append(9, term: 5), Flush, () => Append(2, term: 5), Drain,
        ];
        foreach (var step in script)
        {
            try
            {
                step();
            }
            catch (Exception) when (IsDead(files))
            {
                break;
            }

            if (IsDead(files)) break;
        }

        _open?.Kill();
    }

    /// <summary>The history as it may be found: checks what an open log and its directory hold.</summary>
    public void Check(TestLogs.OpenLog open)
    {
        var found = open.Log.Headers();
        var first = (int)(found is [var head, ..] ? head.Vlsn.DistanceFrom(Vlsn.First) : 0);
        Assert.True(first <= _removedUpTo, $"the log begins at record {first + 1}, and only {_removedUpTo} were to be removed");
        var last = first + found.Count;
        var isCut = _beforeCut is not null && !IsPrefix(found, _beforeCut, first);
        if (_beforeCut is not null && last <= _records.Count && _pendingExport.Length == 0) isCut = true;
        if (_beforeCut is null || isCut || last <= _records.Count)
        {
            Assert.True(IsPrefix(found, _records, first), $"records {first + 1} to {last} are not those that were appended");
            Assert.True(last >= _acknowledged, $"the log ends at record {last}, and {_acknowledged} were acknowledged");
        }
        else
        {
            Assert.True(IsPrefix(found, _beforeCut, first), $"records {first + 1} to {last} are of neither history");
            Assert.Equal(_beforeCut.Count, last);
        }

        var durable = open.Log.Durable.DistanceFrom(Vlsn.Null);
        Assert.InRange(durable, _durableFlushed, _durable);
        Assert.False(open.Directory.Files.FileExists(open.Directory.CutPath));
        if (_pendingExport.Length > 0) CheckExport(open.Directory, wasCut: last <= _records.Count);
    }

    /// <summary>What was acknowledged by now; more was appended since the crash.</summary>
    public static Vlsn GoOn(TestLogs.OpenLog open)
    {
        var last = open.Log.Appended.Vlsn;
        for (var i = 0; i < 12; i++) open.Log.Commit($"later{i}", "and on", term: 9);
        open.Log.FlushAll();
        Assert.Equal(last.Plus(12), open.Log.Flushed);
        Assert.Equal(last.Plus(12), open.Log.Headers()[^1].Vlsn);
        return last.Plus(12);
    }

    private static bool IsPrefix(List<RecordHeader> found, List<RecordHeader> of, int first) =>
        first + found.Count <= of.Count && found.SequenceEqual(of.GetRange(first, found.Count));

    private static bool IsDead(FaultyFiles files)
    {
        try
        {
            files.FileExists("/");
            return false;
        }
        catch (SimulatedCrashException)
        {
            return true;
        }
    }

    private void CheckExport(DataDirectory directory, bool wasCut)
    {
        var final = Path.Combine(directory.RollbacksPath, _pendingExport);
        var isFinal = directory.Files.FileExists(final);
        var isPending = directory.Files.FileExists(final + LogCut.PendingSuffix);
        Assert.Equal(wasCut, isFinal);
        if (wasCut) Assert.False(isPending, "the export is there twice");
    }

    private void Open(IFileSystem files) => _open = TestLogs.Open(files);

    private void Append(int count, ulong term = 1)
    {
        for (var i = 0; i < count; i++)
        {
            var number = _records.Count;
            if (number == 0 || _records[^1].Term.Value != term) Add(RecordKind.TermStart, new byte[16], term);
            else Add(number % 5 == 3 ? RecordKind.Piece : RecordKind.Commit, PayloadOf(number), term);
        }
    }

    private void Add(RecordKind kind, byte[] payload, ulong term)
    {
        if (!Log.TryAppend(new Term(term), kind, AckPolicy.None, payload, FlushPolicy.NoSync, out var header))
            throw new InvalidOperationException("the script appends more than fits");
        _records.Add(header);
    }

    private static byte[] PayloadOf(int number)
    {
        var writer = new TransactionWriter();
        writer.Put([(byte)number, 1, 2], new byte[number * 37 % 150]);
        return writer.Payload(0, Vlsn.Null, Vlsn.Null).ToArray();
    }

    private void Drain()
    {
        Log.Drain();
        if (Log.Failure is { } failure) throw failure;
    }

    private void Flush()
    {
        Log.FlushAll();
        _acknowledged = _records.Count;
        if (_beforeCut is not null && _pendingExport.Length == 0) _beforeCut = null;
    }

    private void Durable(long vlsn)
    {
        _durable = vlsn;
        Log.NoteDurable(Vlsn.Of(vlsn));
    }

    private void Remove(long upTo)
    {
        _removedUpTo = upTo;
        Assert.NotEqual(0, Log.RemoveUpTo(Vlsn.Of(upTo)));
    }

    private void Export(long matchpoint)
    {
        using var view = Log.View();
        var header = new RollbackHeader
        {
            Group = TestLogs.Group,
            Node = TestLogs.Identity.Node,
            Matchpoint = Vlsn.Of(matchpoint),
            Last = view.Last,
            LastFingerprint = view.End.Fingerprint,
            Records = view.Last.DistanceFrom(Vlsn.Of(matchpoint)),
            Commits = 1,
            Acknowledged = 0,
            Row = 4,
            Reason = "a test",
            ExportedAt = DateTimeOffset.UnixEpoch,
        };
        RollbackExporter.Write(_open!.Directory, view, header, refused: false);
        _pendingExport = RollbackStore.NameOf(header, refused: false);
    }

    private void Cut(long matchpoint)
    {
        // From here on either history may be found, until the cut is done.
        _beforeCut = [.. _records];
        _acknowledged = matchpoint;
        _records.RemoveRange((int)matchpoint, _records.Count - (int)matchpoint);
        Log.CutAfter(Vlsn.Of(matchpoint), _pendingExport);
        CheckExport(_open!.Directory, wasCut: true);
        _beforeCut = null;
        _pendingExport = "";
    }

    private void Close()
    {
        _open!.Log.Dispose();
        if (Log.Failure is LogPoisonedException failure) throw failure;
        _durableFlushed = _durable;
        _acknowledged = _records.Count;
        _open.Directory.Dispose();
    }
}
