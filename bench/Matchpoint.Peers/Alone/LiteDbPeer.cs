using LiteDB;

namespace Matchpoint.Peers.Alone;

/// <summary>LiteDB in this process: one database that all clients share, as its documentation has it, with the default (direct) connection.</summary>
internal sealed class LiteDbPeer : IPeer
{
    /// <inheritdoc/>
    public string Name => "litedb";

    /// <inheritdoc/>
    public PeerFacts Facts => new(
        "LiteDB", 1, PeerFacts.InProcess, "written to its log file, not flushed: what the operating system has not yet written is lost with the power",
        "from the database", null);

    /// <inheritdoc/>
    public string? Missing() => null;

    /// <inheritdoc/>
    public Task<IOpenPeer> OpenAsync(string directory, int clients, CancellationToken cancellation) =>
        Task.FromResult<IOpenPeer>(new OpenPeer(new LiteDatabase(new ConnectionString { Filename = Path.Combine(directory, "lite.db") })));

    private sealed class OpenPeer(LiteDatabase database) : IOpenPeer
    {
        private readonly ILiteCollection<BsonDocument> _items = database.GetCollection("items", BsonAutoId.ObjectId);

        public IReadOnlyList<int> Processes => [Environment.ProcessId];

        public Task PutAsync(int client, byte[] key, byte[] value, CancellationToken cancellation)
        {
            _items.Upsert(new BsonDocument { ["_id"] = key, ["value"] = value });
            return Task.CompletedTask;
        }

        public Task<bool> GetAsync(int client, byte[] key, bool isLinearizable, CancellationToken cancellation) => Task.FromResult(_items.FindById(key) is not null);

        public ValueTask DisposeAsync()
        {
            database.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
