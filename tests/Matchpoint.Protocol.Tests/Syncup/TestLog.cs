using System.Globalization;
using System.IO.Hashing;
using System.Text;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;
using Matchpoint.Protocol.Records;
using Matchpoint.Protocol.Syncup;

namespace Matchpoint.Protocol.Tests.Syncup;

/// <summary>What a syncup needs from a log.</summary>
internal interface ITestLog
{
    LogRange Range { get; }

    IReadOnlyList<TermEnd> Terms { get; }

    LogEntry? Read(Vlsn vlsn);

    Vlsn FindSyncPoint(Vlsn atOrBelow);

    UndoneCount CountAbove(Vlsn matchpoint);

    void CutAfter(Vlsn matchpoint);
}

/// <summary>One record of a log in memory.</summary>
internal sealed record TestRecord(RecordKind Kind, Term Term, string Content, bool IsAcknowledged = false, bool IsDamaged = false)
{
    public int Length => 44 + Content.Length;
}

/// <summary>
/// A log in memory, and its notation: a record is its VLSN and its kind (t term start, c commit, p piece, m membership),
/// then + when its client was told success, ' when its content is not the usual one, ! when it cannot be read.
/// @2 begins term 2. What stands in ( ) was cleaned away.
/// </summary>
internal sealed class TestLog : ITestLog
{
    private readonly List<TestRecord> _records = [];
    private readonly List<LogEntry> _entries = [];
    private readonly Fingerprint _genesis;
    private int _trimmed;

    public TestLog(string group = "group") => _genesis = GroupId.FromName(group).Genesis;

    public long Durable { get; set; }

    /// <summary>Terms that the log claims to hold, where they are not those of its records.</summary>
    public IReadOnlyList<TermEnd>? ClaimedTerms { get; set; }

    /// <summary>A cut that a crash left unfinished.</summary>
    public Vlsn? Intent { get; set; }

    public int Count => _records.Count;

    public Vlsn First => _records.Count > _trimmed ? Vlsn.Of(_trimmed + 1) : Vlsn.Null;

    public Vlsn Last => _records.Count > _trimmed ? Vlsn.Of(_records.Count) : Vlsn.Null;

    public LogRange Range => new(
        First, Last, FindSyncPoint(Last), Highest(record => record.Kind == RecordKind.Commit), Durable == 0 ? Vlsn.Null : Vlsn.Of(Durable));

    public IReadOnlyList<TermEnd> Terms => ClaimedTerms ??
    [
        .. Enumerable.Range(_trimmed, _records.Count - _trimmed)
            .GroupBy(i => _records[i].Term)
            .Select(term => new TermEnd(term.Key, Vlsn.Of(term.Max() + 1), _entries[term.Max()].Fingerprint))
            .OrderByDescending(end => end.Term),
    ];

    public static TestLog Parse(string text, string group = "group")
    {
        var log = new TestLog(group);
        log.AppendText(text);
        return log;
    }

    public void AppendText(string text)
    {
        var term = _records.Count == 0 ? new Term(1) : _records[^1].Term;
        foreach (var token in text.Replace("(", " ( ").Replace(")", " ) ").Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (token == "(") continue;
            if (token == ")") _trimmed = _records.Count;
            else if (token[0] == '@') term = new Term(ulong.Parse(token[1..]));
            else AppendToken(token, term);
        }
    }

    public void Append(TestRecord record)
    {
        var before = _entries.Count == 0 ? _genesis : _entries[^1].Fingerprint;
        var lsn = _entries.Count == 0 ? Lsn.Zero : _entries[^1].Lsn.Plus(_records[^1].Length);
        _records.Add(record);
        var link = $"{before} {_records.Count} {record.Term} {record.Kind} {record.Content}";
        var fingerprint = new Fingerprint(XxHash3.HashToUInt64(Encoding.UTF8.GetBytes(link)));
        _entries.Add(new LogEntry(Vlsn.Of(_records.Count), lsn, fingerprint, record.Kind != RecordKind.Piece));
    }

    public void Trim(int records) => _trimmed = records;

    public TestLog Clone()
    {
        var copy = new TestLog(_genesis) { Durable = Durable, _trimmed = _trimmed, ClaimedTerms = ClaimedTerms, Intent = Intent };
        copy._records.AddRange(_records);
        copy._entries.AddRange(_entries);
        return copy;
    }

    /// <summary>Copies what the other log holds above this one: what a stream would bring.</summary>
    public void Follow(TestLog feeder)
    {
        _entries.AddRange(feeder._entries[_records.Count..]);
        _records.AddRange(feeder._records[_records.Count..]);
    }

    public LogEntry? Read(Vlsn vlsn)
    {
        Assert.True(Range.Holds(vlsn), $"A machine reads {vlsn}, the log holds {Range}.");
        var index = (int)vlsn.Value - 1;
        return _records[index].IsDamaged ? null : _entries[index];
    }

    /// <summary>The entry, whatever is asked.</summary>
    public LogEntry? Find(Vlsn vlsn) => Range.Holds(vlsn) ? _entries[(int)vlsn.Value - 1] : null;

    public Vlsn FindSyncPoint(Vlsn atOrBelow) => Highest(record => record.Kind != RecordKind.Piece, atOrBelow);

    public UndoneCount CountAbove(Vlsn matchpoint)
    {
        var above = Enumerable.Range(_trimmed, _records.Count - _trimmed).Where(i => Vlsn.Of(i + 1) > matchpoint).Select(i => _records[i]).ToList();
        return new UndoneCount(
            above.Count,
            above.Count(record => record.Kind == RecordKind.Commit),
            above.Count(record => record.Kind == RecordKind.Commit && record.IsAcknowledged));
    }

    public void CutAfter(Vlsn matchpoint)
    {
        var keep = (int)matchpoint.DistanceFrom(Vlsn.Null);
        _records.RemoveRange(keep, _records.Count - keep);
        _entries.RemoveRange(keep, _entries.Count - keep);
        Intent = null;
        ClaimedTerms = ClaimedTerms?.Where(end => end.Last <= matchpoint).ToList();
    }

    public override string ToString()
    {
        if (_records.Count == 0) return "nothing";
        var text = new StringBuilder(_trimmed > 0 ? "(" : "");
        var term = new Term(1);
        for (var i = 0; i < _records.Count; i++)
        {
            if (i > 0) text.Append(i == _trimmed ? ") " : " ");
            if (_records[i].Term != term) text.Append($"@{_records[i].Term} ");
            term = _records[i].Term;
            text.Append(i + 1).Append(Mark(_records[i]));
        }

        return text.Append(_trimmed > 0 && _trimmed == _records.Count ? ")" : "").ToString();
    }

    private TestLog(Fingerprint genesis) => _genesis = genesis;

    private static string Mark(TestRecord record) => record.Kind switch
    {
        RecordKind.TermStart => "t",
        RecordKind.Commit => "c",
        RecordKind.Piece => "p",
        RecordKind.Membership => "m",
        _ => throw Invariant.Unreachable(record.Kind),
    } + (record.IsAcknowledged ? "+" : "") + record.Content + (record.IsDamaged ? "!" : "");

    private void AppendToken(string token, Term term)
    {
        var digits = token.TakeWhile(char.IsAsciiDigit).Count();
        Assert.Equal(_records.Count + 1, int.Parse(token[..digits], CultureInfo.InvariantCulture));
        var kind = token[digits] switch
        {
            't' => RecordKind.TermStart,
            'c' => RecordKind.Commit,
            'p' => RecordKind.Piece,
            'm' => RecordKind.Membership,
            _ => throw new FormatException(token),
        };
        Append(new TestRecord(kind, term, new string('\'', token.Count(c => c == '\'')), token.Contains('+'), token.Contains('!')));
    }

    private Vlsn Highest(Func<TestRecord, bool> isWanted, Vlsn? atOrBelow = null)
    {
        for (var i = (int)(atOrBelow ?? Last).DistanceFrom(Vlsn.Null); i > _trimmed; i--)
            if (isWanted(_records[i - 1])) return Vlsn.Of(i);
        return Vlsn.Null;
    }
}

/// <summary>A log of any length that parts from its like above one record. Every record is a commit.</summary>
internal sealed class HugeLog(long first, long last, long common, ulong salt, long stride = 1) : ITestLog
{
    private long _last = last;

    public LogRange Range => new(
        Vlsn.Of(first), Vlsn.Of(_last), FindSyncPoint(Vlsn.Of(_last)), FindSyncPoint(Vlsn.Of(_last)), Vlsn.Null);

    public IReadOnlyList<TermEnd> Terms { get; set; } = [];

    public LogEntry? Read(Vlsn vlsn)
    {
        var hash = XxHash3.HashToUInt64(BitConverter.GetBytes(vlsn.Value), vlsn.Value <= common ? 0 : (long)salt);
        return new LogEntry(vlsn, new Lsn((ulong)vlsn.Value), new Fingerprint(hash), vlsn.Value % stride == 0);
    }

    public Vlsn FindSyncPoint(Vlsn atOrBelow)
    {
        var sync = atOrBelow.DistanceFrom(Vlsn.Null) / stride * stride;
        return sync < first ? Vlsn.Null : Vlsn.Of(sync);
    }

    public UndoneCount CountAbove(Vlsn matchpoint)
    {
        var records = Vlsn.Of(_last).DistanceFrom(matchpoint);
        return new UndoneCount(records, Math.Max(records / stride, Range.LastTransactionEnd > matchpoint ? 1 : 0), 0);
    }

    public void CutAfter(Vlsn matchpoint) => _last = matchpoint.Value;
}
