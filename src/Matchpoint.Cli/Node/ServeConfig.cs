using System.Text.Json;
using System.Text.Json.Serialization;
using Matchpoint.Cli.Terminal;

namespace Matchpoint.Cli.Node;

/// <summary>What a node is run with, from a file or from flags; what is not given stays as it is.</summary>
internal sealed record ServeConfig
{
    private static readonly JsonSerializerOptions Format = new(JsonSerializerDefaults.Web)
    {
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        ReadCommentHandling = JsonCommentHandling.Skip,
        AllowTrailingCommas = true,
    };

    public string? Data { get; init; }

    public string? Name { get; init; }

    public string? Group { get; init; }

    public Dictionary<string, string>? Members { get; init; }

    /// <summary>Where this node reaches other members, where that differs from their addresses in the group.</summary>
    public Dictionary<string, string>? Routes { get; init; }

    public string? Listen { get; init; }

    public string? PreferredFeeder { get; init; }

    public string? Durability { get; init; }

    public int? ElectionTimeoutMilliseconds { get; init; }

    public int? RollbackLimit { get; init; }

    public ServeHttpConfig? Http { get; init; }

    public long? MaxTailBytes { get; init; }

    public long? LogKeepBytes { get; init; }

    public int? LogKeepMinutes { get; init; }

    public long? CopyBytesPerSecond { get; init; }

    public long? ScrubBytesPerSecond { get; init; }

    public long? CacheBytes { get; init; }

    public string? Certs { get; init; }

    public string? CertificateFile { get; init; }

    public string? KeyFile { get; init; }

    public string? KeyPassword { get; init; }

    public string? AuthorityFile { get; init; }

    public bool? Insecure { get; init; }

    /// <summary>Reads a file.</summary>
    /// <exception cref="UsageException">It is not there, or not understood.</exception>
    public static ServeConfig Read(string file)
    {
        try
        {
            return JsonSerializer.Deserialize<ServeConfig>(File.ReadAllText(file), Format) ?? throw new UsageException($"{file}: expected a JSON object, found null");
        }
        catch (JsonException error)
        {
            throw new UsageException($"{file}: {error.Message} Known keys: {string.Join(", ", Keys())}.");
        }
        catch (FileNotFoundException)
        {
            throw new UsageException($"--config: there is no file {file}");
        }
    }

    /// <summary>Reads NAME=HOST:PORT, once for each member.</summary>
    public static Dictionary<string, string> ParseMembers(IEnumerable<string> members)
    {
        var parsed = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var member in members)
        {
            var equals = member.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0) throw new UsageException($"--member: expected {MemberText.Form}, found \"{member}\"");
            if (!parsed.TryAdd(member[..equals], member[(equals + 1)..])) throw new UsageException($"--member: '{member[..equals]}' is named twice");
        }

        return parsed;
    }

    /// <summary>These values, and where there is none the others'.</summary>
    public ServeConfig Over(ServeConfig other) => new()
    {
        Data = Data ?? other.Data,
        Name = Name ?? other.Name,
        Group = Group ?? other.Group,
        Members = Members ?? other.Members,
        Routes = Routes ?? other.Routes,
        Listen = Listen ?? other.Listen,
        PreferredFeeder = PreferredFeeder ?? other.PreferredFeeder,
        Durability = Durability ?? other.Durability,
        ElectionTimeoutMilliseconds = ElectionTimeoutMilliseconds ?? other.ElectionTimeoutMilliseconds,
        RollbackLimit = RollbackLimit ?? other.RollbackLimit,
        Http = Http is null ? other.Http : Http.Over(other.Http),
        MaxTailBytes = MaxTailBytes ?? other.MaxTailBytes,
        LogKeepBytes = LogKeepBytes ?? other.LogKeepBytes,
        LogKeepMinutes = LogKeepMinutes ?? other.LogKeepMinutes,
        CopyBytesPerSecond = CopyBytesPerSecond ?? other.CopyBytesPerSecond,
        ScrubBytesPerSecond = ScrubBytesPerSecond ?? other.ScrubBytesPerSecond,
        CacheBytes = CacheBytes ?? other.CacheBytes,
        Certs = Certs ?? other.Certs,
        CertificateFile = CertificateFile ?? other.CertificateFile,
        KeyFile = KeyFile ?? other.KeyFile,
        KeyPassword = KeyPassword ?? other.KeyPassword,
        AuthorityFile = AuthorityFile ?? other.AuthorityFile,
        Insecure = Insecure ?? other.Insecure,
    };

    /// <summary>The options of a node.</summary>
    /// <exception cref="UsageException">No directory is named, or the durability has no such kind.</exception>
    /// <param name="security">How connections are secured, by flags; null where none says so.</param>
    public MatchpointOptions ToOptions(SecurityOptions? security)
    {
        var options = new MatchpointOptions { Directory = Data ?? throw new UsageException("--data: name the data directory, or give it as \"data\" in the --config file") };
        return options with
        {
            Name = Name ?? options.Name,
            Group = Group ?? options.Group,
            Members = [.. (Members ?? []).Select(static member => MemberText.Parse(member.Key, member.Value, "--member"))],
            Routes = Routes ?? [],
            Listen = Listen,
            Security = security ?? ToSecurity(),
            PreferredFeeder = PreferredFeeder,
            Durability = Durability switch
            {
                null or "full" => Matchpoint.Durability.Full,
                "written" => Matchpoint.Durability.Written,
                "fast" => Matchpoint.Durability.Fast,
                var other => throw new UsageException($"--durability: expected full, written or fast, found \"{other}\""),
            },
            ElectionTimeout = ElectionTimeoutMilliseconds is { } ms ? TimeSpan.FromMilliseconds(ms) : options.ElectionTimeout,
            RollbackLimit = RollbackLimit ?? options.RollbackLimit,
            MaxTailBytes = MaxTailBytes ?? options.MaxTailBytes,
            LogKeepBytes = LogKeepBytes ?? options.LogKeepBytes,
            LogKeepTime = LogKeepMinutes is { } minutes ? TimeSpan.FromMinutes(minutes) : options.LogKeepTime,
            CopyBytesPerSecond = CopyBytesPerSecond ?? options.CopyBytesPerSecond,
            ScrubBytesPerSecond = ScrubBytesPerSecond == 0 ? null : ScrubBytesPerSecond ?? options.ScrubBytesPerSecond,
            CacheBytes = CacheBytes ?? options.CacheBytes,
        };
    }

    private SecurityOptions? ToSecurity()
    {
        if (new object?[] { Certs, CertificateFile, Insecure is true ? true : null }.Count(given => given is not null) > 1)
            throw new UsageException("certs, certificateFile and insecure: give one of them");
        return Insecure is true ? new SecurityOptions { AllowInsecure = true }
            : Certs is { } directory ? SecurityFlags.Of(directory, "certs")
            : CertificateFile is { } file ? new SecurityOptions { CertificateFile = file, KeyFile = KeyFile, Password = KeyPassword, AuthorityFile = AuthorityFile }
            : null;
    }

    private static IEnumerable<string> Keys() =>
        typeof(ServeConfig).GetProperties().Where(property => property.CanWrite).Select(property => JsonNamingPolicy.CamelCase.ConvertName(property.Name));
}
