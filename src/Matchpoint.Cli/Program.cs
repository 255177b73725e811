using System.CommandLine;
using Matchpoint.Cli.Log;
using Matchpoint.Cli.Terminal;

var root = new RootCommand("Matchpoint: an embedded, replicated, transactional key-value store for .NET.")
{
    LogCommand.Create(),
};

var parsed = root.Parse(args);
var code = await parsed.InvokeAsync();
return parsed.Errors.Count > 0 ? ExitCode.Usage : code;
