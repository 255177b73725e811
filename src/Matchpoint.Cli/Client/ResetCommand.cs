using System.CommandLine;
using Matchpoint.Cli.Terminal;
using Matchpoint.Node;
using Matchpoint.Storage.Files;

namespace Matchpoint.Cli.Client;

/// <summary><c>matchpoint members reset</c>: the last way out, when a majority is lost for good.</summary>
internal static class ResetCommand
{
    /// <summary>Builds the command.</summary>
    public static Command Create()
    {
        var data = Options.Data();
        var name = new Option<string>("--name") { Description = "The node's name in its group.", Required = true };
        var confirm = new Option<string?>("--confirm") { Description = "What the first step named: does it.", HelpName = "CODE" };
        var json = Options.Json();
        var command = new Command("reset", "When a majority is lost for good: make a stopped node the only member of its group. Two steps; the first shows what may be lost and changes nothing.")
        {
            data, name, confirm, json,
        };
        command.SetAction((parsed, _) => Options.RunAsync(
            parsed.GetValue(json), () => Run(parsed.GetRequiredValue(data), parsed.GetRequiredValue(name), parsed.GetValue(confirm), parsed.GetValue(json))));
        return command;
    }

    private static int Run(string data, string name, string? confirm, bool json)
    {
        var outlook = GroupReset.Look(PhysicalFiles.Instance, data, name);
        if (confirm is not null && confirm != outlook.Code)
            throw new RefusedException($"--confirm: expected {outlook.Code}, found {confirm}: the directory is not as it was when it was looked at. Nothing was changed; run the first step again.");
        if (confirm is not null) GroupReset.Perform(PhysicalFiles.Instance, data, name, outlook);
        if (json)
        {
            Json.Print(new
            {
                isDone = confirm is not null,
                outlook.Name,
                outlook.Members,
                lost = outlook.Others,
                outlook.Last,
                outlook.Durable,
                undecided = outlook.Last - outlook.Durable,
                outlook.Code,
            });
            return ExitCode.Success;
        }

        Console.Out.WriteLine($"node '{outlook.Name}' of the members {outlook.Members}");
        Console.Out.WriteLine($"  its log ends at record {Show.Count(outlook.Last)}; up to record {Show.Count(outlook.Durable)} it knows that a majority had them");
        Console.Out.WriteLine($"  {Show.Count(outlook.Last - outlook.Durable)} records behind that will count from here on, whether or not anybody was told that they do");
        Console.Out.WriteLine($"  what only {outlook.Others} acknowledged behind record {Show.Count(outlook.Last)} is lost: how much that is cannot be known here");
        if (confirm is not null)
        {
            Console.Out.WriteLine($"done: '{outlook.Name}' is the only member. Start it; add members with `matchpoint members add`, each with an empty directory.");
            return ExitCode.Success;
        }

        Console.Out.WriteLine();
        Console.Out.WriteLine($"Nothing was changed. If {outlook.Others} can be started in any way, do that instead.");
        Console.Out.WriteLine("Where several members are left, reset the one whose log ends last, and give the others empty directories. Never start the lost ones again with what they hold:");
        Console.Out.WriteLine("they would be another group of the same name. To go on:");
        Console.Out.WriteLine($"  matchpoint members reset --data {data} --name {name} --confirm {outlook.Code}");
        return ExitCode.Success;
    }
}
