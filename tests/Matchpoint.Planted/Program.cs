using System.Globalization;

namespace Matchpoint.Planted;

/// <summary>Plants bugs in a copy of the tree, one at a time, and tells how many schedules it takes to find each.</summary>
internal static class Program
{
    private const string Usage = """
        usage: list                                          the bugs there are
               run [NAME ...] [--most SCHEDULES] [--from SEED] plants each of them, or those that are named; ends with 1 when one is not found
        """;

    private static int Main(string[] args)
    {
        switch (args)
        {
            case ["list"]:
                foreach (var bug in Catalogue.All) Console.WriteLine($"{bug.Name,-30} {bug.What} ({bug.File})");
                return 0;
            case ["run", .. var rest]:
                return Run(rest);
            default:
                Console.Error.WriteLine(Usage);
                return 2;
        }
    }

    private static int Run(string[] arguments)
    {
        var most = Number(arguments, "--most", 4000);
        var first = Number(arguments, "--from", 0);
        var names = Names(arguments).ToList();
        if (names.Find(static name => Catalogue.All.All(bug => bug.Name != name)) is { } unknown)
        {
            Console.Error.WriteLine($"there is no planted bug '{unknown}'; the command list shows all");
            return 2;
        }

        var bugs = Catalogue.All.Where(bug => names.Count == 0 || names.Contains(bug.Name)).ToList();
        var workshop = Workshop.SetUp(Workshop.FindRoot(AppContext.BaseDirectory));
        var missed = 0;
        try
        {
            Console.WriteLine($"| planted bug | what is wrong | schedules until found (from seed {first}, at most {most}) | seed | what told |");
            Console.WriteLine("|---|---|---|---|---|");
            foreach (var bug in bugs)
            {
                var finding = workshop.Look(bug, first, most);
                if (finding.Found is null) missed++;
                var told = finding.Found is { } found ? found.Split(':')[0] : "**not found**";
                Console.WriteLine($"| {bug.Name} | {bug.What} | {finding.Schedules} | {finding.Seed} | {told} |");
            }
        }
        finally
        {
            workshop.TearDown();
        }

        Console.WriteLine($"{bugs.Count - missed} of {bugs.Count} planted bugs found");
        return missed == 0 ? 0 : 1;
    }

    private static IEnumerable<string> Names(string[] arguments)
    {
        for (var i = 0; i < arguments.Length; i++)
        {
            if (arguments[i].StartsWith("--", StringComparison.Ordinal)) i++;
            else yield return arguments[i];
        }
    }

    private static int Number(string[] arguments, string name, int otherwise)
    {
        var at = Array.IndexOf(arguments, name);
        return at >= 0 && at + 1 < arguments.Length ? int.Parse(arguments[at + 1], CultureInfo.InvariantCulture) : otherwise;
    }
}
