using System.Text;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Storage.State;

namespace Matchpoint.Storage.Tests.State;

/// <summary>What every state must do, whatever it is kept in.</summary>
public abstract class StateContract
{
    private const int Rounds = 60;

    private protected abstract IState State { get; }

    [Fact]
    public void A_batch_takes_effect_in_order_and_moves_the_position_with_it()
    {
        using var batch = State.NewBatch();
        batch.Put(Key(0, "a"), "1"u8);
        batch.Put(Key(0, "b"), "1"u8);
        batch.Put(Key(0, "c"), "1"u8);
        batch.DeleteRange(Key(0, "a"), Key(0, "c"));
        batch.Put(Key(0, "b"), "2"u8);
        batch.Delete(Key(0, "c"));
        Assert.Equal(6, batch.Count);
        State.Apply(batch, Position(7));
        Assert.Equal((Position(7), 0, "b=2"), (State.Applied, batch.Count, All(State)));
        Assert.Null(State.Get(Key(0, "a")));
        Assert.Equal("2"u8.ToArray(), State.Get(Key(0, "b")));
    }

    [Fact]
    public void What_is_held_can_be_changed_without_a_record_and_a_record_is_applied_once()
    {
        using var batch = State.NewBatch();
        batch.DeleteRange(Key(0, "a"), Key(0, "z"));
        State.Rewrite(batch); // Nothing was applied yet.
        Assert.Equal((default, 0, ""), (State.Applied, batch.Count, All(State)));
        Put(3, 0, "a", "1");
        Put(4, 1, "a", "1");
        batch.DeleteRange(Key(0, "a"), Key(0, "z"));
        State.Rewrite(batch);
        Assert.Equal((Position(4), ""), (State.Applied, All(State)));
        Assert.Equal("1"u8.ToArray(), State.Get(Key(1, "a")));
        Assert.Throws<InvariantException>(() => Put(4, 0, "b", "1"));
        Put(5, 0, "b", "1");
        Assert.Equal(Position(5), State.Applied);
    }

    [Fact]
    public void A_snapshot_shows_what_was_there_when_it_was_taken()
    {
        Put(1, 0, "a", "old");
        using var snapshot = State.Snapshot();
        Put(2, 0, "a", "new");
        Put(3, 0, "b", "new");
        Assert.Equal((Position(1), "old"), (snapshot.Position, Encoding.UTF8.GetString(snapshot.Get(Key(0, "a"))!)));
        Assert.Null(snapshot.Get(Key(0, "b")));
        using var cursor = snapshot.Cursor(Key(0, ""), Key(1, ""));
        Assert.True(cursor.Seek(Key(0, "")));
        Assert.Equal("old"u8.ToArray(), cursor.Value.ToArray());
        Assert.False(cursor.Next());
    }

    [Fact]
    public void A_cursor_keeps_to_its_range_in_both_directions()
    {
        var vlsn = 0;
        foreach (var key in new[] { "a", "b", "c", "d", "e" }) Put(++vlsn, 1, key, key);
        Put(++vlsn, 0, "c", "other");
        Put(++vlsn, 2, "c", "other");
        using var snapshot = State.Snapshot();
        using var cursor = snapshot.Cursor(Key(1, "b"), Key(1, "e"));
        Assert.True(cursor.Seek(Key(1, "")));
        Assert.Equal("b"u8.ToArray(), cursor.Value.ToArray());
        Assert.True(cursor.Next() && cursor.Next());
        Assert.Equal("d"u8.ToArray(), cursor.Value.ToArray());
        Assert.False(cursor.Next());
        Assert.True(cursor.SeekLast());
        Assert.Equal("d"u8.ToArray(), cursor.Value.ToArray());
        Assert.True(cursor.SeekBack(Key(1, "bb")));
        Assert.Equal("b"u8.ToArray(), cursor.Value.ToArray());
        Assert.False(cursor.Previous());
        Assert.True(cursor.SeekBack(Key(2, "z")));
        Assert.Equal("d"u8.ToArray(), cursor.Value.ToArray());
        Assert.False(cursor.Seek(Key(1, "e")));
        using var empty = snapshot.Cursor(Key(1, "x"), Key(1, "x"));
        Assert.False(empty.Seek(Key(1, "")));
        Assert.False(empty.SeekLast());
    }

    [Fact]
    public void It_holds_what_a_sorted_list_holds()
    {
        var random = new Random(4711);
        var model = new SortedDictionary<string, string>(StringComparer.Ordinal);
        for (var round = 1; round <= Rounds; round++)
        {
            using var batch = State.NewBatch();
            for (var i = 0; i < 20; i++)
            {
                var (key, other) = ($"k{random.Next(30):00}", $"k{random.Next(30):00}");
                switch (random.Next(5))
                {
                    case 0:
                        batch.Delete(Key(0, key));
                        model.Remove(key);
                        break;
                    case 1:
                        batch.DeleteRange(Key(0, key), Key(0, other));
                        foreach (var gone in model.Keys.Where(k => string.CompareOrdinal(k, key) >= 0 && string.CompareOrdinal(k, other) < 0).ToList()) model.Remove(gone);
                        break;
                    default:
                        batch.Put(Key(0, key), Encoding.UTF8.GetBytes($"{round}"));
                        model[key] = $"{round}";
                        break;
                }
            }

            State.Apply(batch, Position(round));
            if (round % 10 == 0) State.Flush();
            Assert.Equal(string.Join(' ', model.Select(pair => $"{pair.Key}={pair.Value}")), All(State));
        }

        Assert.Equal(Position(Rounds), State.Flushed);
    }

    private protected static StatePosition Position(long vlsn) => new(Vlsn.Of(vlsn), new Fingerprint((ulong)vlsn * 31));

    private protected static byte[] Key(ushort database, string key) => StateKey.Of(database, Encoding.UTF8.GetBytes(key));

    private protected static string All(IState state)
    {
        using var snapshot = state.Snapshot();
        using var cursor = snapshot.Cursor(Key(0, ""), Key(1, ""));
        var items = new List<string>();
        for (var isThere = cursor.Seek(Key(0, "")); isThere; isThere = cursor.Next())
            items.Add($"{Encoding.UTF8.GetString(StateKey.UserKey(cursor.Key))}={Encoding.UTF8.GetString(cursor.Value)}");
        return string.Join(' ', items);
    }

    private protected void Put(long vlsn, ushort database, string key, string value)
    {
        using var batch = State.NewBatch();
        batch.Put(Key(database, key), Encoding.UTF8.GetBytes(value));
        State.Apply(batch, Position(vlsn));
    }
}
