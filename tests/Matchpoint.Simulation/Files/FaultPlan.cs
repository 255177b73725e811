using System.IO.Enumeration;
using Matchpoint.Storage.Files;

namespace Matchpoint.Simulation.Files;

/// <summary>
/// What a <see cref="FaultyFiles"/> shall get wrong. A pattern is a file's or directory's name, with <c>*</c> and <c>?</c>; one
/// with a slash is matched against the whole path. A numbered fault strikes once: at the first matching call from now on,
/// or the nth. Safe for threads.
/// </summary>
internal sealed class FaultPlan
{
    private readonly Lock _lock = new();
    private readonly List<Rule> _writes = [];
    private readonly List<Rule> _flushes = [];
    private readonly List<(string Pattern, long From, long To)> _unreadable = [];
    private long _capacity = long.MaxValue;
    private bool _readOnly;

    /// <summary>How many bytes all files together may have. A write beyond leaves what fits.</summary>
    public long Capacity
    {
        get { lock (_lock) return _capacity; }
        set { lock (_lock) _capacity = value; }
    }

    /// <summary>Whether every change is refused, as when a kernel has met an error and taken the disk out of writing.</summary>
    public bool ReadOnly
    {
        get { lock (_lock) return _readOnly; }
        set { lock (_lock) _readOnly = value; }
    }

    /// <summary>A write fails, after so many of its bytes were written.</summary>
    public void FailWrite(string pattern, int nth = 1, int keep = 0, IOException? error = null, Action? struck = null) =>
        Add(_writes, new Rule(pattern, nth) { Keep = keep, Error = error, Struck = struck });

    /// <summary>A write lands elsewhere in its file, and nobody is told.</summary>
    public void MisdirectWrite(string pattern, long position, int nth = 1, Action? struck = null) =>
        Add(_writes, new Rule(pattern, nth) { Position = position, Struck = struck });

    /// <summary>No write lands elsewhere any more.</summary>
    public void StrikeNoMore()
    {
        lock (_lock) _writes.RemoveAll(static rule => rule.Position is not null);
    }

    /// <summary>A flush of a file or a directory fails. What it should have made durable never will be.</summary>
    public void FailFlush(string pattern, int nth = 1, IOException? error = null, Action? struck = null) =>
        Add(_flushes, new Rule(pattern, nth) { Error = error, Struck = struck });

    /// <summary>Reads that touch these bytes fail, until <see cref="Clear"/>.</summary>
    public void FailReads(string pattern, long from = 0, long to = long.MaxValue)
    {
        lock (_lock) _unreadable.Add((pattern, from, to));
    }

    /// <summary>From now on all goes well.</summary>
    public void Clear()
    {
        lock (_lock)
        {
            _writes.Clear();
            _flushes.Clear();
            _unreadable.Clear();
            _capacity = long.MaxValue;
            _readOnly = false;
        }
    }

    /// <summary>The fault that strikes this write, if any.</summary>
    public Rule? OnWrite(string path) => Strike(_writes, path);

    /// <summary>The fault that strikes this flush, if any.</summary>
    public Rule? OnFlush(string path) => Strike(_flushes, path);

    /// <summary>The error of this read, if any.</summary>
    public IOException? OnRead(string path, long position, int bytes)
    {
        lock (_lock)
        {
            var bad = _unreadable.Exists(range =>
                Matches(range.Pattern, path) && position < range.To && position + bytes > range.From);
            return bad ? DiskException.Read(path, position, bytes, new IOException("EIO (the device failed)", Errno.Device)) : null;
        }
    }

    private static bool Matches(string pattern, string path)
    {
        var name = NameTable<object>.Normalize(path);
        return FileSystemName.MatchesSimpleExpression(
            pattern, pattern.Contains('/', StringComparison.Ordinal) ? name : NameTable<object>.NameOf(name), ignoreCase: false);
    }

    private void Add(List<Rule> rules, Rule rule)
    {
        lock (_lock) rules.Add(rule);
    }

    private Rule? Strike(List<Rule> rules, string path)
    {
        lock (_lock)
        {
            if (rules.Count == 0) return null;
            Rule? struck = null;
            foreach (var rule in rules.Where(rule => Matches(rule.Pattern, path)))
            {
                if (--rule.Left == 0) struck ??= rule;
            }

            rules.RemoveAll(rule => rule.Left <= 0);
            struck?.Struck?.Invoke();
            return struck;
        }
    }

    /// <summary>One fault, and how many matching calls it still lets pass, itself counted.</summary>
    internal sealed class Rule
    {
        public Rule(string pattern, int nth)
        {
            ArgumentOutOfRangeException.ThrowIfNegativeOrZero(nth);
            (Pattern, Left) = (pattern, nth);
        }

        public string Pattern { get; }

        public int Left { get; set; }

        /// <summary>How many bytes of a failed write are written.</summary>
        public int Keep { get; init; }

        /// <summary>Where a misdirected write lands.</summary>
        public long? Position { get; init; }

        /// <summary>What is thrown; null for EIO.</summary>
        public IOException? Error { get; init; }

        /// <summary>Hears that it strikes.</summary>
        public Action? Struck { get; init; }
    }
}
