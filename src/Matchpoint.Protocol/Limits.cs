namespace Matchpoint.Protocol;

/// <summary>The bounds that hold everywhere. They are part of the formats: changing one changes what a peer may send.</summary>
internal static class Limits
{
    /// <summary>The longest key, in bytes.</summary>
    public const int KeyBytes = 64 * 1024;

    /// <summary>The longest value, in bytes.</summary>
    public const int ValueBytes = 16 * 1024 * 1024;

    /// <summary>The longest record, header included: one operation of the largest key and value fits, with room to spare.</summary>
    public const int RecordBytes = 32 * 1024 * 1024;

    /// <summary>A transaction whose operations take more than this is written in pieces of about this size.</summary>
    public const int PieceBytes = 1024 * 1024;

    /// <summary>The longest frame on a channel.</summary>
    public const int FrameBytes = 64 * 1024 * 1024;

    /// <summary>The longest frame of a handshake (hello and syncup): what an unknown peer can make a node hold.</summary>
    public const int HandshakeFrameBytes = 64 * 1024;

    /// <summary>The longest service name, in bytes of UTF-8.</summary>
    public const int ServiceNameBytes = 256;

    /// <summary>The longest node name, in bytes of UTF-8.</summary>
    public const int NodeNameBytes = 256;

    /// <summary>The longest address of a node, in bytes of UTF-8.</summary>
    public const int AddressBytes = 512;

    /// <summary>The longest reason given with a refusal or a close, in bytes of UTF-8. Longer ones are cut.</summary>
    public const int ReasonBytes = 4096;

    /// <summary>The newest terms that a hello lists one by one; older ones are thinned out.</summary>
    public const int TermsListedInFull = 64;

    /// <summary>The most terms that a hello can list: in full, then every 2nd, 4th, ... of up to 2^64.</summary>
    public const int TermsListed = TermsListedInFull + 64;

    /// <summary>The most VLSNs that one probe asks about.</summary>
    public const int ProbedVlsns = 255;

    /// <summary>The most probes in one handshake: six round trips decide any divergence up to 2^40 records; the rest is slack.</summary>
    public const int Probes = 8;

    /// <summary>How much of a full copy travels, is checked and is repeated at a time.</summary>
    public const int ChunkBytes = 1024 * 1024;

    /// <summary>How long a feeder waits for the replica's next message.</summary>
    public static readonly TimeSpan MessageTimeout = TimeSpan.FromSeconds(30);

    /// <summary>How long a handshake may take in all.</summary>
    public static readonly TimeSpan HandshakeTimeout = TimeSpan.FromMinutes(5);
}
