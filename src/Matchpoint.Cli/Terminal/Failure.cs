using System.Net.Sockets;
using System.Text.Json;
using Matchpoint.Client;
using Matchpoint.Protocol;
using Matchpoint.Storage;
using Matchpoint.Storage.Backups;
using Matchpoint.Storage.Files;
using Matchpoint.Syncup;
using Matchpoint.Transport;

namespace Matchpoint.Cli.Terminal;

/// <summary>The command line, or input that came with it, is not understood.</summary>
internal sealed class UsageException(string message) : Exception(message);

/// <summary>What was asked is refused; the message says why and what to do.</summary>
internal sealed class RefusedException(string message) : Exception(message);

/// <summary>Turns an exception into the tool's last words and its exit code.</summary>
internal static class Failure
{
    /// <summary>The exit code and the kind of a failure.</summary>
    public static (int Code, string Kind) Classify(Exception error) => error switch
    {
        UsageException or OptionsException => (ExitCode.Usage, "usage"),
        ClientException { Error.Kind: "bad-request" } client => (ExitCode.Usage, client.Error.Kind),
        ClientException { Error.Kind: "conflict" or "undone" or "trimmed" or "refused" } client => (ExitCode.Refused, client.Error.Kind),
        ClientException client => (ExitCode.Failed, client.Error.Kind),
        MatchpointException { InnerException: { } cause } => Classify(cause),
        MatchpointException => (ExitCode.Failed, "failed"),
        RefusedException or SyncupRefusedException or PeerRefusedException => (ExitCode.Refused, "refused"),
        DamageException => (ExitCode.Damaged, "damage"),
        ForeignException => (ExitCode.Refused, "foreign"),
        DirectoryInUseException => (ExitCode.Refused, "in-use"),
        LogPoisonedException => (ExitCode.Failed, "poisoned"),
        RestoreRefusedException => (ExitCode.Refused, "not-empty"),
        StorageException => (ExitCode.Usage, "no-data"),
        ProtocolException => (ExitCode.Failed, "protocol"),
        OperationCanceledException => (ExitCode.Failed, "cancelled"),
        IOException or UnauthorizedAccessException or SocketException => (ExitCode.Failed, "io"),
        _ => (ExitCode.Failed, "bug"),
    };

    /// <summary>Says what went wrong: a sentence on standard error, or an object on standard output for scripts.</summary>
    public static int Report(Exception error, bool json)
    {
        var (code, kind) = Classify(error);
        var message = kind == "bug" ? error.ToString() : error.Message;
        if (json) Console.Out.WriteLine(JsonSerializer.Serialize(new { error = new { kind, message, exitCode = code } }, Json.Options));
        else Console.Error.WriteLine($"matchpoint: {message}");
        return code;
    }
}
