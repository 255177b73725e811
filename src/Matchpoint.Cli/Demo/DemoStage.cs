using Matchpoint.Cli.Terminal;
using Matchpoint.Storage.Rollbacks;
using Spectre.Console;

namespace Matchpoint.Cli.Demo;

/// <summary>What the demo shows: in colour where a person watches a terminal, plain elsewhere.</summary>
internal sealed class DemoStage
{
    private const int MostRows = 12;

    private readonly IAnsiConsole _console;
    private readonly long _startedAt = TimeProvider.System.GetTimestamp();
    private int _scene;

    /// <summary>A stage on standard output.</summary>
    public DemoStage()
    {
        _console = AnsiConsole.Create(new AnsiConsoleSettings());
        if (Console.IsOutputRedirected) _console.Profile.Width = 140;
    }

    /// <summary>Begins a part of the story.</summary>
    public void Scene(string title, string text = "")
    {
        _scene++;
        _console.WriteLine();
        _console.MarkupLine($"[bold blue]{_scene}. {Markup.Escape(title)}[/]");
        if (text.Length > 0) _console.MarkupLine($"[grey]{Markup.Escape(text)}[/]");
    }

    /// <summary>A line of the story.</summary>
    public void Line(string text, string colour = "default") =>
        _console.MarkupLine($"  [grey]{TimeProvider.System.GetElapsedTime(_startedAt).TotalSeconds,6:0.00} s[/]  [{colour}]{Markup.Escape(text)}[/]");

    /// <summary>All members in one table.</summary>
    public void Members(IEnumerable<(string Name, NodeStatus? Status, string? Digest)> members)
    {
        var table = new Table { Border = TableBorder.Rounded };
        table.AddColumns("member", "role");
        foreach (var name in new[] { "term", "last", "durable", "applied" }) table.AddColumn(new TableColumn(name).RightAligned());
        table.AddColumns("what it does", "digest of all it holds");
        foreach (var (name, status, digest) in members)
        {
            if (status is null) table.AddRow(name, "[red]down[/]", "", "", "", "", "", "");
            else
            {
                var role = status.State == NodeState.Primary ? "[green]primary[/]" : status.State == NodeState.Following ? "replica" : $"[yellow]{status.State}[/]";
                table.AddRow(name, role, $"{status.Term}", Show.Count(status.Last), Show.Count(status.Durable), Show.Count(status.Applied), Markup.Escape(status.Step), digest ?? "");
            }
        }

        _console.Write(table);
    }

    /// <summary>What was undone.</summary>
    public void Export(string path, IReadOnlyList<UndoneOperation> operations)
    {
        _console.MarkupLine($"  [grey]{Markup.Escape(path)}[/]");
        var table = new Table { Border = TableBorder.Simple };
        table.AddColumns("VLSN", "operation", "its client was told");
        foreach (var operation in operations.Take(MostRows))
        {
            table.AddRow(
                $"{operation.Vlsn}", Markup.Escape($"{operation.Kind} {Show.Text(operation.Key)} = {Show.Text(operation.Second)}"),
                operation.Acknowledged ? "done, for it asked for nobody's acknowledgement" : "nothing: it still waited");
        }

        if (operations.Count > MostRows) table.AddRow("", $"... and {Show.Count(operations.Count - MostRows)} more", "");
        _console.Write(table);
    }
}
