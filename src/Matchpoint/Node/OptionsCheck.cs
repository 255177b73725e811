using System.Text;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Membership;
using Matchpoint.Transport;

namespace Matchpoint.Node;

/// <summary>Whether options can be used: every failure names the option, its value and the rule.</summary>
internal static class OptionsCheck
{
    private const long MiB = 1024 * 1024;

    /// <summary>Checks all options.</summary>
    /// <exception cref="OptionsException">Some cannot be used.</exception>
    public static void Require(MatchpointOptions options)
    {
        var failures = new List<string>();
        void Rule(bool holds, string option, object? value, string rule)
        {
            if (!holds) failures.Add($"{option} is {Show(value)}: {rule}.");
        }

        Rule(!string.IsNullOrWhiteSpace(options.Directory), nameof(options.Directory), options.Directory, "expected the path of a directory");
        Rule(IsName(options.Name), nameof(options.Name), options.Name, $"expected 1 to {Limits.NodeNameBytes} bytes of text without spaces");
        Rule(IsName(options.Group), nameof(options.Group), options.Group, $"expected 1 to {Limits.NodeNameBytes} bytes of text without spaces");
        Rule(options.Durability is { LocalFlush: <= FlushPolicy.Sync, ReplicaFlush: <= FlushPolicy.Sync, Acks: <= AckPolicy.All }, nameof(options.Durability),
            options.Durability, "expected known policies");
        Rule(options.CommitTimeout > TimeSpan.Zero && options.CommitTimeout <= TimeSpan.FromHours(1), nameof(options.CommitTimeout), options.CommitTimeout, "expected more than zero, at most an hour");
        Rule(options.ReadTimeout > TimeSpan.Zero && options.ReadTimeout <= TimeSpan.FromHours(1), nameof(options.ReadTimeout), options.ReadTimeout, "expected more than zero, at most an hour");
        Rule(options.ElectionTimeout >= TimeSpan.FromMilliseconds(50) && options.ElectionTimeout <= TimeSpan.FromMinutes(1), nameof(options.ElectionTimeout),
            options.ElectionTimeout, "expected 50 ms to a minute");
        Rule(options.MaxTailBytes is >= MiB and <= 4096 * MiB, nameof(options.MaxTailBytes), options.MaxTailBytes, "expected 1 MiB to 4 GiB");
        Rule(options.RollbackLimit is null or >= 0, nameof(options.RollbackLimit), options.RollbackLimit, "expected 0 or more, or null");
        Rule(options.LogKeepBytes >= 64 * MiB, nameof(options.LogKeepBytes), options.LogKeepBytes, "expected 64 MiB or more");
        Rule(options.LogKeepTime is not { } age || age >= TimeSpan.FromMinutes(1), nameof(options.LogKeepTime), options.LogKeepTime, "expected a minute or more, or null");
        Rule(options.CopyBytesPerSecond is null or >= 64 * 1024, nameof(options.CopyBytesPerSecond), options.CopyBytesPerSecond, "expected 64 KiB a second or more, or null");
        Rule(options.ScrubBytesPerSecond is null or >= 64 * 1024, nameof(options.ScrubBytesPerSecond), options.ScrubBytesPerSecond, "expected 64 KiB a second or more, or null");
        Rule(options.LogKeepBytes >= options.MaxTailBytes, nameof(options.LogKeepBytes), options.LogKeepBytes,
            $"expected at least MaxTailBytes, which is {options.MaxTailBytes}: the pieces of a large transaction must be kept until it commits");
        Rule(options.CacheBytes >= MiB, nameof(options.CacheBytes), options.CacheBytes, "expected 1 MiB or more");
        Rule(options.MaxClockSkew > TimeSpan.Zero, nameof(options.MaxClockSkew), options.MaxClockSkew, "expected more than zero");
        if (options.Listen is { } listen) RequireAddress(nameof(options.Listen), listen, failures);
        RequireMembers(options, failures);
        if (failures.Count > 0) throw new OptionsException(failures);
    }

    /// <summary>Why a member cannot be one; null when it can.</summary>
    public static string? WhyNot(GroupMember member)
    {
        var failures = new List<string>();
        if (!IsName(member.Name)) failures.Add($"Name is {Show(member.Name)}: expected 1 to {Limits.NodeNameBytes} bytes of text without spaces.");
        RequireAddress("Address", member.Address, failures);
        RequireKind("", member, failures);
        return failures.Count == 0 ? null : string.Join(" ", failures);
    }

    private static void RequireKind(string option, GroupMember member, List<string> failures)
    {
        if (member.Priority is < 0 or > Member.HighestPriority) failures.Add($"{option}Priority is {Show(member.Priority)}: expected 0 to {Member.HighestPriority}.");
        if (member.Kind > MemberKind.Arbiter) failures.Add($"{option}Kind is {Show(member.Kind)}: expected a known kind.");
    }

    private static void RequireMembers(MatchpointOptions options, List<string> failures)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        var addresses = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < options.Members.Count; i++)
        {
            var member = options.Members[i];
            var option = $"{nameof(options.Members)}[{i}]";
            if (!IsName(member.Name)) failures.Add($"{option}.Name is {Show(member.Name)}: expected 1 to {Limits.NodeNameBytes} bytes of text without spaces.");
            else if (!names.Add(member.Name)) failures.Add($"{option}.Name is {Show(member.Name)}: another member has that name; expected names that differ.");
            RequireAddress($"{option}.Address", member.Address, failures);
            if (!addresses.Add(member.Address)) failures.Add($"{option}.Address is {Show(member.Address)}: another member has that address; expected addresses that differ.");
            RequireKind($"{option}.", member, failures);
        }

        foreach (var (name, address) in options.Routes) RequireAddress($"{nameof(options.Routes)}[{name}]", address, failures);
        if (failures.Count == 0 && options.Members.Count > 0)
        {
            var members = options.Members.Select(static member => new Member(member.Name, member.Address, member.Kind, (byte)member.Priority, member.IsDesignated));
            if (Roster.TryCreate(members, out var why) is null) failures.Add($"{nameof(options.Members)}: {why}.");
        }

        if (options.Members.Count > 0 && !names.Contains(options.Name))
            failures.Add($"{nameof(options.Name)} is {Show(options.Name)}: expected one of the members: {string.Join(", ", names)}.");
        if (options.PreferredFeeder is { } feeder && !names.Contains(feeder))
            failures.Add($"{nameof(options.PreferredFeeder)} is {Show(feeder)}: expected one of the members: {string.Join(", ", names)}.");
    }

    private static void RequireAddress(string option, string? address, List<string> failures)
    {
        try
        {
            Endpoint.Parse(address ?? "");
        }
        catch (FormatException error)
        {
            failures.Add($"{option} is {error.Message}");
        }
    }

    private static bool IsName(string? name) =>
        !string.IsNullOrEmpty(name) && Encoding.UTF8.GetByteCount(name) <= Limits.NodeNameBytes && !name.Any(c => char.IsWhiteSpace(c) || char.IsControl(c));

    private static string Show(object? value) => value is null ? "null" : $"\"{value}\"";
}
