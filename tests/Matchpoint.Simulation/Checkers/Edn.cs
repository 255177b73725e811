using System.Globalization;
using System.Text;
using Matchpoint.Simulation.Clients;

namespace Matchpoint.Simulation.Checkers;

/// <summary>Histories as Jepsen's checkers (Knossos, Elle) read them: one map a line, a call and its answer each.</summary>
internal static class Edn
{
    /// <summary>The transactions, for Elle's list-append checker.</summary>
    public static string OfTransactions(IEnumerable<ClientOperation> operations) =>
        Lines(operations.Where(static operation => operation.Action == ClientAction.Transact), static (operation, isAnswer) => (":txn", Transaction(operation, isAnswer)));

    /// <summary>The operations on one register, for Knossos' register model.</summary>
    public static string OfRegister(IEnumerable<ClientOperation> operations, int key) =>
        Lines(
            operations.Where(operation => operation.Action != ClientAction.Transact && operation.Key == key && (operation.Action != ClientAction.Read || operation.Level == ReadLevel.Linearizable)),
            Register);

    private static string Lines(IEnumerable<ClientOperation> operations, Func<ClientOperation, bool, (string F, string Value)> describe)
    {
        var moments = new List<(long At, ClientOperation Operation, string Type)>();
        foreach (var operation in operations)
        {
            moments.Add((operation.CalledAt, operation, ":invoke"));
            if (operation.AnsweredAt < long.MaxValue) moments.Add((operation.AnsweredAt, operation, TypeOf(operation)));
        }

        // A process that does not know what became of its operation does nothing more; its client goes on as another.
        var clients = moments.Count == 0 ? 0 : moments.Max(static moment => moment.Operation.Client) + 1;
        var processes = Enumerable.Range(0, clients).ToArray();
        var text = new StringBuilder();
        var index = 0;
        foreach (var (at, operation, type) in moments.OrderBy(static moment => moment.At))
        {
            var (f, value) = describe(operation, type != ":invoke");
            text.Append(CultureInfo.InvariantCulture, $"{{:type {type}, :f {f}, :value {value}, :process {processes[operation.Client]}, :time {at}, :index {index++}}}\n");
            if (type == ":info") processes[operation.Client] += clients;
        }

        return text.ToString();
    }

    private static string TypeOf(ClientOperation operation) => operation switch
    {
        { Action: ClientAction.CompareAndSet, Outcome: Outcome.Ok, Found: 0 } => ":fail",
        { Outcome: Outcome.Ok } => ":ok",
        { Outcome: Outcome.Fail } => ":fail",
        _ => ":info",
    };

    private static (string F, string Value) Register(ClientOperation operation, bool isAnswer) => operation.Action switch
    {
        ClientAction.Read => (":read", isAnswer && operation.Outcome == Outcome.Ok ? Number(operation.Found) : "nil"),
        ClientAction.CompareAndSet => (":cas", $"[{Number(operation.Expected)} {Number(operation.Value)}]"),
        _ => (":write", Number(operation.Value)),
    };

    private static string Transaction(ClientOperation operation, bool isAnswer) => $"[{string.Join(' ', operation.Steps.Select(step => step.Append is { } value
        ? string.Create(CultureInfo.InvariantCulture, $"[:append {step.Key} {value}]")
        : $"[:r {step.Key.ToString(CultureInfo.InvariantCulture)} {(isAnswer && operation.Outcome == Outcome.Ok ? $"[{string.Join(' ', step.Read ?? [])}]" : "nil")}]"))}]";

    private static string Number(int value) => value == 0 ? "nil" : value.ToString(CultureInfo.InvariantCulture);
}
