using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Matchpoint.Protocol;
using Matchpoint.Simulation.Files;
using Matchpoint.Simulation.Group;
using Matchpoint.Simulation.World;
using Matchpoint.Storage;

namespace Matchpoint.Simulation.Clients;

/// <summary>A client that works on some registers and lists, and writes down what it asked and what it was told.</summary>
internal sealed class SimulatedClient
{
    /// <summary>How many registers there are.</summary>
    public const int Registers = 8;

    /// <summary>Half of what is asked is about these.</summary>
    private const int HotRegisters = 2;

    /// <summary>How many lists there are.</summary>
    public const int Lists = 6;

    /// <summary>The name of the database of the lists.</summary>
    public const string ListDatabase = "lists";

    private static readonly TimeSpan MostThinking = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan MostPatience = TimeSpan.FromSeconds(4);

    private readonly Scheduler _scheduler;
    private readonly IReadOnlyList<SimulatedMachine> _machines;
    private readonly History _history;
    private readonly Random _random;
    private readonly int _number;
    private readonly TimeSpan _pause;
    private readonly List<Task> _givenUp = [];
    private string? _primary;
    private CommitToken _token;
    private int _lastRead;

    /// <summary>A client.</summary>
    public SimulatedClient(Scheduler scheduler, IReadOnlyList<SimulatedMachine> machines, History history, int number, TimeSpan pause, Random random)
    {
        (_scheduler, _machines, _history, _number, _pause, _random) = (scheduler, machines, history, number, pause, random);
    }

    /// <summary>The bytes of a register's key.</summary>
    public static byte[] RegisterKey(int register) => Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"r{register}"));

    /// <summary>The bytes of a list's key.</summary>
    public static byte[] ListKey(int list) => Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"l{list}"));

    /// <summary>A register's value; 0 for none.</summary>
    public static int ToValue(byte[]? bytes) => bytes is null ? 0 : BinaryPrimitives.ReadInt32LittleEndian(bytes);

    /// <summary>Works until it is told to stop, and then ends what it began.</summary>
    public async Task RunAsync(Func<bool> isOver)
    {
        while (true)
        {
            await _scheduler.WaitAsync(_pause * -Math.Log(1 - _random.NextDouble())).ConfigureAwait(false);
            if (isOver()) break;
            var process = Choose();
            if (process.Node is not { } node) continue;
            var operation = Draw(process.Name);
            _history.Call(operation);
            await CallAsync(process, node, operation).ConfigureAwait(false);
            _history.Answer(operation);
        }

        // Nobody waits for them any more, and yet they end.
        await Task.WhenAll(_givenUp).ConfigureAwait(false);
    }

    private static byte[]? ToBytes(int value)
    {
        if (value == 0) return null;
        var bytes = new byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, value);
        return bytes;
    }

    private static int[] ToList(ReadOnlySpan<byte> bytes)
    {
        var list = new int[bytes.Length / sizeof(int)];
        for (var i = 0; i < list.Length; i++) list[i] = BinaryPrimitives.ReadInt32LittleEndian(bytes[(i * sizeof(int))..]);
        return list;
    }

    private SimulatedProcess Choose()
    {
        var machine = _primary is not null && _random.Next(10) < 7 ? _machines.First(machine => machine.Name == _primary) : _machines[_random.Next(_machines.Count)];
        return machine.Process!;
    }

    private ClientOperation Draw(string node)
    {
        var dice = _random.Next(100);
        var action = dice switch
        {
            < 22 => ClientAction.Put,
            < 25 => ClientAction.Delete,
            < 27 => ClientAction.DeleteRange,
            < 36 => ClientAction.CompareAndSet,
            < 63 => ClientAction.Read,
            < 68 => ClientAction.Scan,
            _ => ClientAction.Transact,
        };
        var key = action == ClientAction.Scan ? 0 : _random.Next(_random.Next(2) == 0 ? HotRegisters : Registers);
        return new ClientOperation
        {
            Client = _number,
            Node = node,
            Action = action,
            Key = key,
            Count = action switch { ClientAction.Scan => Registers, ClientAction.DeleteRange => _random.Next(1, Registers - key + 1), _ => 1 },
            Value = action is ClientAction.Put or ClientAction.CompareAndSet ? _history.NextValue() : 0,
            Expected = action == ClientAction.CompareAndSet ? _lastRead : 0,
            Level = action is ClientAction.Read or ClientAction.Scan ? DrawLevel() : default,
            Steps = action == ClientAction.Transact ? DrawSteps() : [],
            Thinking = action == ClientAction.Transact && _random.Next(3) == 0 ? MostThinking * (_random.NextDouble() * _random.NextDouble()) : TimeSpan.Zero,
        };
    }

    private List<ListStep> DrawSteps()
    {
        List<ListStep> steps = [];
        if (_random.Next(8) == 0) steps.AddRange(Enumerable.Range(0, Lists).Select(static list => new ListStep(list, Append: null, ByScan: true)));
        var more = _random.Next(1, 5);
        for (var i = 0; i < more; i++) steps.Add(DrawStep());
        return steps;
    }

    private ListStep DrawStep() => new(_random.Next(Lists), _random.Next(2) == 0 ? null : _history.NextValue());

    private ReadLevel DrawLevel() => _random.Next(8) switch
    {
        < 4 => ReadLevel.Linearizable,
        4 => ReadLevel.Durable,
        5 => ReadLevel.Local,
        6 => _token == default ? ReadLevel.Durable : ReadLevel.AtLeast(_token),
        _ => ReadLevel.MaxLag(TimeSpan.FromSeconds(3)),
    };

    private async Task CallAsync(SimulatedProcess process, MatchpointNode node, ClientOperation operation)
    {
        var answer = AskWhenItRunsAsync(process, node, operation);
        var patience = _scheduler.WaitAsync(MostPatience * (0.1 + _random.NextDouble()));
        if (await Task.WhenAny(answer, process.Died, patience).ConfigureAwait(false) != answer && !answer.IsCompleted)
        {
            // What the answer would have been is lost; what was asked may still take effect.
            operation.Outcome = operation.IsRead ? Outcome.Fail : Outcome.Unknown;
            _primary = null;
            if (process.IsAlive) _givenUp.Add(Task.WhenAny(answer, process.Died).Unwrap());
            return;
        }

        operation.Outcome = await answer.ConfigureAwait(false);
        if (operation.Outcome == Outcome.Ok && !operation.IsRead) (_primary, _token) = (operation.Node, operation.Token);
    }

    /// <summary>A process that stands still takes the call when it goes on; one that dies never answers.</summary>
    private async Task<Outcome> AskWhenItRunsAsync(SimulatedProcess process, MatchpointNode node, ClientOperation operation)
    {
        var taken = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _scheduler.At(_scheduler.Now, process, taken.SetResult);
        await taken.Task.ConfigureAwait(false);
        return await AskAsync(process, node, operation).ConfigureAwait(false);
    }

    private async Task<Outcome> AskAsync(SimulatedProcess process, MatchpointNode node, ClientOperation operation)
    {
        try
        {
            await DoAsync(process, node, operation).ConfigureAwait(false);
            return Outcome.Ok;
        }
        catch (NotPrimaryException error)
        {
            _primary = error.Primary;
            return Outcome.Fail;
        }
        catch (Exception error) when (error is ConflictException or TailFullException or StaleReadException or CommitUndoneException)
        {
            return Outcome.Fail;
        }
        catch (MatchpointException error) when (error.GetType() == typeof(MatchpointException))
        {
            return Outcome.Fail; // An arbiter is asked to read.
        }
        catch (Exception error) when (error is InsufficientAcksException or NodeFailedException or ObjectDisposedException or OperationCanceledException or StorageException or SimulatedCrashException)
        {
            _primary = null;
            return Outcome.Unknown;
        }
    }

    private async Task DoAsync(SimulatedProcess process, MatchpointNode node, ClientOperation operation)
    {
        var key = RegisterKey(operation.Key);
        var (place, reign) = operation.IsRead ? (ReadPlace.Before(node), node.Core.Appender.Reign) : default;
        switch (operation.Action)
        {
            case ClientAction.Put:
                operation.Token = await node.Default.PutAsync(key, ToBytes(operation.Value)).ConfigureAwait(false);
                break;
            case ClientAction.Delete:
                operation.Token = await node.Default.DeleteAsync(key).ConfigureAwait(false);
                break;
            case ClientAction.DeleteRange:
                operation.Token = await node.Default.DeleteRangeAsync(new KeyRange(key, RegisterKey(operation.Key + operation.Count))).ConfigureAwait(false);
                break;
            case ClientAction.Scan:
                var found = new int[Registers];
                await foreach (var (name, value) in node.Default.ScanAsync(KeyRange.Prefix("r"), reverse: _random.Next(2) == 0, operation.Level).ConfigureAwait(false))
                    found[name.Span[1] - '0'] = ToValue(value.ToArray());
                operation.FoundInEach = found;
                break;
            case ClientAction.CompareAndSet:
                var token = await node.Default.CompareAndSetAsync(key, ToBytes(operation.Expected), ToBytes(operation.Value)).ConfigureAwait(false);
                operation.Found = token is null ? 0 : 1;
                operation.Token = token ?? default;
                break;
            case ClientAction.Read:
                operation.Found = ToValue(await node.Default.GetAsync(key, operation.Level).ConfigureAwait(false));
                if (operation.Found != 0) _lastRead = operation.Found;
                break;
            case ClientAction.Transact:
                operation.Token = await node.TransactAsync(transaction => TransactAsync(process, transaction, operation)).ConfigureAwait(false);
                break;
            default:
                throw Invariant.Unreachable(operation.Action);
        }

        operation.Place = place?.After(node, reign);
    }

    private async ValueTask TransactAsync(SimulatedProcess process, MatchpointTransaction transaction, ClientOperation operation)
    {
        var steps = operation.Steps;
        if (steps[0].ByScan) Scan(transaction, steps);
        foreach (var step in steps)
        {
            if (!step.ByScan) Take(transaction, step);
            if (step == steps[^1] || operation.Thinking == TimeSpan.Zero) continue;
            var thought = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _scheduler.After(operation.Thinking / (steps.Count - 1), process, thought.SetResult);
            await thought.Task.ConfigureAwait(false);
        }
    }

    private static void Take(MatchpointTransaction transaction, ListStep step)
    {
        var key = ListKey(step.Key);
        var bytes = transaction.Get(key, ListDatabase) ?? [];
        if (step.Append is not { } value)
        {
            step.Read = ToList(bytes);
            return;
        }

        var longer = new byte[bytes.Length + sizeof(int)];
        bytes.CopyTo(longer, 0);
        BinaryPrimitives.WriteInt32LittleEndian(longer.AsSpan(bytes.Length), value);
        transaction.Put(key, longer, ListDatabase);
    }

    private static void Scan(MatchpointTransaction transaction, IReadOnlyList<ListStep> steps)
    {
        foreach (var step in steps.Where(static step => step.ByScan)) step.Read = [];
        foreach (var (key, value) in transaction.Scan(KeyRange.Prefix("l"), database: ListDatabase)) steps[key.Span[1] - '0'].Read = ToList(value.Span);
    }
}
