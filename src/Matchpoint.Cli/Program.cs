using System.CommandLine;
using System.CommandLine.Help;
using Matchpoint.Cli.Backups;
using Matchpoint.Cli.Bench;
using Matchpoint.Cli.Certs;
using Matchpoint.Cli.Client;
using Matchpoint.Cli.Demo;
using Matchpoint.Cli.Log;
using Matchpoint.Cli.Node;
using Matchpoint.Cli.Rollbacks;
using Matchpoint.Cli.Syncup;
using Matchpoint.Cli.Terminal;
using Matchpoint.Cli.Torture;

// A plain command rather than a RootCommand: that one is called like the assembly, and the tool is called matchpoint.
var root = new Command("matchpoint", "Matchpoint: an embedded, replicated, transactional key-value store for .NET.")
{
    DemoCommand.Create(),
    ServeCommand.Create(),
    StatusCommand.Create(),
    MembersCommand.Create(),
    MembersCommand.Transfer(),
    BackupCommand.Create(),
    RestoreCommand.Create(),
    VerifyCommand.Create(),
    TortureCommand.Create(),
    BenchCommand.Create(),
    LogCommand.Create(),
    SyncupCommand.Create(),
    RollbacksCommand.Create(),
    CertsCommand.Create(),
};
foreach (var command in ClientCommands.Create()) root.Add(command);
root.Options.Add(new HelpOption { Recursive = true });
root.Options.Add(new VersionOption());

var parsed = root.Parse(args);
var code = await parsed.InvokeAsync();
return parsed.Errors.Count > 0 ? ExitCode.Usage : code;

/// <summary>The tool. Said here because the web framework would otherwise make it public.</summary>
internal sealed partial class Program;
