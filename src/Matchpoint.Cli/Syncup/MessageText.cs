using Matchpoint.Protocol.Messages;

namespace Matchpoint.Cli.Syncup;

/// <summary>A message of the protocol as a line that a person reads.</summary>
internal static class MessageText
{
    /// <summary>The message with its fields.</summary>
    public static string Of(object message) => message switch
    {
        ReplicaHello hello => $"Hello       {hello.Name}: records {hello.First} to {hello.Last}, term {hello.Term}"
            + (hello.Terms.Length == 0 ? "" : $"; terms end at {string.Join(", ", hello.Terms.Take(6).Select(term => $"{term.Term}: {term.Last} [{Short(term.Fingerprint.Value)}]"))}{(hello.Terms.Length > 6 ? ", …" : "")}"),
        FeederHello hello => $"Hello       {hello.Name}: records {hello.First} to {hello.Last}, term {hello.Term}"
            + (hello.Candidate is { } candidate ? $"; by the terms the logs part behind {Entry(candidate)}" : "")
            + (hello.Next is { } next ? $", then comes {Entry(next)}" : ""),
        EntryRequest request => $"EntryRequest {request.Vlsn}",
        Protocol.Messages.Entry entry => $"Entry       {Entry(entry.Record)}",
        EntryNotFound => "EntryNotFound",
        AlternateMatchpoint alternate => $"Alternate   {Entry(alternate.Record)}",
        StartStream start => $"StartStream {start.Vlsn}",
        RestoreRequest restore => $"RestoreRequest {restore.Vlsn}",
        RestoreResponse => "RestoreResponse",
        Probe probe => $"Probe       {probe.Vlsns.Length} records from {probe.Vlsns[0]} to {probe.Vlsns[^1]}",
        ProbeAnswer answer => $"ProbeAnswer {answer.Records.Length} records from {answer.Records[0].Vlsn} to {answer.Records[^1].Vlsn}",
        Heartbeat heartbeat => $"Heartbeat   last {heartbeat.Last}, durable {heartbeat.Durable}",
        Acknowledge acknowledge => $"Acknowledge appended {acknowledge.Appended}, flushed {acknowledge.Flushed}",
        _ => message.ToString() ?? "",
    };

    private static string Entry(in LogEntry entry) => $"{entry.Vlsn} [{Short(entry.Fingerprint.Value)}]";

    /// <summary>The first half of a fingerprint: enough to see that two differ.</summary>
    private static string Short(ulong fingerprint) => $"{fingerprint >> 32:x8}";
}
