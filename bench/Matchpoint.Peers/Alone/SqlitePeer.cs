using Microsoft.Data.Sqlite;

namespace Matchpoint.Peers.Alone;

/// <summary>
/// SQLite in this process, with its write-ahead log and full synchronization. It takes one writer at a time: the clients queue for one connection
/// that writes, which is quicker than as many connections that are told that the database is busy. Each reads on a connection of its own.
/// </summary>
internal sealed class SqlitePeer : IPeer
{
    /// <inheritdoc/>
    public string Name => "sqlite";

    /// <inheritdoc/>
    public PeerFacts Facts => new("SQLite", 1, PeerFacts.InProcess, "flushed to the write-ahead log before the acknowledgement (journal_mode=WAL, synchronous=FULL)", "from the database", null);

    /// <inheritdoc/>
    public string? Missing() => null;

    /// <inheritdoc/>
    public Task<IOpenPeer> OpenAsync(string directory, int clients, CancellationToken cancellation)
    {
        var path = Path.Combine(directory, "sqlite.db");
        var writer = Connect(path);
        using var make = writer.CreateCommand();
        make.CommandText = "CREATE TABLE items (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID";
        make.ExecuteNonQuery();
        return Task.FromResult<IOpenPeer>(new OpenPeer(writer, [.. Enumerable.Range(0, clients).Select(_ => Connect(path))]));
    }

    private static SqliteConnection Connect(string path)
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = path, Pooling = false }.ToString());
        connection.Open();
        using var configure = connection.CreateCommand();
        configure.CommandText = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL";
        configure.ExecuteNonQuery();
        return connection;
    }

    private sealed class OpenPeer : IOpenPeer
    {
        private readonly SemaphoreSlim _turn = new(1);
        private readonly SqliteConnection _writer;
        private readonly SqliteCommand _put;
        private readonly List<(SqliteConnection Connection, SqliteCommand Get)> _readers;

        public OpenPeer(SqliteConnection writer, IEnumerable<SqliteConnection> readers)
        {
            _writer = writer;
            _put = writer.CreateCommand();
            _put.CommandText = "INSERT INTO items VALUES ($key, $value) ON CONFLICT (key) DO UPDATE SET value = excluded.value";
            _put.Parameters.Add("$key", SqliteType.Blob);
            _put.Parameters.Add("$value", SqliteType.Blob);
            _readers = [.. readers.Select(reader => (reader, CreateGet(reader)))];
        }

        public IReadOnlyList<int> Processes => [Environment.ProcessId];

        public async Task PutAsync(int client, byte[] key, byte[] value, CancellationToken cancellation)
        {
            await _turn.WaitAsync(cancellation);
            try
            {
                _put.Parameters[0].Value = key;
                _put.Parameters[1].Value = value;
                _put.ExecuteNonQuery();
            }
            finally
            {
                _turn.Release();
            }
        }

        public Task<bool> GetAsync(int client, byte[] key, bool isLinearizable, CancellationToken cancellation)
        {
            var get = _readers[client].Get;
            get.Parameters[0].Value = key;
            return Task.FromResult(get.ExecuteScalar() is byte[]);
        }

        public ValueTask DisposeAsync()
        {
            _put.Dispose();
            _writer.Dispose();
            foreach (var (connection, get) in _readers)
            {
                get.Dispose();
                connection.Dispose();
            }

            _turn.Dispose();
            return ValueTask.CompletedTask;
        }

        private static SqliteCommand CreateGet(SqliteConnection connection)
        {
            var get = connection.CreateCommand();
            get.CommandText = "SELECT value FROM items WHERE key = $key";
            get.Parameters.Add("$key", SqliteType.Blob);
            return get;
        }
    }
}
