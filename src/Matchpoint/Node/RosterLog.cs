using System.Buffers.Binary;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Membership;
using Matchpoint.Protocol.Records;
using Matchpoint.Storage.State;

namespace Matchpoint.Node;

/// <summary>
/// What the log says of the members, record by record: the newest record counts, durable or not (Ongaro's thesis, 2014, 4.1), and that before it again when it is cut. What is durable stands
/// in the state; what lies above the state is read from the log. Guarded by the appender's lock, but for <see cref="PublishedAt"/>.
/// </summary>
internal sealed class RosterLog(Members members)
{
    private Roster? _roster;
    private long _publishedAt;
    private (Term Term, Vlsn Last)? _votedUpTo;

    /// <summary>The key in the state's own database under which the members stand.</summary>
    public static ReadOnlySpan<byte> Key => "members"u8;

    /// <summary>The record that made the members what they are; null while none did.</summary>
    public Vlsn At { get; private set; }

    /// <summary>The record that made the members what <see cref="Members"/> says; null while none did. Read from any thread: whoever holds the appender may wait for one that asks.</summary>
    public Vlsn PublishedAt => Vlsn.Null.Plus(Volatile.Read(ref _publishedAt));

    /// <summary>The members that it says.</summary>
    public Roster Current => _roster ?? members.Initial;

    /// <summary>What the state keeps of a record.</summary>
    public static byte[] ValueOf(Vlsn vlsn, ReadOnlySpan<byte> payload)
    {
        var value = new byte[sizeof(long) + payload.Length];
        BinaryPrimitives.WriteInt64LittleEndian(value, vlsn.Value);
        payload.CopyTo(value.AsSpan(sizeof(long)));
        return value;
    }

    /// <summary>The members as the state knows them; null where it knows none.</summary>
    public static (Vlsn At, Roster Roster)? In(IState state) => Read(state.Get(StateKey.Of(StateKey.SystemDatabase, Key)));

    /// <inheritdoc cref="In(IState)"/>
    public static (Vlsn At, Roster Roster)? In(IStateSnapshot state) => Read(state.Get(StateKey.Of(StateKey.SystemDatabase, Key)));

    /// <summary>Begins again with what the state knows.</summary>
    public void Begin(IState state)
    {
        var known = In(state);
        (At, _roster, _votedUpTo) = (known?.At ?? Vlsn.Null, known?.Roster, null);
    }

    /// <summary>The next record that is about the members.</summary>
    public void Add(in RecordHeader header, ReadOnlySpan<byte> payload)
    {
        var roster = RosterCodec.TryDecode(payload, out var why);
        Invariant.Holds(roster is not null, $"the members in record {header.Vlsn} cannot be read: {why}");
        // Only what the log says: options may name anybody. A reign's first record comes before any change that it makes, so the record before this one is of the same term.
        var tookTheVote = _roster?.IsVoter(members.Self) == true && !roster.IsVoter(members.Self);
        (At, _roster, _votedUpTo) = (header.Vlsn, roster, tookTheVote ? (header.Term, header.Vlsn.Previous) : null);
    }

    /// <summary>From here on these are the members.</summary>
    public void Publish()
    {
        Volatile.Write(ref _publishedAt, At.DistanceFrom(Vlsn.Null)); // First: whoever sees the members sees no older record.
        members.Become(Current, _votedUpTo);
    }

    private static (Vlsn At, Roster Roster)? Read(byte[]? value)
    {
        if (value is null) return null;
        var roster = RosterCodec.TryDecode(value.AsSpan(sizeof(long)), out var why);
        Invariant.Holds(roster is not null, $"the state's members cannot be read: {why}");
        return (Vlsn.Of(BinaryPrimitives.ReadInt64LittleEndian(value)), roster);
    }
}
