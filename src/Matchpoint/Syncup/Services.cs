using Matchpoint.Protocol.Messages;

namespace Matchpoint.Syncup;

/// <summary>The services that a feeder offers to replicas, by the names that open a connection.</summary>
internal static class Services
{
    /// <summary>Version 1: one candidate per round trip.</summary>
    public const string Syncup = "REP_SYNCUP";

    /// <summary>Version 2: syncup inside the stream's hello.</summary>
    public const string Stream = "REP_STREAM";

    /// <summary>The service of a protocol version.</summary>
    public static string OfVersion(ushort version) => version == SyncupVersion.One ? Syncup : Stream;
}
