using System.CommandLine;
using Matchpoint.Cli.Terminal;

namespace Matchpoint.Cli.Log;

/// <summary><c>matchpoint log</c>: write, show and verify a log on this disk.</summary>
internal static class LogCommand
{
    /// <summary>Builds the command.</summary>
    public static Command Create()
    {
        var command = new Command("log", "Write, show and verify a log on this disk.");
        command.Subcommands.Add(Append());
        command.Subcommands.Add(Dump());
        command.Subcommands.Add(Verify());
        command.Subcommands.Add(Info());
        return command;
    }

    private static Argument<string> Directory() => new("DIR") { Description = "The data directory." };

    private static Command Append()
    {
        var directory = Directory();
        var term = new Option<ulong>("--term") { Description = "The reign in which the records are written; a higher one than the log's begins with a TermStart record.", Required = true };
        var file = new Option<string>("--file") { Description = "Read the transactions from this file; - is standard input.", DefaultValueFactory = _ => "-" };
        var group = new Option<string>("--group") { Description = "The group of a directory that is made.", DefaultValueFactory = _ => "default" };
        var ack = new Option<string>("--ack") { Description = "Whose acknowledgement the commits wait for. With none, they count as acknowledged at once.", DefaultValueFactory = _ => "majority" };
        ack.AcceptOnlyFromAmong("none", "majority", "all");
        var durable = new Option<long?>("--durable") { Description = "Note afterwards that records up to this VLSN are known to be on a majority." };
        var pieces = new Option<int>("--piece-bytes") { Description = "Write larger transactions in pieces of about this size.", DefaultValueFactory = _ => Protocol.Limits.PieceBytes };
        var each = new Option<bool>("--each") { Description = "Flush each transaction before the next is read, and print its VLSN when it is on the device." };
        var json = Options.Json();
        var command = new Command("append", """
            Append transactions from lines: put KEY VALUE, delete KEY, delete-range FROM TO; a blank line ends a transaction.
            Keys and values in double quotes are read as JSON strings. Lines that begin with # are comments.
            """)
        {
            directory, term, file, group, ack, durable, pieces, each, json,
        };
        command.SetAction((parsed, cancellation) => Options.RunAsync(parsed.GetValue(json), () => new LogAppend
        {
            Directory = parsed.GetRequiredValue(directory),
            Term = parsed.GetValue(term),
            File = parsed.GetRequiredValue(file),
            Group = parsed.GetRequiredValue(group),
            Ack = parsed.GetRequiredValue(ack),
            Durable = parsed.GetValue(durable),
            PieceBytes = parsed.GetValue(pieces),
            Each = parsed.GetValue(each),
            Json = parsed.GetValue(json),
        }.RunAsync(cancellation)));
        return command;
    }

    private static Command Dump()
    {
        var directory = Directory();
        var from = new Option<long?>("--from") { Description = "The first VLSN to show." };
        var to = new Option<long?>("--to") { Description = "The last VLSN to show." };
        var json = Options.Json();
        var command = new Command("dump", "Show the records of a log, oldest first.") { directory, from, to, json };
        command.SetAction((parsed, cancellation) => Options.RunAsync(parsed.GetValue(json), () => LogDump.Run(
            parsed.GetRequiredValue(directory), parsed.GetValue(from), parsed.GetValue(to), parsed.GetValue(json), cancellation)));
        return command;
    }

    private static Command Verify()
    {
        var directory = Directory();
        var json = Options.Json();
        var command = new Command("verify", "Read every byte of a log and name every damaged place: file, position, expected, found.") { directory, json };
        command.SetAction((parsed, cancellation) => Options.RunAsync(parsed.GetValue(json), () => LogVerify.Run(
            parsed.GetRequiredValue(directory), parsed.GetValue(json), cancellation)));
        return command;
    }

    private static Command Info()
    {
        var directory = Directory();
        var json = Options.Json();
        var command = new Command("info", "Show what a log holds: its range, terms, segments, and what opening it would find.") { directory, json };
        command.SetAction((parsed, _) => Options.RunAsync(parsed.GetValue(json), () => LogInfo.Run(
            parsed.GetRequiredValue(directory), parsed.GetValue(json))));
        return command;
    }
}
