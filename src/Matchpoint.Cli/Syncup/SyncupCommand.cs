using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Matchpoint.Cli.Terminal;
using Matchpoint.Protocol.Syncup;
using Matchpoint.Transport;

namespace Matchpoint.Cli.Syncup;

/// <summary><c>matchpoint syncup</c>: find the matchpoint of two logs, and make one follow the other.</summary>
internal static class SyncupCommand
{
    /// <summary>Builds the command.</summary>
    public static Command Create() => new("syncup", "Find the matchpoint of two logs, and make one follow the other.") { Feed(), Join(), Explain() };

    /// <summary>How many acknowledged commits may be undone.</summary>
    public static Option<RollbackLimit> Limit() => new("--rollback-limit")
    {
        Description = "How many acknowledged commits may be undone without an operator; or: disabled.",
        DefaultValueFactory = _ => RollbackLimit.Default,
        CustomParser = ParseLimit,
        HelpName = "N|disabled",
    };

    private static RollbackLimit ParseLimit(ArgumentResult result)
    {
        var text = result.Tokens[0].Value;
        if (text == "disabled") return RollbackLimit.Disabled;
        if (long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var most)) return RollbackLimit.AtMost(most);
        result.AddError($"--rollback-limit: expected a number from 0 up, or disabled, found {text}");
        return default;
    }

    private static Option<Endpoint> Address(string name, string description) => new(name)
    {
        Description = description,
        Required = true,
        HelpName = "HOST:PORT",
        CustomParser = result =>
        {
            try
            {
                return Endpoint.Parse(result.Tokens[0].Value);
            }
            catch (FormatException error)
            {
                result.AddError($"{name}: {error.Message}");
                return default;
            }
        },
    };

    private static Command Feed()
    {
        var data = Options.Data();
        var listen = Address("--listen", "Where to listen; port 0 lets the system choose.");
        var once = new Option<bool>("--once") { Description = "Serve one replica, then stop." };
        var unconfirmed = new Option<bool>("--unconfirmed") { Description = "Do not claim to be the primary: replicas will not undo commits for this feeder." };
        var json = Options.Json();
        var command = new Command("feed", "Serve a log to replicas until interrupted.") { data, listen, once, unconfirmed, json };
        var security = new SecurityFlags();
        security.AddTo(command);
        command.SetAction((parsed, cancellation) => Options.RunAsync(parsed.GetValue(json), () => new SyncupFeed
        {
            Data = parsed.GetRequiredValue(data),
            Listen = parsed.GetRequiredValue(listen),
            Once = parsed.GetValue(once),
            IsConfirmed = !parsed.GetValue(unconfirmed),
            Json = parsed.GetValue(json),
            Security = security.ForListening(parsed, parsed.GetRequiredValue(listen)),
        }.RunAsync(cancellation)));
        return command;
    }

    private static Command Join()
    {
        var data = Options.Data();
        var feeder = Address("--feeder", "The feeder to follow.");
        var protocol = new Option<int>("--protocol") { Description = "The protocol version to speak.", DefaultValueFactory = _ => 2 };
        protocol.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is not (1 or 2)) result.AddError($"--protocol: expected 1 or 2, found {result.Tokens[0].Value}");
        });
        var limit = Limit();
        var dryRun = new Option<bool>("--dry-run") { Description = "Find out what would be done, and do nothing." };
        var group = new Option<string>("--group") { Description = "The group of a directory that is made.", DefaultValueFactory = _ => "default" };
        var json = Options.Json();
        var command = new Command("join", "Make a log equal to a feeder's: find the matchpoint, export and undo what lies above it, fetch what is missing.")
        {
            data, feeder, protocol, limit, dryRun, group, json,
        };
        var security = new SecurityFlags();
        security.AddTo(command);
        command.SetAction((parsed, cancellation) => Options.RunAsync(parsed.GetValue(json), () => new SyncupJoin
        {
            Data = parsed.GetRequiredValue(data),
            Feeder = parsed.GetRequiredValue(feeder),
            Version = (byte)parsed.GetValue(protocol),
            Limit = parsed.GetValue(limit),
            DryRun = parsed.GetValue(dryRun),
            Group = parsed.GetRequiredValue(group),
            Json = parsed.GetValue(json),
            Security = security.Security(parsed),
        }.RunAsync(cancellation)));
        return command;
    }

    private static Command Explain()
    {
        var replica = new Argument<string>("DIR_A") { Description = "The replica's data directory." };
        var feeder = new Argument<string>("DIR_B") { Description = "The feeder's data directory." };
        var limit = Limit();
        var json = Options.Json();
        var command = new Command("explain", "Say what a syncup of two logs on this disk would find and decide. Changes nothing.") { replica, feeder, limit, json };
        command.SetAction((parsed, _) => Options.RunAsync(parsed.GetValue(json), () => SyncupExplain.Run(
            parsed.GetRequiredValue(replica), parsed.GetRequiredValue(feeder), parsed.GetValue(limit), parsed.GetValue(json))));
        return command;
    }
}
