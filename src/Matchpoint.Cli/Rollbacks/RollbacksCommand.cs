using System.CommandLine;
using Matchpoint.Cli.Terminal;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.Rollbacks;

namespace Matchpoint.Cli.Rollbacks;

/// <summary><c>matchpoint rollbacks</c>: what was ever undone in a directory.</summary>
internal static class RollbacksCommand
{
    /// <summary>Builds the command.</summary>
    public static Command Create() => new("rollbacks", "Show what was ever undone here.") { List(), Show(), RollbacksApply.Create() };

    private static Command List()
    {
        var data = Options.Data();
        var json = Options.Json();
        var command = new Command("list", "List every rollback: when, from where, how much, and why.") { data, json };
        command.SetAction((parsed, _) => Options.RunAsync(parsed.GetValue(json), () => ListAll(parsed.GetRequiredValue(data), parsed.GetValue(json))));
        return command;
    }

    private static Command Show()
    {
        var data = Options.Data();
        var name = new Argument<string?>("NAME") { Description = "The rollback, as listed; the last one where none is named.", DefaultValueFactory = _ => null };
        var json = Options.Json();
        var command = new Command("show", "Show every operation of a rollback.") { data, name, json };
        command.SetAction((parsed, _) => Options.RunAsync(
            parsed.GetValue(json), () => ShowOne(parsed.GetRequiredValue(data), parsed.GetValue(name), parsed.GetValue(json))));
        return command;
    }

    private static int ListAll(string path, bool json)
    {
        using var directory = DataDirectory.OpenReadOnly(PhysicalFiles.Instance, path);
        var rollbacks = RollbackStore.List(directory);
        if (json)
        {
            Json.Print(rollbacks.Select(Object));
            return ExitCode.Success;
        }

        if (rollbacks.Count == 0) Console.Out.WriteLine("nothing was ever undone here");
        foreach (var rollback in rollbacks)
        {
            Console.Out.WriteLine(rollback.Name);
            Console.Out.WriteLine($"  {Describe(rollback)}");
        }

        return ExitCode.Success;
    }

    /// <summary>A rollback of a directory; the last one where none is named.</summary>
    /// <exception cref="UsageException">There is none.</exception>
    internal static RollbackEntry Find(DataDirectory directory, string? name)
    {
        var rollbacks = RollbackStore.List(directory);
        if (rollbacks.Count == 0) throw new UsageException("nothing was ever undone here");
        return name is null ? rollbacks[^1] : rollbacks.FirstOrDefault(entry => entry.Name == name)
            ?? throw new UsageException($"there is no rollback {name} here; `matchpoint rollbacks list` names them");
    }

    private static int ShowOne(string path, string? name, bool json)
    {
        using var directory = DataDirectory.OpenReadOnly(PhysicalFiles.Instance, path);
        var rollback = Find(directory, name);
        var operations = RollbackStore.Operations(directory, rollback.Name);
        if (json)
        {
            Json.Print(new { rollback = Object(rollback), operations = operations.Select(Object) });
            return ExitCode.Success;
        }

        Console.Out.WriteLine(rollback.Name);
        Console.Out.WriteLine(Describe(rollback));
        foreach (var operation in operations)
        {
            var standing = !operation.Committed ? "never committed" : operation.Acknowledged ? "acknowledged" : "not acknowledged";
            var second = operation.Second.Length == 0 ? "" : $" {Terminal.Show.Text(operation.Second)}";
            Console.Out.WriteLine(
                $"{operation.Vlsn,8}  transaction {operation.Transaction}  {operation.Time:yyyy-MM-dd HH:mm:ss}  {standing,-16}  {operation.Kind} {Terminal.Show.Text(operation.Key)}{second}");
        }

        return ExitCode.Success;
    }

    private static string Describe(RollbackEntry rollback)
    {
        var header = rollback.Header;
        var what = rollback.State switch
        {
            RollbackState.Undone => "undone",
            RollbackState.Refused => "refused, still in the log",
            RollbackState.Pending => "interrupted before anything was cut",
            _ => throw Protocol.Invariant.Unreachable(rollback.State),
        };
        return $"{header.ExportedAt:yyyy-MM-dd HH:mm:ss} UTC  records {header.Matchpoint.Next} to {header.Last}: {what}; "
            + $"{Terminal.Show.Count(header.Commits)} commits, {Terminal.Show.Count(header.Acknowledged)} of them acknowledged (row {header.Row}: {header.Reason})";
    }

    private static object Object(RollbackEntry rollback) => new
    {
        name = rollback.Name,
        state = rollback.State.ToString().ToLowerInvariant(),
        exportedAt = rollback.Header.ExportedAt,
        matchpoint = rollback.Header.Matchpoint.Value,
        last = rollback.Header.Last.Value,
        records = rollback.Header.Records,
        commits = rollback.Header.Commits,
        acknowledged = rollback.Header.Acknowledged,
        row = rollback.Header.Row,
        reason = rollback.Header.Reason,
    };

    private static object Object(UndoneOperation operation) => new
    {
        vlsn = operation.Vlsn.Value,
        transaction = operation.Transaction.Value,
        term = operation.Term.Value,
        time = operation.Time,
        committed = operation.Committed,
        acknowledged = operation.Acknowledged,
        operation = operation.Kind,
        database = operation.Database,
        key = Terminal.Show.Text(operation.Key, int.MaxValue),
        keyBase64 = Terminal.Show.IsText(operation.Key) ? null : Convert.ToBase64String(operation.Key),
        second = operation.Second.Length == 0 ? null : Terminal.Show.Text(operation.Second, int.MaxValue),
        secondBase64 = Terminal.Show.IsText(operation.Second) ? null : Convert.ToBase64String(operation.Second),
    };
}
