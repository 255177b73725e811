using StackExchange.Redis;

namespace Matchpoint.Peers;

/// <summary>A connection for each client of a server that speaks the protocol of Redis.</summary>
internal static class RedisConnections
{
    /// <summary>Connects until there are enough.</summary>
    /// <returns>Whether there are; not while the server does not listen yet.</returns>
    public static async Task<bool> ConnectAsync(int port, int clients, List<ConnectionMultiplexer> connections)
    {
        try
        {
            while (connections.Count < clients) connections.Add(await ConnectionMultiplexer.ConnectAsync($"127.0.0.1:{port},syncTimeout=30000,asyncTimeout=30000"));
            return true;
        }
        catch (RedisConnectionException)
        {
            return false; // It does not listen yet.
        }
    }
}
