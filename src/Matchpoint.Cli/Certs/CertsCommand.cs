using System.CommandLine;
using System.Text.RegularExpressions;
using Matchpoint.Cli.Terminal;
using Matchpoint.Transport;

namespace Matchpoint.Cli.Certs;

/// <summary><c>matchpoint certs</c>: a small authority for a group that has none of its own.</summary>
internal static partial class CertsCommand
{
    private const int DefaultDays = 365;

    /// <summary>Builds the command.</summary>
    public static Command Create() => new("certs", "Make, renew and show the certificates of a group, for TLS.") { Init(), Add(), Renew(), CertsShow.Create() };

    private static Command Init()
    {
        var group = new Option<string>("--group") { Description = "The group's name.", Required = true };
        return Make("init", "Make an authority for a group, and certificates for its first nodes and clients.", group, (path, parsed) =>
        {
            var name = parsed.GetRequiredValue(group);
            return name.Any(c => char.IsWhiteSpace(c) || char.IsControl(c)) || name.Length == 0
                ? throw new UsageException($"--group: expected a name without spaces, found \"{name}\"")
                : CertsDirectory.Make(path, name, TimeProvider.System.GetUtcNow());
        });
    }

    private static Command Add() => Make("add", "Make certificates for further nodes and clients.", extra: null, (path, _) => CertsDirectory.Open(path));

    private static Command Make(string name, string description, Option? extra, Func<string, ParseResult, CertsDirectory> open)
    {
        var directory = Place();
        var nodes = Nodes("A node, with where it listens; once for each.", "NAME[=HOST]");
        var clients = Clients("A client: a person or a program that reads and writes from outside; once for each.");
        var days = Days();
        var json = Options.Json();
        var command = new Command(name, description) { directory, nodes, clients, days, json };
        if (extra is not null) command.Add(extra);
        command.SetAction((parsed, _) => Options.RunAsync(parsed.GetValue(json), () =>
        {
            var wanted = (parsed.GetValue(nodes) ?? []).Select(ParseNode)
                .Concat((parsed.GetValue(clients) ?? []).Select(client => (Kind: PeerKind.Client, Name: Checked(client), Hosts: (string[])[]))).ToList();
            if (wanted.Count == 0) throw new UsageException("name a --node or a --client");
            if (wanted.GroupBy(one => (one.Kind, one.Name)).FirstOrDefault(same => same.Count() > 1) is { } twice) throw new UsageException($"'{twice.Key.Name}' is named twice");
            var certs = open(parsed.GetRequiredValue(directory), parsed);
            var people = wanted.ConvertAll(one => (Identity: new PeerIdentity(certs.Group, one.Kind, one.Name), one.Hosts));
            foreach (var (identity, _) in people)
            {
                if (certs.Has(identity)) throw new RefusedException($"{certs.DirectoryOf(identity)}: there is a certificate for {identity} already: `matchpoint certs renew` makes the next one");
            }

            return Issue(certs, people, parsed.GetValue(days), parsed.GetValue(json), isFirst: name == "init");
        }));
        return command;
    }

    private static Command Renew()
    {
        var directory = Place();
        var nodes = Nodes("A node that is to get its next certificate; once for each.", "NAME");
        var clients = Clients("A client that is to get its next certificate; once for each.");
        var days = Days();
        var json = Options.Json();
        var command = new Command("renew", "Make the next certificates, with new keys: of all nodes and clients, or of those that are named.") { directory, nodes, clients, days, json };
        command.SetAction((parsed, _) => Options.RunAsync(parsed.GetValue(json), () =>
        {
            var certs = CertsDirectory.Open(parsed.GetRequiredValue(directory));
            var named = (parsed.GetValue(nodes) ?? []).Select(node => new PeerIdentity(certs.Group, PeerKind.Node, node))
                .Concat((parsed.GetValue(clients) ?? []).Select(client => new PeerIdentity(certs.Group, PeerKind.Client, client))).ToList();
            var people = certs.Issued().ToList();
            if (named.Find(identity => people.TrueForAll(one => one.Identity != identity)) is { } missing)
                throw new UsageException($"{certs.DirectoryOf(missing)}: there is no certificate for {missing} to renew: `matchpoint certs add` makes the first one");
            return Issue(certs, named.Count == 0 ? people : people.FindAll(one => named.Contains(one.Identity)), parsed.GetValue(days), parsed.GetValue(json), isFirst: false);
        }));
        return command;
    }

    private static int Issue(CertsDirectory certs, List<(PeerIdentity Identity, string[] Hosts)> people, int days, bool json, bool isFirst)
    {
        var now = TimeProvider.System.GetUtcNow();
        var made = people.ConvertAll(one =>
        {
            using var certificate = certs.Issue(one.Identity, one.Hosts, TimeSpan.FromDays(days), now);
            return (one.Identity, Directory: certs.DirectoryOf(one.Identity), Until: certificate.NotAfter.ToUniversalTime());
        });
        if (json)
        {
            Json.Print(made.Select(one => new { who = one.Identity.ToString(), directory = one.Directory, until = one.Until }));
            return ExitCode.Success;
        }

        foreach (var (identity, directory, until) in made) Console.Out.WriteLine($"{directory,-30}  {identity}, valid until {until:yyyy-MM-dd}");
        Console.Out.WriteLine();
        Console.Out.WriteLine("Copy each directory to the machine of its node or client, readable by nobody else, and name it with --certs DIR or MATCHPOINT_CERTS:");
        foreach (var (identity, directory, _) in made)
        {
            var flags = identity.Kind == PeerKind.Node ? $"serve --group {certs.Group} --name {identity.Name}" : "status";
            Console.Out.WriteLine($"  {identity.Name}: matchpoint {flags} --certs {directory} ...");
        }

        Console.Out.WriteLine(isFirst
            ? $"{certs.Path}/ca.key makes members: whoever has it can join the group. Keep it offline; only `certs add` and `certs renew` need it."
            : "A running node takes renewed files up by itself, within seconds.");
        return ExitCode.Success;
    }

    private static (PeerKind Kind, string Name, string[] Hosts) ParseNode(string text)
    {
        var parts = text.Split('=', 2);
        if (parts[0].StartsWith("client-", StringComparison.Ordinal))
            throw new UsageException($"--node: \"{parts[0]}\" would be the directory of a client: expected a name that does not begin with client-");
        return (PeerKind.Node, Checked(parts[0]), parts.Length == 1 ? [] : [.. parts[1].Split(',', StringSplitOptions.RemoveEmptyEntries).Select(HostOf)]);
    }

    /// <summary>A host; a port behind it, as members are named with one, does not matter.</summary>
    private static string HostOf(string text)
    {
        try
        {
            return text.StartsWith('[') || text.Split(':') is [_, _] ? Endpoint.Parse(text).Host : text;
        }
        catch (FormatException error)
        {
            throw new UsageException($"--node: {error.Message}");
        }
    }

    /// <summary>The name becomes that of a directory.</summary>
    private static string Checked(string name) => PlainName().IsMatch(name)
        ? name
        : throw new UsageException($"\"{name}\" cannot be the name of a certificate: expected letters, digits, '-', '_' and '.', at most 64, and a letter or digit first");

    private static Argument<string> Place() => new("DIR") { Description = "The directory of the authority, and of what it issues." };

    private static Option<string[]> Nodes(string description, string help) => new("--node") { Description = description, HelpName = help };

    private static Option<string[]> Clients(string description) => new("--client") { Description = description, HelpName = "NAME" };

    private static Option<int> Days()
    {
        var days = new Option<int>("--days") { Description = "How long the certificates are valid.", DefaultValueFactory = _ => DefaultDays };
        days.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is < 1 or > 3650) result.AddError("--days: expected 1 to 3650");
        });
        return days;
    }

    [GeneratedRegex("^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex PlainName();
}
