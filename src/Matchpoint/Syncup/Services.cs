namespace Matchpoint.Syncup;

/// <summary>The services that a feeder offers to replicas, by the names that open a connection.</summary>
internal static class Services
{
    /// <summary>Version 1: one candidate per round trip.</summary>
    public const string Syncup = "REP_SYNCUP";

    /// <summary>Version 2: syncup inside the stream's hello.</summary>
    public const string Stream = "REP_STREAM";

    /// <summary>The protocol version of a service.</summary>
    public static byte VersionOf(string service) => service == Syncup ? (byte)1 : (byte)2;

    /// <summary>The service of a protocol version.</summary>
    public static string OfVersion(int version) => version == 1 ? Syncup : Stream;
}
