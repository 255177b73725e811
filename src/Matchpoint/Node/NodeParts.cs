using Matchpoint.Protocol;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.Log;
using Matchpoint.Storage.State;
using Matchpoint.Transport;

namespace Matchpoint.Node;

/// <summary>What a node stands on: its disk, its network, its kind of state. A simulator has others, and breaks them.</summary>
internal sealed record NodeParts
{
    /// <summary>The real ones.</summary>
    public static NodeParts Real { get; } = new();

    /// <summary>The way to the disk.</summary>
    public IFileSystem Files { get; init; } = PhysicalFiles.Instance;

    /// <summary>The way to other nodes.</summary>
    public INetwork Network { get; init; } = TcpNetwork.Instance;

    /// <summary>Where the state lies.</summary>
    public Func<MatchpointOptions, IStateStore> States { get; init; } = static options => new RocksStateStore(new RocksStateOptions { CacheBytes = options.CacheBytes });

    /// <summary>How the log is kept; its clock is the node's.</summary>
    public LogOptions Log { get; init; } = new();

    /// <summary>So many bytes of log may have to be applied again after a crash: then the state is flushed.</summary>
    public long StateFlushBytes { get; init; } = StateKeeper.BytesBetweenFlushes;

    /// <summary>How much of the log's head is kept, by the node's options.</summary>
    public Func<MatchpointOptions, LogOptions, RetentionOptions> Retention { get; init; } = LogRetention.BudgetOf;

    /// <summary>How much a transaction may say in one record; larger ones are written in pieces of about this size. In bytes.</summary>
    public int PieceBytes { get; init; } = Limits.PieceBytes;

    /// <summary>How long after it was opened a node begins to read its log and state again.</summary>
    public TimeSpan ScrubAfter { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How often it does.</summary>
    public TimeSpan ScrubInterval { get; init; } = TimeSpan.FromDays(1);

    /// <summary>Where the identities of new nodes come from.</summary>
    public Func<Guid> NewId { get; init; } = Guid.NewGuid;

    /// <summary>Who holds the directory, for whoever is turned away.</summary>
    public string Process { get; init; } = $"process {Environment.ProcessId} on {Environment.MachineName}";
}
