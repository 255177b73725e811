using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;
using Matchpoint.Simulation.Checks;
using Matchpoint.Simulation.Clients;

namespace Matchpoint.Simulation.Tests.Checks;

/// <summary>Known good and known bad answers to reads of registers, against a history that is known.</summary>
public sealed class ReadingsTests
{
    /// <summary>Records 1 to 6: r0 and r1 are set together, r0 alone, both again, both are deleted, and r0 is set once more.</summary>
    private const string History = "r0=1 r1=2; r0=3; r0=4 r1=5; d0-2; r0=6; r2=7";

    /// <summary>As record 3 stood on a node that nobody heard of any more.</summary>
    private const string Undone = "r0=1 r1=2; r0=3; r0=8 r1=9";

    private static readonly object Here = new();

    [Theory]
    [InlineData("r0=3")]
    [InlineData("r0=0")]
    [InlineData("r1=2")]
    [InlineData("r0=1 r1=2")]
    [InlineData("r0=3 r1=2")]
    [InlineData("r0=4 r1=5 r2=0")]
    [InlineData("r0=0 r1=0")]
    [InlineData("r0=6 r1=0 r2=7")]
    public void What_was_so_at_one_record_passes(string found) => Check(History, Read(ReadLevel.Durable, found));

    [Theory]
    [InlineData("r0=8", "undone")]
    [InlineData("r0=4 r1=9", "undone")]
    [InlineData("r0=4 r1=2", "at one record")]
    [InlineData("r0=1 r1=5", "at one record")]
    [InlineData("r0=1 r1=0", "at one record")]
    [InlineData("r0=0 r1=5", "at one record")]
    [InlineData("r0=4 r1=5 r2=7", "at one record")]
    public void What_never_was_so_together_does_not(string found, string promise)
    {
        foreach (var level in (ReadLevel[])[ReadLevel.Durable, ReadLevel.Linearizable, ReadLevel.AtLeast(new CommitToken(1, 1)), ReadLevel.MaxLag(TimeSpan.FromSeconds(3))])
            Refuses(promise, History, Read(level, found));
    }

    [Theory]
    [InlineData(3, "r0=4", true)]
    [InlineData(4, "r0=0", true)]
    [InlineData(4, "r0=6", true)]
    [InlineData(3, "r0=3", false)]
    [InlineData(1, "r0=0 r1=0", true)]
    [InlineData(5, "r0=0", false)]
    [InlineData(5, "r1=5", false)]
    public void A_read_at_least_as_new_as_a_token_shows_its_commit(long token, string found, bool isGood)
    {
        var read = Read(ReadLevel.AtLeast(new CommitToken(1, token)), found);
        if (isGood) Check(History, read);
        else Refuses("at one record", History, read);
    }

    [Fact]
    public void A_linearizable_read_and_any_on_the_primary_show_what_was_acknowledged_before()
    {
        var write = Write(record: 3, at: 1);
        foreach (var (level, isCurrent) in new[] { (ReadLevel.Linearizable, false), (ReadLevel.Durable, true), (ReadLevel.MaxLag(TimeSpan.FromSeconds(3)), true) })
        {
            Check(History, write, Read(level, "r0=4 r1=5", at: 3, place: Place(isCurrent)));
            Refuses("at one record", History, write, Read(level, "r0=3 r1=2", at: 3, place: Place(isCurrent)));
        }

        Check(History, write, Read(ReadLevel.Durable, "r0=3 r1=2", at: 3, place: Place(isCurrent: false)));
        Check(History, Read(ReadLevel.Linearizable, "r0=3 r1=2", at: 0), write); // Called before the answer.
    }

    [Fact]
    public void A_linearizable_scan_does_not_go_back_behind_another()
    {
        Check(History, Read(ReadLevel.Linearizable, "r0=3 r1=2", at: 1), Read(ReadLevel.Linearizable, "r0=4 r1=5", at: 3));
        Refuses("at one record", History, Read(ReadLevel.Linearizable, "r0=4 r1=5", at: 1), Read(ReadLevel.Linearizable, "r0=3 r1=2", at: 3));
    }

    [Fact]
    public void Whoever_read_from_a_primary_is_not_led_back_in_time_by_it()
    {
        var first = Read(ReadLevel.Durable, "r0=4", at: 1, place: Place(isCurrent: true));
        Check(History, first, Read(ReadLevel.Durable, "r0=4", at: 3, place: Place(isCurrent: false)));
        Refuses("at one record", History, first, Read(ReadLevel.Durable, "r0=3", at: 3, place: Place(isCurrent: false)));
        Check(History, first, Read(ReadLevel.Durable, "r0=3", at: 3, place: Place(isCurrent: false) with { Core = new object() }));
    }

    [Fact]
    public void Nothing_is_shown_that_the_node_did_not_know_to_be_durable()
    {
        var place = Place(isCurrent: false) with { Durable = Vlsn.Of(2) };
        Check(History, Read(ReadLevel.Durable, "r0=3", place: place));
        Refuses("at one record", History, Read(ReadLevel.Durable, "r0=4", place: place));
    }

    [Fact]
    public void A_local_read_shows_one_record_of_what_the_node_held_undone_or_not()
    {
        var held = Place(isCurrent: false) with { Held = LogPosition.Start(default) with { Vlsn = Vlsn.Of(3) } };
        Check(History, Read(ReadLevel.Local, "r0=8 r1=9", place: held));
        Check(History, Read(ReadLevel.Local, "r0=3 r1=2", place: held));
        Refuses("at one record", History, Read(ReadLevel.Local, "r0=4 r1=5", place: held)); // That was so elsewhere.
        Refuses("at one record", History, Read(ReadLevel.Local, "r0=8 r1=2", place: held));
        Refuses("at one record", History, Read(ReadLevel.Local, "r0=4 r1=9", place: held));
        Refuses("at one record", History, Read(ReadLevel.Local, "r0=6", place: held));
    }

    [Fact]
    public void A_range_is_deleted_in_one_record()
    {
        Check(History, Delete(0, 2, record: 4));
        Refuses("one record", History, Delete(0, 3, record: 4));
        Refuses("one record", History, Delete(0, 2, record: 3));
    }

    [Fact]
    public void What_one_transaction_wrote_twice_was_never_there()
    {
        Check("r0=1 r0=2", Read(ReadLevel.Durable, "r0=2"));
        Refuses("at one record", "r0=1 r0=2", Read(ReadLevel.Durable, "r0=1"));
    }

    private static void Check(string history, params ClientOperation[] operations) => Readings.MustBeTrue(FoldOf(history), operations, static _ => FoldOf(Undone));

    private static void Refuses(string promise, string history, params ClientOperation[] operations) =>
        Assert.Contains(promise, Assert.Throws<ViolationException>(() => Check(history, operations)).Message, StringComparison.Ordinal);

    /// <summary>One record each: r0=1 puts 1 into register 0; d0-2 deletes registers 0 and 1.</summary>
    private static Fold FoldOf(string history)
    {
        var ledger = new Ledger();
        foreach (var record in history.Split("; "))
        {
            var writer = new TransactionWriter();
            foreach (var step in record.Split(' '))
            {
                if (step[0] == 'd') writer.DeleteRange(SimulatedClient.RegisterKey(step[1] - '0'), SimulatedClient.RegisterKey(step[3] - '0'));
                else writer.Put(SimulatedClient.RegisterKey(step[1] - '0'), BitConverter.GetBytes(step[3] - '0'));
            }

            ledger.Add(new Remembered(default, default, RecordKind.Commit, writer.Payload(0, Vlsn.Null, Vlsn.Null).ToArray()));
        }

        return new Fold(ledger);
    }

    private static ReadPlace Place(bool isCurrent) => new(Here, isCurrent, LogPosition.Start(default) with { Vlsn = Vlsn.Of(6) }, Vlsn.Of(6));

    private static ClientOperation Read(ReadLevel level, string found, long at = 1, ReadPlace? place = null)
    {
        var values = found.Split(' ').Select(static each => each[3] - '0').ToArray();
        return new ClientOperation
        {
            Client = 0,
            Node = "a",
            Action = values.Length == 1 ? ClientAction.Read : ClientAction.Scan,
            Key = found[1] - '0',
            Count = values.Length,
            Level = level,
            Found = values[0],
            FoundInEach = values.Length == 1 ? null : values,
            CalledAt = at,
            AnsweredAt = at + 1,
            Outcome = Outcome.Ok,
            Place = place,
        };
    }

    private static ClientOperation Write(long record, long at) => new()
    {
        Client = 1,
        Node = "a",
        Action = ClientAction.Put,
        Key = 0,
        Value = 1,
        Token = new CommitToken(1, record),
        CalledAt = at,
        AnsweredAt = at + 1,
        Outcome = Outcome.Ok,
    };

    private static ClientOperation Delete(int key, int count, long record) => new()
    {
        Client = 1,
        Node = "a",
        Action = ClientAction.DeleteRange,
        Key = key,
        Count = count,
        Token = new CommitToken(1, record),
        CalledAt = 1,
        AnsweredAt = 2,
        Outcome = Outcome.Ok,
    };
}
