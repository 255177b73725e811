using Matchpoint.Simulation.Checkers;
using Matchpoint.Simulation.Clients;

namespace Matchpoint.Simulation.Tests.Checkers;

/// <summary>Known good and known bad histories of transactions over lists.</summary>
public sealed class SerializabilityTests
{
    [Theory]
    [InlineData("a0+1 1-2; r0:1 3-4")]
    [InlineData("a0+1,a1+2 1-4; r0:1,r1:2 2-3")]
    [InlineData("a0+1,a1+2 1-4; r0:,r1: 2-3")]
    [InlineData("r0:,a0+1,r0:1 1-2; r0:1 3-4")]
    [InlineData("a0+1? 1-; r0: 2-3; r0:1 4-5")]
    [InlineData("a0+1! 1-2; r0: 3-4")]
    [InlineData("a0+1,a0+2 1-2; r0:1 2 3-4")]
    public void A_good_history_passes(string history) => Assert.Null(Serializability.Check(Parse(history)));

    [Theory]
    [InlineData("a0+1 1-2; r0: 3-4", "lost append")]
    [InlineData("a0+1! 1-2; r0:1 3-4", "G1a")]
    [InlineData("a0+1,a0+2 1-4; r0:1 2-3; r0:1 2 5-6", "G1b")]
    [InlineData("r0:9 1-2", "a value that nobody wrote")]
    [InlineData("a0+1 1-9; a0+2 1-9; r0:1 2 10-11; r0:2 1 12-13", "incompatible order")]
    [InlineData("a0+1 1-2; a0+1 3-4", "duplicate append")]
    [InlineData("a0+1 1-2; r0:1 1 3-4", "duplicate value")]
    [InlineData("a0+1,r0: 1-2", "does not see its own")]
    [InlineData("a0+1,a1+2 1-20; a0+3,a1+4 2-19; r0:1 3 21-22; r1:4 2 23-24", "G0")]
    [InlineData("a0+1,r1:2 1-20; a1+2,r0:1 2-19", "G1c")]
    [InlineData("r0:,r1:2 1-20; a0+1,a1+2 2-19; r0:1 21-22", "G-single")]
    [InlineData("r0:,a1+1 1-20; r1:,a0+2 2-19; r0:2,r1:1 21-22", "G2-item")]
    [InlineData("a0+1? 1-; r0:1 2-3; r0: 4-5", "G-single-realtime")]
    public void A_bad_one_is_called_by_its_name(string history, string anomaly) =>
        Assert.Contains(anomaly, Serializability.Check(Parse(history)), StringComparison.Ordinal);

    [Fact]
    public void What_a_real_store_answers_passes_and_what_is_changed_in_it_does_not()
    {
        var random = new Random(11);
        var caught = 0;
        for (var round = 0; round < 200; round++)
        {
            var operations = Draw(random, 60);
            Assert.Null(Serializability.Check(operations));
            var victim = operations.SelectMany(o => o.Steps).Where(step => step.Read is { Length: > 1 }).Skip(random.Next(10)).FirstOrDefault();
            if (victim is null) continue;
            victim.Read = random.Next(2) == 0 ? victim.Read![..^1] : [.. victim.Read!.Reverse()];
            if (Serializability.Check(operations) is not null) caught++;
        }

        Assert.InRange(caught, 150, 200); // A shortened read of a transaction that overlapped may still be a true one.
    }

    [Fact]
    public void A_history_is_written_as_edn()
    {
        var edn = Edn.OfTransactions(Parse("a0+1,r1: 1-4; r0:1 2-; a1+5? 3-"));
        Assert.Equal(
            """
            {:type :invoke, :f :txn, :value [[:append 0 1] [:r 1 nil]], :process 0, :time 1, :index 0}
            {:type :invoke, :f :txn, :value [[:r 0 nil]], :process 1, :time 2, :index 1}
            {:type :invoke, :f :txn, :value [[:append 1 5]], :process 2, :time 3, :index 2}
            {:type :ok, :f :txn, :value [[:append 0 1] [:r 1 []]], :process 0, :time 4, :index 3}

            """.ReplaceLineEndings("\n"),
            edn);
    }

    [Fact]
    public void Whoever_does_not_know_what_became_of_its_operation_goes_on_as_another_process()
    {
        ClientOperation[] operations =
        [
            new() { Client = 0, Node = "a", Action = ClientAction.Put, Key = 1, Value = 5, CalledAt = 1, AnsweredAt = 2, Outcome = Outcome.Unknown },
            new() { Client = 1, Node = "a", Action = ClientAction.Read, Level = ReadLevel.Linearizable, Key = 1, Found = 5, CalledAt = 3, AnsweredAt = 5, Outcome = Outcome.Ok },
            new() { Client = 0, Node = "a", Action = ClientAction.CompareAndSet, Key = 1, Expected = 4, Value = 6, CalledAt = 4, AnsweredAt = 6, Outcome = Outcome.Ok },
            new() { Client = 0, Node = "a", Action = ClientAction.Put, Key = 2, Value = 7, CalledAt = 7, AnsweredAt = 8, Outcome = Outcome.Ok },
        ];
        Assert.Equal(
            """
            {:type :invoke, :f :write, :value 5, :process 0, :time 1, :index 0}
            {:type :info, :f :write, :value 5, :process 0, :time 2, :index 1}
            {:type :invoke, :f :read, :value nil, :process 1, :time 3, :index 2}
            {:type :invoke, :f :cas, :value [4 6], :process 2, :time 4, :index 3}
            {:type :ok, :f :read, :value 5, :process 1, :time 5, :index 4}
            {:type :fail, :f :cas, :value [4 6], :process 2, :time 6, :index 5}

            """.ReplaceLineEndings("\n"),
            Edn.OfRegister(operations, 1));
    }

    /// <summary>a0+1: appends 1 to list 0; r0:1 2: reads 1 and 2 of it; !: surely failed; ?: nobody knows.</summary>
    private static ClientOperation[] Parse(string history) =>
    [
        .. history.Split("; ").Select((text, i) =>
        {
            var at = text.LastIndexOf(' ');
            var (what, when) = (text[..at], text[(at + 1)..].Split('-'));
            var outcome = what[^1] switch { '!' => Outcome.Fail, '?' => Outcome.Unknown, _ => Outcome.Ok };
            return new ClientOperation
            {
                Client = i, Node = "a", Action = ClientAction.Transact, Steps = [.. what.TrimEnd('!', '?').Split(',').Select(Step)], Outcome = outcome,
                CalledAt = long.Parse(when[0]), AnsweredAt = when[1].Length == 0 ? long.MaxValue : long.Parse(when[1]),
            };
        }),
    ];

    private static ListStep Step(string text) => text[0] == 'a'
        ? new ListStep(text[1] - '0', int.Parse(text[3..]))
        : new ListStep(text[1] - '0', null) { Read = [.. text[3..].Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse)] };

    private static List<ClientOperation> Draw(Random random, int count)
    {
        var lists = new Dictionary<int, List<int>>();
        var operations = new List<ClientOperation>();
        var value = 0;
        for (var i = 0; i < count; i++)
        {
            var steps = new List<ListStep>();
            for (var j = random.Next(1, 4); j > 0; j--)
            {
                var key = random.Next(3);
                var list = lists.TryGetValue(key, out var known) ? known : lists[key] = [];
                if (random.Next(2) == 0)
                {
                    steps.Add(new ListStep(key, null) { Read = [.. list] });
                }
                else
                {
                    list.Add(++value);
                    steps.Add(new ListStep(key, value));
                }
            }

            operations.Add(new ClientOperation
            {
                Client = i % 4,
                Node = "a",
                Action = ClientAction.Transact,
                Steps = steps,
                Outcome = Outcome.Ok,
                CalledAt = (i * 10) - random.Next(30),
                AnsweredAt = (i * 10) + random.Next(1, 30),
            });
        }

        return operations;
    }
}
