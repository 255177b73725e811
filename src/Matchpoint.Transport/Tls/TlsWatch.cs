using System.Security.Cryptography.X509Certificates;

namespace Matchpoint.Transport.Tls;

/// <summary>What is to be known of the certificates of a listener: that they end, that renewed ones cannot be used, who was refused.</summary>
/// <param name="source">The credentials.</param>
/// <param name="time">Where time comes from.</param>
/// <param name="connections">What is refused, in the words of a warning.</param>
internal sealed class TlsWatch(CredentialSource source, TimeProvider time, string connections)
{
    private static readonly TimeSpan RefusalsShown = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan ExpiryWarning = TimeSpan.FromDays(30);

    private readonly Lock _gate = new();
    private string? _lastRefusal;
    private long _refusals;
    private long _refusedAt;

    /// <summary>What is to be done about its own certificates.</summary>
    public IReadOnlyList<string> Credentials
    {
        get
        {
            var warnings = new List<string>();
            if (source.Failure is { } failure) warnings.Add(failure);
            var current = source.Current;
            var now = time.GetUtcNow();
            var renew = "`matchpoint certs renew`, or your own authority; the node takes new files up by itself";
            warnings.AddRange(Validity(current.Certificate, $"the certificate of {string.Join(", ", current.Names)}", renew, now));
            foreach (var authority in current.Authorities)
                warnings.AddRange(Validity(authority, $"the certificate of the authority '{authority.Subject}'", "give every member the next one beside it first", now));
            return warnings;
        }
    }

    /// <summary>Who was refused not long ago.</summary>
    public IReadOnlyList<string> Refusals
    {
        get
        {
            lock (_gate)
            {
                return _lastRefusal is not null && time.GetElapsedTime(_refusedAt) < RefusalsShown
                    ? [$"{_refusals} {connections} were refused for their certificates since the node was opened; the last: {_lastRefusal}"]
                    : [];
            }
        }
    }

    /// <summary>A peer was refused.</summary>
    public void Note(string refusal)
    {
        lock (_gate)
        {
            _lastRefusal = refusal;
            _refusals++;
            _refusedAt = time.GetTimestamp();
        }
    }

    private static IEnumerable<string> Validity(X509Certificate2 certificate, string what, string how, DateTimeOffset now)
    {
        var (from, to) = (new DateTimeOffset(certificate.NotBefore), new DateTimeOffset(certificate.NotAfter));
        if (now > to) yield return $"{what} expired at {to.UtcDateTime:yyyy-MM-dd HH:mm:ss} UTC: new connections are refused. Renew it ({how}).";
        else if (now < from) yield return $"{what} is not valid before {from.UtcDateTime:yyyy-MM-dd HH:mm:ss} UTC: new connections are refused. Is the clock right?";
        else if (to - now < ExpiryWarning)
            yield return $"{what} expires at {to.UtcDateTime:yyyy-MM-dd HH:mm:ss} UTC, in {(to - now).TotalDays:0} days. Renew it ({how}).";
    }
}
