using System.CommandLine;
using Matchpoint.Cli.Terminal;

namespace Matchpoint.Cli.Node;

/// <summary><c>matchpoint serve</c>: runs one node.</summary>
internal static class ServeCommand
{
    /// <summary>Builds the command.</summary>
    public static Command Create()
    {
        var file = new Option<string?>("--config") { Description = "Read the options from this JSON file; flags beside it win.", HelpName = "FILE" };
        var data = new Option<string?>("--data") { Description = "The data directory; made when it is not there.", HelpName = "DIR" };
        var name = new Option<string?>("--name") { Description = "This node's name in its group." };
        var group = new Option<string?>("--group") { Description = "The group's name." };
        var members = new Option<string[]>("--member") { Description = "A member of the group, this node included; once for each.", HelpName = MemberText.Form };
        var listen = new Option<string?>("--listen") { Description = "Where to listen, where that differs from this node's address as a member.", HelpName = "HOST:PORT" };
        var feeder = new Option<string?>("--preferred-feeder") { Description = "The member to take the log from while it can be had.", HelpName = "NAME" };
        var durability = new Option<string?>("--durability") { Description = "What commits wait for: full, written or fast.", HelpName = "KIND" };
        var election = new Option<int?>("--election-timeout") { Description = "How long a primary may be unheard of, in milliseconds.", HelpName = "MS" };
        var limit = new Option<int?>("--rollback-limit") { Description = "How many acknowledged commits a rollback may undo without being asked." };
        var security = new SecurityFlags();
        var http = new ServeHttpOptions();
        var json = Options.Json();
        var keepBytes = new Option<long?>("--log-keep-bytes") { Description = "How many bytes of log are kept at the most for members that are away or behind.", HelpName = "BYTES" };
        var keepMinutes = new Option<int?>("--log-keep-minutes") { Description = "How old the log may be that is kept for them; any age where this is not given.", HelpName = "MINUTES" };
        var copyRate = new Option<long?>("--copy-bytes-per-second") { Description = "How fast a full copy may be that this node gives to another.", HelpName = "BYTES" };
        var scrubRate = new Option<long?>("--scrub-bytes-per-second")
        {
            Description = "How fast the node reads its log and data again, once a day, to find what the disk has lost: 8 MiB where this is not given, 0 for never.",
            HelpName = "BYTES",
        };
        var command = new Command("serve", "Run one node, until it is interrupted.")
        {
            file, data, name, group, members, listen, feeder, durability, election, limit, keepBytes, keepMinutes, copyRate, scrubRate, json,
        };
        http.AddTo(command);
        security.AddTo(command);
        command.SetAction((parsed, cancellation) => Options.RunAsync(parsed.GetValue(json), async () =>
        {
            var given = parsed.GetValue(file) is { } path ? ServeConfig.Read(path) : new ServeConfig();
            var flags = new ServeConfig
            {
                Data = parsed.GetValue(data),
                Name = parsed.GetValue(name),
                Group = parsed.GetValue(group),
                Members = parsed.GetValue(members) is { Length: > 0 } list ? ServeConfig.ParseMembers(list) : null,
                Listen = parsed.GetValue(listen),
                PreferredFeeder = parsed.GetValue(feeder),
                Durability = parsed.GetValue(durability),
                ElectionTimeoutMilliseconds = parsed.GetValue(election),
                RollbackLimit = parsed.GetValue(limit),
                Http = http.Read(parsed),
                LogKeepBytes = parsed.GetValue(keepBytes),
                LogKeepMinutes = parsed.GetValue(keepMinutes),
                CopyBytesPerSecond = parsed.GetValue(copyRate),
                ScrubBytesPerSecond = parsed.GetValue(scrubRate),
            };
            var config = flags.Over(given);
            var options = config.ToOptions(security.Given(parsed));
            return await RunAsync(options, ServeHttp.Of(config.Http, options), parsed.GetValue(json), cancellation);
        }));
        return command;
    }

    private static async Task<int> RunAsync(MatchpointOptions options, ServeHttp? http, bool json, CancellationToken cancellation)
    {
        await using var node = await MatchpointNode.OpenAsync(options, cancellation);
        var log = new ServeLog(node, json);
        log.Opened();
        log.Warnings();
        node.StateChanged += (_, change) => log.Changed(change);
        node.SyncupCompleted += (_, summary) => log.Completed(summary);
        node.RolledBack += (_, notice) => log.RolledBack(notice);
        await using var server = http is null ? null : await http.StartAsync(node, cancellation);
        if (server is not null) log.Serving(server.Url);
        node.CopyProgressed += (_, progress) => log.Copied(progress);
        try
        {
            while (true)
            {
                await Task.Delay(TimeSpan.FromSeconds(1), TimeProvider.System, cancellation);
                log.Warnings();
                log.Notes();
                if (node.State == NodeState.Failed) throw node.Core.Failure ?? new NodeFailedException("the node has failed");
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            log.Stopping();
            return ExitCode.Success;
        }
    }
}
