using Matchpoint.Simulation.Checkers;
using Matchpoint.Simulation.Clients;

namespace Matchpoint.Simulation.Tests.Checkers;

/// <summary>Known good and known bad histories of a register.</summary>
public sealed class LinearizabilityTests
{
    [Theory]
    [InlineData("w1 1-2; r1 3-4")]
    [InlineData("w1 1-4; r1 2-3")]
    [InlineData("w1 1-4; r0 2-3")]
    [InlineData("w1 1-6; r0 2-3; r1 4-5")]
    [InlineData("w1 1-8; w2 2-7; r2 3-4; r1 5-6")]
    [InlineData("w1 1-8; w2 2-7; r1 3-4; r2 5-6")]
    [InlineData("w1 1-2; c1>2 3-4; r2 5-6")]
    [InlineData("w1 1-2; n5>2 3-4; r1 5-6")]
    [InlineData("w1 1-2; w2? 3-; r1 4-5; r2 6-7; r2 8-9")]
    [InlineData("w1 1-2; w2? 3-; r1 4-5; r1 6-7")]
    [InlineData("w1 1-2; c1>2? 3-; r1 4-5; r2 6-7")]
    [InlineData("w1 1-2; d 3-4; r0 5-6")]
    public void A_good_history_passes(string history) => Assert.Null(Linearizability.Check(Parse(history)));

    [Theory]
    [InlineData("w1 1-2; r0 3-4")]
    [InlineData("w1 1-2; w2 3-4; r1 5-6")]
    [InlineData("w1 1-6; r1 2-3; r0 4-5")]
    [InlineData("w1 1-8; w2 2-7; r1 3-4; r2 5-6; r1 9-10; r2 11-12")]
    [InlineData("w1 1-2; c2>3 3-4")]
    [InlineData("w1 1-2; n1>3 3-4")]
    [InlineData("w1 1-2; w2? 3-; r2 4-5; r1 6-7")]
    [InlineData("r7 1-2")]
    [InlineData("w1 1-2; d 3-4; r1 5-6")]
    [InlineData("w1 1-2; c1>2 3-4; c1>3 5-6")]
    public void A_bad_one_does_not(string history) => Assert.NotNull(Linearizability.Check(Parse(history)));

    [Fact]
    public void It_says_what_an_exhaustive_search_says()
    {
        var random = new Random(7);
        var bad = 0;
        for (var i = 0; i < 3000; i++)
        {
            var operations = Draw(random, random.Next(2, 7));
            var expected = CanBeOrdered(operations, new bool[operations.Length], 0);
            Assert.True(expected == (Linearizability.Check(operations) is null), string.Join("; ", operations.Select(o => $"[{o.CalledAt}..{o.AnsweredAt}] {o}")));
            if (!expected) bad++;
        }

        Assert.InRange(bad, 300, 2700);
    }

    [Fact]
    public void A_search_that_was_given_up_is_told_of()
    {
        var history = Parse("w1 1-8; w2 2-7; r2 3-4; r1 5-6");
        Assert.Null(Linearizability.Check(history, out var undecided));
        Assert.Equal(0, undecided);
        Assert.Null(Linearizability.Check(history, out undecided, most: 1));
        Assert.Equal(1, undecided);
    }

    [Fact]
    public void A_thousand_operations_of_a_real_register_pass_quickly()
    {
        var random = new Random(3);
        var operations = new List<ClientOperation>();
        var (value, moment) = (0, 0L);
        for (var i = 0; i < 1000; i++)
        {
            var isRead = random.Next(2) == 0;
            if (!isRead) value = i + 1;
            var (called, answered) = (moment - random.Next(40), moment + random.Next(1, 40));
            operations.Add(isRead ? Make(ClientAction.Read, found: value, called: called, answered: answered) : Make(ClientAction.Put, value: value, called: called, answered: answered));
            moment += 10;
        }

        Assert.Null(Linearizability.Check(operations));
    }

    /// <summary>w1: writes 1; r1: reads 1; c1>2: compares and sets with success, n1>2 without; d: deletes; ?: nobody knows.</summary>
    private static ClientOperation[] Parse(string history) =>
    [
        .. history.Split("; ").Select(text =>
        {
            var (what, when) = (text.Split(' ')[0], text.Split(' ')[1].Split('-'));
            var isUnknown = what.EndsWith('?');
            var numbers = what.TrimEnd('?')[1..].Split('>').Select(number => number.Length == 0 ? 0 : int.Parse(number)).ToArray();
            var answered = when[1].Length == 0 ? long.MaxValue : long.Parse(when[1]);
            return what[0] switch
            {
                'w' => Make(ClientAction.Put, value: numbers[0], called: long.Parse(when[0]), answered: answered, isUnknown: isUnknown),
                'd' => Make(ClientAction.Delete, called: long.Parse(when[0]), answered: answered, isUnknown: isUnknown),
                'r' => Make(ClientAction.Read, found: numbers[0], called: long.Parse(when[0]), answered: answered),
                _ => Make(ClientAction.CompareAndSet, value: numbers[1], expected: numbers[0], found: what[0] == 'c' ? 1 : 0, called: long.Parse(when[0]), answered: answered, isUnknown: isUnknown),
            };
        }),
    ];

    private static ClientOperation[] Draw(Random random, int count) =>
    [
        .. Enumerable.Range(0, count).Select(i =>
        {
            var called = random.Next(20) * 100 + i;
            var answered = called + random.Next(1, 600);
            return random.Next(4) switch
            {
                0 => Make(ClientAction.Put, value: random.Next(1, 3), called: called, answered: answered, isUnknown: random.Next(4) == 0),
                1 => Make(ClientAction.CompareAndSet, value: random.Next(1, 3), expected: random.Next(3), found: random.Next(2), called: called, answered: answered, isUnknown: random.Next(4) == 0),
                _ => Make(ClientAction.Read, found: random.Next(3), called: called, answered: answered),
            };
        }),
    ];

    private static ClientOperation Make(ClientAction action, int value = 0, int expected = 0, int found = 0, long called = 0, long answered = 0, bool isUnknown = false) => new()
    {
        Client = 0,
        Node = "a",
        Action = action,
        Value = value,
        Expected = expected,
        Found = found,
        Level = action == ClientAction.Read ? ReadLevel.Linearizable : default,
        CalledAt = called,
        AnsweredAt = isUnknown ? long.MaxValue : answered,
        Outcome = isUnknown ? Outcome.Unknown : Outcome.Ok,
    };

    private static bool CanBeOrdered(ClientOperation[] operations, bool[] done, int value)
    {
        if (operations.Where((o, i) => !done[i]).All(o => o.Outcome == Outcome.Unknown)) return true;
        var firstAnswer = operations.Where((o, i) => !done[i] && o.Outcome == Outcome.Ok).Min(o => o.AnsweredAt);
        for (var i = 0; i < operations.Length; i++)
        {
            var o = operations[i];
            if (done[i] || o.CalledAt > firstAnswer) continue;
            var applies = o.Action != ClientAction.CompareAndSet || value == o.Expected;
            if (o.Action == ClientAction.Read && o.Found != value) continue;
            if (o.Action == ClientAction.CompareAndSet && o.Outcome == Outcome.Ok && applies != (o.Found != 0)) continue;
            done[i] = true;
            if (CanBeOrdered(operations, done, o.Action == ClientAction.Read || !applies ? value : o.Value)) return true;
            done[i] = false;
        }

        return false;
    }
}
