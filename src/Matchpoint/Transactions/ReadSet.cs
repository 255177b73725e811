using Matchpoint.Protocol.Identities;
using Matchpoint.Storage.State;
using Matchpoint.Tail;

namespace Matchpoint.Transactions;

/// <summary>What a transaction has read: whatever touches it before the commit is a conflict.</summary>
internal sealed class ReadSet
{
    private readonly List<byte[]> _keys = [];
    private readonly List<(byte[] From, byte[] To)> _ranges = [];

    /// <summary>Whether nothing was read.</summary>
    public bool IsEmpty => _keys.Count == 0 && _ranges.Count == 0;

    /// <summary>A key was read, whether it was there or not. Keys are the state's.</summary>
    public void Add(ReadOnlySpan<byte> key) => _keys.Add(key.ToArray());

    /// <summary>A range was read: from one key up to, but not including, another.</summary>
    /// <returns>Its place, for <see cref="Widen"/>.</returns>
    public int AddRange(byte[] from, byte[] to)
    {
        _ranges.Add((from, to));
        return _ranges.Count - 1;
    }

    /// <summary>More of a range was read.</summary>
    public void Widen(int place, byte[] from, byte[] to) => _ranges[place] = (from, to);

    /// <summary>The newest record that touched anything of it; null when none in the tail did.</summary>
    public Vlsn LastTouched(in TailView tail)
    {
        var last = Vlsn.Null;
        foreach (var key in _keys) last = Vlsn.Max(last, tail.LastTouched(key));
        foreach (var (from, to) in _ranges) last = Vlsn.Max(last, tail.LastTouched(from, to));
        return last;
    }

    /// <summary>What was read first, as a person names it.</summary>
    public string Describe() => _keys.Count > 0
        ? $"{_keys.Count} keys, the first {Name(_keys[0])}" + (_ranges.Count > 0 ? $", and {_ranges.Count} ranges" : "")
        : $"{_ranges.Count} ranges, the first from {Name(_ranges[0].From)}";

    private static string Name(byte[] key)
    {
        var user = StateKey.UserKey(key);
        return System.Text.Unicode.Utf8.IsValid(user) && user.IndexOfAnyInRange((byte)0, (byte)31) < 0
            ? $"\"{System.Text.Encoding.UTF8.GetString(user)}\""
            : "0x" + Convert.ToHexStringLower(user);
    }
}
