using Matchpoint.Cli.Log;
using Matchpoint.Cli.Syncup;
using Matchpoint.Cli.Terminal;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;
using Matchpoint.Protocol.Syncup;
using Matchpoint.Storage.Log;
using Matchpoint.Storage.Rollbacks;
using Matchpoint.Syncup;
using Spectre.Console;

namespace Matchpoint.Cli.Demo;

/// <summary>What the demo shows: in colour and with pauses where a person watches a terminal, plain and at once elsewhere.</summary>
internal sealed class DemoStage : ISyncupObserver
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(600);

    private readonly IAnsiConsole _console;
    private readonly bool _isWatched;
    private readonly bool _isKept;
    private int _scene;

    /// <summary>A stage on standard output.</summary>
    public DemoStage(bool isKept)
    {
        _console = AnsiConsole.Create(new AnsiConsoleSettings());
        _isWatched = !Console.IsOutputRedirected && _console.Profile.Capabilities.Ansi;
        _isKept = isKept;
        if (Console.IsOutputRedirected) _console.Profile.Width = 150;
    }

    /// <summary>Whether the logs are left behind.</summary>
    public bool IsKept => _isKept;

    /// <summary>Begins a part of the story.</summary>
    public async Task SceneAsync(string title, string text, CancellationToken cancellation)
    {
        if (_isWatched && _scene > 0) await Task.Delay(Pause, TimeProvider.System, cancellation);
        _scene++;
        _console.WriteLine();
        _console.MarkupLine($"[bold blue]{_scene}. {Markup.Escape(title)}[/]");
        if (text.Length > 0) _console.MarkupLine($"[grey]{Markup.Escape(text)}[/]");
    }

    /// <summary>A line of the story; may hold markup.</summary>
    public void Line(string markup) => _console.MarkupLine(markup);

    /// <summary>Shows two logs side by side, record by record: green what they share, yellow and red what they do not.</summary>
    public void SideBySide(LogView feeder, LogView replica)
    {
        var table = new Table { Border = TableBorder.Rounded };
        table.AddColumn(new TableColumn("VLSN").RightAligned());
        table.AddColumn("[bold]node A[/] (the new primary, feeder)");
        table.AddColumn("[bold]node B[/] (the old primary, comes back)");
        var left = Lines(feeder);
        var right = Lines(replica);
        for (var i = 0; i < Math.Max(left.Count, right.Count); i++)
        {
            var a = i < left.Count ? left[i] : default;
            var b = i < right.Count ? right[i] : default;
            var isShared = a.Fingerprint is not null && a.Fingerprint == b.Fingerprint;
            table.AddRow(
                new Markup($"{i + 1}"),
                new Markup(a.Text is null ? "" : $"[{(isShared ? "green" : "yellow")}]{Markup.Escape(a.Text)}[/]"),
                new Markup(b.Text is null ? "" : isShared ? "[green]=[/]" : $"[red]{Markup.Escape(b.Text)}[/]"));
        }

        _console.Write(table);
    }

    /// <summary>Shows what was undone.</summary>
    public void Export(string path, IEnumerable<UndoneOperation> operations)
    {
        _console.MarkupLine($"  {Markup.Escape(path)}");
        var table = new Table { Border = TableBorder.Simple };
        table.AddColumns("VLSN", "transaction", "operation", "standing");
        foreach (var operation in operations)
        {
            table.AddRow(
                $"{operation.Vlsn}", $"{operation.Transaction}", Markup.Escape($"{operation.Kind} {Show.Text(operation.Key)} {Show.Text(operation.Second)}"),
                !operation.Committed ? "never committed" : operation.Acknowledged ? "[red]acknowledged[/]" : "not acknowledged");
        }

        _console.Write(table);
    }

    /// <inheritdoc/>
    public void OnStep(SyncupStep step, SyncupReport report)
    {
        if (StepText.Of(step, report) is { } text) _console.MarkupLine($"  [bold]{step.Phase,-10}[/] {Markup.Escape(text)}");
    }

    /// <inheritdoc/>
    public void OnMessage(bool sent, IMessage message) =>
        _console.MarkupLine($"  {(sent ? "[cyan]B -> A[/]" : "[magenta]A -> B[/]")}     {Markup.Escape(MessageText.Of(message))}");

    /// <inheritdoc/>
    public void OnRecords(bool sent, long records, long bytes) =>
        _console.MarkupLine($"  [magenta]A -> B[/]     LogBytes    {records} records, {bytes} bytes, each proved before it is appended");

    private static List<(string? Text, Fingerprint? Fingerprint)> Lines(LogView view)
    {
        var lines = new List<(string?, Fingerprint?)>();
        using var reader = view.ReadFrom(Vlsn.First);
        while (reader.MoveNext())
        {
            // The number stands in its own column.
            lines.Add((RecordText.Line(reader)[8..], reader.Header.Fingerprint));
        }

        return lines;
    }
}
