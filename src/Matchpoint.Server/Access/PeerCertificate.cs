using Matchpoint.Transport.Tls;

namespace Matchpoint.Server.Access;

/// <summary>What came of the look at the certificate of whoever connected; stands among the features of a connection over TLS.</summary>
/// <param name="isAsked">Whether certificates are asked for: not where the server knows no authority that issues them.</param>
internal sealed class PeerCertificate(bool isAsked)
{
    /// <summary>Whether certificates are asked for.</summary>
    public bool IsAsked => isAsked;

    /// <summary>Whether one was presented.</summary>
    public bool IsPresented { get; set; }

    /// <summary>For whom it is, or why it is not believed.</summary>
    public CertificateVerdict Verdict { get; set; } = CertificateVerdict.None;
}
