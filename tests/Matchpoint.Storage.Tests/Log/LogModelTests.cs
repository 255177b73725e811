using System.Globalization;
using System.Text;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;
using Matchpoint.Simulation.Files;
using Matchpoint.Storage.Log;

namespace Matchpoint.Storage.Tests.Log;

/// <summary>The log against a plain list of records, under random use. The seed and what was done are in the failure.</summary>
public class LogModelTests
{
    private const int Steps = 120;

    private readonly MemoryFiles _files = new();
    private readonly StringBuilder _trace = new();
    private readonly List<RecordHeader> _model = [];
    private readonly List<byte[]> _payloads = [];
    private int _written;
    private int _flushed;
    private int _removed;
    private ulong _term = 1;
    private Random _random = new(0);
    private TestLogs.OpenLog _open = null!;
    private LogOptions _options = TestLogs.Stepped;

    [Fact]
    public void The_log_is_a_list_of_records_whatever_is_done_to_it()
    {
        for (var seed = 1; seed <= 60; seed++)
        {
            new LogModelTests().Run(seed);
        }
    }

    [Fact]
    public void Copies_of_another_logs_records_make_the_same_log_and_others_are_refused_whole()
    {
        for (var seed = 1; seed <= 25; seed++)
        {
            var source = new LogModelTests();
            source.Run(seed, keepsHead: true);
            using var open = TestLogs.Open(source._files);
            Replicate(open.Log, new Random(seed));
        }
    }

    private static void Replicate(RecordLog source, Random random)
    {
        using var to = TestLogs.Open(new MemoryFiles(), TestLogs.Stepped with { SegmentBytes = 700, PendingBytes = 16 * 1024 });
        using var view = source.View();
        var buffer = new byte[16 * 1024];
        while (true)
        {
            var room = buffer.AsSpan(0, random.Next(1, buffer.Length));
            if (!view.TryCopy(to.Log.Appended.End, room, out var length))
            {
                if (length == 0) break;
                Assert.True(length > room.Length);
                room = buffer;
                Assert.True(view.TryCopy(to.Log.Appended.End, room, out length));
            }

            var copied = room[..length];
            MustRefuse(to.Log, view, copied, random);
            Assert.True(to.Log.TryAppendCopies(copied, FlushPolicy.NoSync, out var fault), $"{fault}");
            to.Log.Drain();
        }

        Assert.Equal(source.Headers(), to.Log.Headers());
        Assert.Equal(view.End, to.Log.Appended);
        Assert.Equal(AllBytes(view), AllBytes(to.Log.View()));
    }

    private static void MustRefuse(RecordLog log, LogView source, ReadOnlySpan<byte> sound, Random random)
    {
        var before = log.Appended;
        var turned = sound.ToArray();
        turned[random.Next(turned.Length)] ^= (byte)(1 << random.Next(8));
        Refused(turned);
        Refused(sound[..^random.Next(1, 40)].ToArray());
        if (source.TryGet(before.Vlsn.Plus(2), out var later, out var at))
        {
            var gap = new byte[later.Length];
            Assert.True(source.TryCopy(at, gap, out _));
            Refused(gap);
        }

        if (before.Term.Value > 1) Refused(Sealed(before, new Term(before.Term.Value - 1), before.Fingerprint));
        Refused(Sealed(before, new Term(99), new Fingerprint(before.Fingerprint.Value ^ 1)));
        Assert.Equal(before, log.Appended);

        void Refused(byte[] bytes)
        {
            Assert.False(log.TryAppendCopies(bytes, FlushPolicy.Sync, out var fault));
            Assert.NotNull(fault);
            Assert.Equal(before, log.Appended);
            Assert.False(log.Drain());
        }
    }

    private static byte[] Sealed(LogPosition before, Term term, Fingerprint fingerprint)
    {
        var record = new byte[RecordHeader.Size + 20];
        RecordCodec.Seal(record, before.Vlsn.Next, term, 0, RecordKind.Membership, AckPolicy.None, fingerprint);
        return record;
    }

    private static byte[] AllBytes(LogView view)
    {
        var all = new MemoryStream();
        var buffer = new byte[16 * 1024];
        while (view.TryCopy(new Lsn((ulong)all.Length), buffer, out var length)) all.Write(buffer, 0, length);
        view.Dispose();
        return all.ToArray();
    }

    private void Run(int seed, bool keepsHead = false)
    {
        _random = new Random(seed);
        _options = TestLogs.Stepped with { SegmentBytes = _random.Next(200, 3000), PendingBytes = _random.Next(500, 6000) };
        _open = TestLogs.Open(_files, _options);
        try
        {
            for (var step = 0; step < Steps; step++)
            {
                Step(keepsHead);
                Assert.Equal(_flushed, _open.Log.Flushed.DistanceFrom(Vlsn.Null));
                Assert.Equal(_written, _open.Log.Written.DistanceFrom(Vlsn.Null));
                Assert.Equal(_model.Count, _open.Log.Appended.Vlsn.DistanceFrom(Vlsn.Null));
            }

            Reopen(cleanly: true);
            Compare();
            Assert.Empty(LogVerifier.Verify(_open.Directory, CancellationToken.None).Damage);
        }
        catch (Exception error)
        {
            throw new Xunit.Sdk.XunitException($"seed {seed}: {error.GetType().Name}: {error.Message}\n{_trace}", error);
        }
        finally
        {
            _open.Dispose();
        }
    }

    private void Step(bool keepsHead)
    {
        switch (_random.Next(20))
        {
            case <= 9: Append(); break;
            case 10 or 11: Drain(); break;
            case 12: Flush(); break;
            case 13 or 14: Compare(); break;
            case 15: Cut(_model.Count == 0 ? 0 : _random.Next(_removed, _model.Count + 1)); break;
            case 16: Cut(_random.Next(6) == 0 && !keepsHead ? 0 : Math.Max(_removed, _model.Count - _random.Next(5))); break;
            case 17 when !keepsHead: Remove(); break;
            case 18: Reopen(cleanly: true); break;
            case 19: Reopen(cleanly: false); break;
        }
    }

    private void Append()
    {
        for (var i = _random.Next(1, 8); i > 0; i--)
        {
            if (_random.Next(15) == 0) _term += (ulong)_random.Next(1, 3);
            var kind = (RecordKind)_random.Next(1, 5);
            var policy = kind == RecordKind.Commit ? (AckPolicy)_random.Next(3) : AckPolicy.None;
            var payload = new byte[kind == RecordKind.TermStart ? 16 : _random.Next(12) == 0 ? _random.Next(9000) : _random.Next(150)];
            _random.NextBytes(payload);
            if (kind is RecordKind.Commit or RecordKind.Piece)
            {
                var writer = new TransactionWriter();
                writer.Put("k"u8, payload);
                payload = writer.Payload(0, Vlsn.Null, Vlsn.Null).ToArray();
            }

            Note($"append {kind} {payload.Length} term {_term}");
            if (!_open.Log.TryAppend(new Term(_term), kind, policy, payload, FlushPolicy.NoSync, out var header))
            {
                Assert.NotEqual(_written, _model.Count);
                Drain();
                Assert.True(_open.Log.TryAppend(new Term(_term), kind, policy, payload, FlushPolicy.NoSync, out header));
            }

            Assert.Equal((_model.Count + 1, new Term(_term), kind, policy), ((int)header.Vlsn.Value, header.Term, header.Kind, header.AckPolicy));
            _model.Add(header);
            _payloads.Add(payload);
        }
    }

    private void Drain()
    {
        Note("drain");
        Assert.Equal(_written < _model.Count, _open.Log.Drain());
        _written = _model.Count;
    }

    private void Flush()
    {
        Note("flush");
        _open.Log.FlushAll();
        _written = _flushed = _model.Count;
    }

    private void Cut(int wanted)
    {
        while (wanted > _removed && !_model[wanted - 1].IsSync) wanted--;
        // The record before the head cannot be told from the files: a log is cut inside what it holds, or wholly.
        if (wanted == _removed) wanted = 0;
        Note($"cut {wanted}");
        _open.Log.CutAfter(wanted == 0 ? Vlsn.Null : Vlsn.Of(wanted), "");
        _model.RemoveRange(wanted, _model.Count - wanted);
        _payloads.RemoveRange(wanted, _payloads.Count - wanted);
        if (wanted == 0) _removed = 0;
        _term = Math.Max(1, _model is [.., var last] ? last.Term.Value : 1);
        _written = _flushed = wanted;
    }

    private void Remove()
    {
        var upTo = _random.Next(_model.Count + 1);
        Note($"remove {upTo}");
        var removed = _open.Log.RemoveUpTo(upTo == 0 ? Vlsn.Null : Vlsn.Of(upTo));
        using var view = _open.Log.View();
        if (removed == 0) return;
        _written = _flushed = _model.Count;
        var head = (int)view.Segments.First().Before.Vlsn.DistanceFrom(Vlsn.Null);
        Assert.InRange(head, _removed + 1, upTo);
        _removed = head;
    }

    private void Reopen(bool cleanly)
    {
        Note($"reopen {cleanly}");
        if (cleanly) _open.Dispose();
        else _open.Kill();
        if (!cleanly && _written < _model.Count)
        {
            _model.RemoveRange(_written, _model.Count - _written);
            _payloads.RemoveRange(_written, _payloads.Count - _written);
            _term = Math.Max(1, _model is [.., var last] ? last.Term.Value : 1);
        }

        _open = TestLogs.Open(_files, _options);
        _written = _model.Count;
        if (cleanly) _flushed = _written; // A kill loses nothing that was written, and flushes nothing.
        if (cleanly) Assert.Equal(0, _open.Log.OpenReport.ScannedBytes);
        Assert.Null(_open.Log.OpenReport.Torn);
    }

    private void Compare()
    {
        Note("compare");
        using var view = _open.Log.View();
        var shown = _model[_removed.._written];
        Assert.Equal(shown, TestLogs.Headers(view));
        Assert.Equal(shown is [] ? (Vlsn.Null, _removed) : (Vlsn.Of(_removed + 1), _written), (view.First, (int)view.Last.DistanceFrom(Vlsn.Null)));
        Assert.Equal(LastWhere(shown, header => header.IsSync), view.LastSync);
        Assert.Equal(LastWhere(shown, header => header.IsTransactionEnd), view.LastTransactionEnd);
        var ends = shown.GroupBy(header => header.Term).Select(term => (term.Key, term.Last().Vlsn)).Reverse();
        Assert.Equal(ends, view.TermEnds());
        for (var i = 0; i < 6 && shown.Count > 0; i++)
        {
            var at = _random.Next(shown.Count);
            var vlsn = shown[at].Vlsn;
            Assert.Equal(LastWhere(shown[..(at + 1)], header => header.IsSync), view.SyncPointAtOrBelow(vlsn));
            Assert.True(view.TryGet(vlsn, out var found, out var lsn));
            Assert.Equal(shown[at], found);
            Assert.Equal(_model[..(_removed + at)].Sum(header => (long)header.Length), (long)lsn.Value);
            var above = shown[(at + 1)..];
            var counts = new LogCounts(
                above.Count, above.Count(header => header.IsTransactionEnd),
                above.Count(header => header is { IsTransactionEnd: true, AckPolicy: AckPolicy.None }));
            Assert.Equal(counts, view.CountAbove(vlsn));
            using var reader = view.ReadFrom(vlsn);
            Assert.True(reader.MoveNext());
            Assert.Equal(_payloads[_removed + at], reader.Payload.ToArray());
            Assert.Equal((lsn, found), (reader.Lsn, reader.Header));
        }

        Assert.Equal(shown.Count, view.CountAbove(Vlsn.Null).Records);
        Assert.False(view.TryGet(Vlsn.Of(_written + 1), out _, out _));
        if (_removed > 0) Assert.False(view.TryGet(Vlsn.Of(_removed), out _, out _));
    }

    private static Vlsn LastWhere(List<RecordHeader> records, Predicate<RecordHeader> matches) =>
        records.FindLast(matches) is { Length: > 0 } header ? header.Vlsn : Vlsn.Null;

    private void Note(string what) => _trace.AppendLine(CultureInfo.InvariantCulture, $"{what} ({_removed}..{_flushed}..{_written}..{_model.Count})");
}
