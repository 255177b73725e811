using System.Text;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;
using Matchpoint.Simulation.State;
using Matchpoint.Storage.State;
using Matchpoint.Tail;

namespace Matchpoint.Tests.Tail;

/// <summary>The tail over a state, against a plain list of operations: every key, every version, every range, both ways.</summary>
public class TailModelTests
{
    private const int Keys = 12;

    [Fact]
    public void It_knows_what_a_list_of_operations_says()
    {
        var seeds = int.TryParse(Environment.GetEnvironmentVariable("MATCHPOINT_SEEDS"), out var wanted) ? wanted : 150;
        for (var seed = 1; seed <= seeds; seed++)
        {
            try
            {
                using var history = new History(seed);
                history.Run();
            }
            catch (Exception error)
            {
                Assert.Fail($"seed {seed}: {error}");
            }
        }
    }

    [Fact]
    public async Task A_view_does_not_change_while_generations_come_and_go()
    {
        var tail = new LogTail(generationBytes: 2000);
        var writer = new TransactionWriter();
        for (long v = 1; v <= 50; v++) Add(tail, writer, v);
        var views = new List<(TailView View, long At)>();
        using var done = new CancellationTokenSource();
        var view = tail.View();
        var reading = Task.Run(() =>
        {
            while (!done.IsCancellationRequested)
            {
                for (long at = 1; at <= 50; at++)
                {
                    Assert.Equal(TailAnswer.Value, view.TryFind(Key(at % Keys), Vlsn.Of(50), Vlsn.Null, out var value));
                    var expected = 50 - (((50 % Keys) - (at % Keys) + Keys) % Keys);
                    Assert.Equal($"{expected}", Encoding.UTF8.GetString(value.Span));
                }
            }
        });
        for (long v = 51; v <= 20_000; v++)
        {
            Add(tail, writer, v);
            if (v % 100 == 0) tail.Forget(Vlsn.Of(v - 20));
        }

        await done.CancelAsync();
        await reading;
        tail.Forget(Vlsn.Of(20_000));
        Assert.Equal((0, Vlsn.Of(20_000)), (tail.Bytes, tail.Floor));
    }

    private static void Add(LogTail tail, TransactionWriter writer, long vlsn)
    {
        writer.Clear();
        writer.Put(Key(vlsn % Keys).AsSpan(StateKey.PrefixSize), Encoding.UTF8.GetBytes($"{vlsn}"));
        Assert.True(TransactionPayload.TryRead(writer.Payload(0, Vlsn.Null, Vlsn.Null).Span, Vlsn.Of(vlsn), out var payload, out _));
        tail.Add(Vlsn.Of(vlsn), payload);
        tail.Advance(Vlsn.Of(vlsn));
    }

    private static byte[] Key(long number) => StateKey.Of(0, Encoding.UTF8.GetBytes($"k{number:00}"));

    /// <summary>One history of one seed.</summary>
    private sealed class History(int seed) : IDisposable
    {
        private readonly Random _random = new(seed);
        private readonly List<(long Vlsn, Action<SortedDictionary<string, string>> Do, string From, string To)> _operations = [];
        private readonly LogTail _tail = new(generationBytes: 600);
        private readonly OrderedState _ordered = new();

        private IState State => _ordered;

        public void Dispose() => _ordered.Dispose();

        public void Run()
        {
            var writer = new TransactionWriter();
            for (long vlsn = 1; vlsn <= 40; vlsn++)
            {
                Commit(writer, vlsn);
                if (_random.Next(5) == 0) Apply(vlsn - _random.Next(3));
                if (_random.Next(3) == 0) _tail.Forget(State.Applied.Vlsn);
                Check(vlsn);
            }
        }

        private void Commit(TransactionWriter writer, long vlsn)
        {
            writer.Clear();
            for (var i = 0; i <= _random.Next(4); i++)
            {
                var (from, to) = (Name(_random.Next(Keys)), Name(_random.Next(Keys + 1)));
                var value = $"{vlsn}.{i}";
                switch (_random.Next(6))
                {
                    case 0:
                        writer.Delete(Encoding.UTF8.GetBytes(from));
                        _operations.Add((vlsn, model => model.Remove(from), from, from + "\0"));
                        break;
                    case 1:
                        if (string.CompareOrdinal(from, to) >= 0) break;
                        writer.DeleteRange(Encoding.UTF8.GetBytes(from), Encoding.UTF8.GetBytes(to));
                        _operations.Add((vlsn, model => RemoveRange(model, from, to), from, to));
                        break;
                    default:
                        writer.Put(Encoding.UTF8.GetBytes(from), Encoding.UTF8.GetBytes(value));
                        _operations.Add((vlsn, model => model[from] = value, from, from + "\0"));
                        break;
                }
            }

            Assert.True(TransactionPayload.TryRead(writer.Payload(0, Vlsn.Null, Vlsn.Null).Span, Vlsn.Of(vlsn), out var payload, out _));
            _tail.Add(Vlsn.Of(vlsn), payload);
            _tail.Advance(Vlsn.Of(vlsn));
        }

        private void Apply(long upTo)
        {
            if (upTo <= State.Applied.Vlsn.DistanceFrom(Vlsn.Null)) return;
            using var batch = State.NewBatch();
            batch.DeleteRange(StateKey.Of(0, []), StateKey.Of(1, []));
            foreach (var (key, value) in Model(upTo)) batch.Put(StateKey.Of(0, Encoding.UTF8.GetBytes(key)), Encoding.UTF8.GetBytes(value));
            State.Apply(batch, new StatePosition(Vlsn.Of(upTo), default));
        }

        private void Check(long last)
        {
            using var snapshot = State.Snapshot();
            var view = _tail.View();
            var applied = State.Applied.Vlsn.DistanceFrom(Vlsn.Null);
            for (var at = Math.Max(1, applied); at <= last; at++)
            {
                var model = Model(at);
                for (var i = 0; i < Keys; i++)
                {
                    var found = view.TryFind(Key(i), Vlsn.Of(at), State.Applied.Vlsn, out var value) switch
                    {
                        TailAnswer.Value => Encoding.UTF8.GetString(value.Span),
                        TailAnswer.Deleted => null,
                        _ => snapshot.Get(Key(i)) is { } held ? Encoding.UTF8.GetString(held) : null,
                    };
                    Assert.Equal(model.GetValueOrDefault(Name(i)), found);
                }

                var (low, high) = (_random.Next(Keys), _random.Next(Keys + 1));
                var expected = model.Where(pair => string.CompareOrdinal(pair.Key, Name(low)) >= 0 && string.CompareOrdinal(pair.Key, Name(high)) < 0)
                    .Select(pair => $"{pair.Key}={pair.Value}").ToList();
                Assert.Equal(expected, Walk(snapshot, view, at, low, high, isBackward: false));
                expected.Reverse();
                Assert.Equal(expected, Walk(snapshot, view, at, low, high, isBackward: true));
            }

            CheckTouched(view);
        }

        private void CheckTouched(TailView view)
        {
            var floor = view.Floor.DistanceFrom(Vlsn.Null);
            for (var i = 0; i < Keys; i++)
            {
                var touched = _operations.Where(operation => operation.Vlsn > floor && string.CompareOrdinal(operation.From, Name(i)) <= 0 && string.CompareOrdinal(Name(i), operation.To) < 0);
                AssertTouched(touched.Select(operation => operation.Vlsn).DefaultIfEmpty().Max(), view.LastTouched(Key(i)), floor);
            }

            var (low, high) = (Name(_random.Next(Keys)), Name(_random.Next(Keys + 1)));
            if (string.CompareOrdinal(low, high) >= 0) return;
            var inRange = _operations.Where(operation => operation.Vlsn > floor && string.CompareOrdinal(operation.From, high) < 0 && string.CompareOrdinal(low, operation.To) < 0);
            AssertTouched(
                inRange.Select(operation => operation.Vlsn).DefaultIfEmpty().Max(),
                view.LastTouched(StateKey.Of(0, Encoding.UTF8.GetBytes(low)), StateKey.Of(0, Encoding.UTF8.GetBytes(high))), floor);
        }

        /// <summary>What lies at or below the floor may still be there, as long as its generation is: whoever asks compares with the floor first.</summary>
        private static void AssertTouched(long expected, Vlsn touched, long floor)
        {
            if (expected > 0 || touched.DistanceFrom(Vlsn.Null) > floor) Assert.Equal(expected, touched.DistanceFrom(Vlsn.Null));
        }

        private List<string> Walk(IStateSnapshot snapshot, TailView view, long at, int low, int high, bool isBackward)
        {
            using var cursor = new SnapshotCursor(snapshot, view, Vlsn.Of(at), Key(low), Key(high), isBackward);
            var items = new List<string>();
            while (cursor.MoveNext()) items.Add($"{Encoding.UTF8.GetString(StateKey.UserKey(cursor.Key))}={Encoding.UTF8.GetString(cursor.Value)}");
            return items;
        }

        private SortedDictionary<string, string> Model(long at)
        {
            var model = new SortedDictionary<string, string>(StringComparer.Ordinal);
            foreach (var (vlsn, what, _, _) in _operations)
            {
                if (vlsn <= at) what(model);
            }

            return model;
        }

        private static void RemoveRange(SortedDictionary<string, string> model, string from, string to)
        {
            foreach (var key in model.Keys.Where(key => string.CompareOrdinal(key, from) >= 0 && string.CompareOrdinal(key, to) < 0).ToList()) model.Remove(key);
        }

        private static string Name(int number) => $"k{number:00}";
    }
}
