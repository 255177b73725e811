namespace Matchpoint.Transport.Tls;

/// <summary>
/// Gives the credentials that are valid now. Files are looked at again when somebody asks, at most every two seconds; renewed ones take the place of the old. New ones
/// that cannot be used are a warning, and the old ones stay.
/// </summary>
internal sealed class CredentialSource
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(2);

    private readonly Lock _gate = new();
    private readonly TlsFiles? _files;
    private readonly Func<TlsCredentials>? _load;
    private readonly TimeProvider _time;
    private TlsCredentials _current;
    private string? _failure;
    private string _stamp = "";
    private long _lookedAt;

    /// <summary>A source of credentials that stay as they are.</summary>
    public CredentialSource(TlsCredentials credentials, TimeProvider time)
    {
        _current = credentials;
        _time = time;
    }

    /// <summary>A source that reads files, now and whenever they are renewed.</summary>
    /// <param name="files">Where they are.</param>
    /// <param name="load">How they are read.</param>
    /// <param name="time">Where time comes from.</param>
    /// <exception cref="CredentialsException">They cannot be used.</exception>
    public CredentialSource(TlsFiles files, Func<TlsFiles, TlsCredentials> load, TimeProvider time)
    {
        _files = files;
        _load = () => load(files);
        _time = time;
        // Before they are read: what is written meanwhile is read again.
        _stamp = files.Stamp();
        _current = load(files);
        _lookedAt = time.GetTimestamp();
    }

    /// <summary>Why renewed files are not used; null while they are.</summary>
    public string? Failure
    {
        get
        {
            lock (_gate)
            {
                Look_Locked();
                return _failure;
            }
        }
    }

    /// <summary>The credentials for the next handshake.</summary>
    public TlsCredentials Current
    {
        get
        {
            lock (_gate)
            {
                Look_Locked();
                return _current;
            }
        }
    }

    private void Look_Locked()
    {
        if (_files is null || _load is null || _time.GetElapsedTime(_lookedAt) < LookEvery) return;
        _lookedAt = _time.GetTimestamp();
        try
        {
            var stamp = _files.Stamp();
            if (stamp == _stamp) return;
            _current = _load();
            (_stamp, _failure) = (stamp, null);
        }
        catch (Exception error) when (error is CredentialsException or IOException or UnauthorizedAccessException)
        {
            _failure = $"the certificates were renewed and cannot be used, the old ones are used on: {error.Message}";
        }
    }
}
