using System.Globalization;
using Matchpoint.Cli.Terminal;

namespace Matchpoint.Cli.Node;

/// <summary>Members as they are written on the command line and in files: HOST:PORT, and behind commas what else there is to say.</summary>
internal static class MemberText
{
    /// <summary>How a member is written, for help.</summary>
    public const string Form = "NAME=HOST:PORT[,secondary|arbiter][,priority=0-9][,designated]";

    /// <summary>Reads NAME=HOST:PORT and what follows.</summary>
    /// <exception cref="UsageException">It is not understood.</exception>
    public static GroupMember Parse(string text, string option)
    {
        var equals = text.IndexOf('=', StringComparison.Ordinal);
        return equals > 0 ? Parse(text[..equals], text[(equals + 1)..], option) : throw new UsageException($"{option}: expected {Form}, found \"{text}\"");
    }

    /// <summary>Reads HOST:PORT and what follows.</summary>
    /// <exception cref="UsageException">It is not understood.</exception>
    public static GroupMember Parse(string name, string text, string option)
    {
        var words = text.Split(',');
        var member = new GroupMember(name, words[0]);
        foreach (var word in words.Skip(1))
        {
            member = word switch
            {
                "voter" => member with { Kind = MemberKind.Voter },
                "secondary" => member with { Kind = MemberKind.Secondary },
                "arbiter" => member with { Kind = MemberKind.Arbiter },
                "designated" => member with { IsDesignated = true },
                _ when word.StartsWith("priority=", StringComparison.Ordinal)
                    && int.TryParse(word["priority=".Length..], NumberStyles.None, CultureInfo.InvariantCulture, out var priority) => member with { Priority = priority },
                _ => throw new UsageException($"{option}: member '{name}': \"{word}\" is not understood; expected {Form}"),
            };
        }

        return member;
    }
}
