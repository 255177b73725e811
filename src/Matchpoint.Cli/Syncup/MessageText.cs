using Matchpoint.Protocol.Messages;

namespace Matchpoint.Cli.Syncup;

/// <summary>A message of the protocol as a line that a person reads.</summary>
internal static class MessageText
{
    private const int TermsShown = 6;

    /// <summary>The message with its fields.</summary>
    public static string Of(IMessage message) => message switch
    {
        ReplicaHello hello => $"Hello       {hello.Name}: records {hello.First} to {hello.Last}, term {hello.Term}{Terms(hello)}",
        FeederHello hello => $"Hello       {hello.Name}: records {hello.First} to {hello.Last}, term {hello.Term}{Answer(hello.Answer)}",
        EntryRequest request => $"EntryRequest {request.Vlsn}",
        Entry entry => $"Entry       {Of(entry.Record)}",
        EntryNotFound => "EntryNotFound",
        AlternateMatchpoint alternate => $"Alternate   {Of(alternate.Record)}",
        StartStream start => $"StartStream {start.Start}",
        RestoreRequest restore => $"RestoreRequest {restore.Failed}",
        RestoreResponse => "RestoreResponse",
        Probe probe => $"Probe       {probe.Vlsns.Length} records from {probe.Vlsns[0]} to {probe.Vlsns[^1]}",
        ProbeAnswer answer => $"ProbeAnswer {answer.Entries.Length} records from {answer.Entries[0].Vlsn} to {answer.Entries[^1].Vlsn}",
        Heartbeat heartbeat => $"Heartbeat   last {heartbeat.Last}, durable {heartbeat.Durable}",
        Acknowledge acknowledge => $"Acknowledge appended {acknowledge.Appended}, flushed {acknowledge.Flushed}",
        _ => message.ToString() ?? "",
    };

    private static string Terms(in ReplicaHello hello)
    {
        if (hello.Terms.IsEmpty) return "";
        var shown = hello.Terms.Take(TermsShown).Select(term => $"{term.Term}: {term.Last} [{Short(term.Fingerprint.Value)}]");
        return $"; terms end at {string.Join(", ", shown)}{(hello.Terms.Length > TermsShown ? ", …" : "")}";
    }

    private static string Answer(in SyncupAnswer answer)
    {
        if (answer.At is not { } at) return "";
        return $"; by the terms the logs part behind {Of(at)}{(answer.Next is { } next ? $", then comes {Of(next)}" : "")}";
    }

    private static string Of(in LogEntry entry) => $"{entry.Vlsn} [{Short(entry.Fingerprint.Value)}]";

    /// <summary>The first half of a fingerprint: enough to see that two differ.</summary>
    private static string Short(ulong fingerprint) => $"{fingerprint >> 32:x8}";
}
