using System.Net;
using System.Net.Sockets;

namespace Matchpoint.Transport;

/// <summary>
/// Ports of the loopback address for whoever must know them before it listens there: groups whose members name each other. They lie below the ports that systems
/// give to outgoing connections, and every process takes them out of a block of its own, so that none is taken between the choice and the use.
/// </summary>
internal static class LoopbackPorts
{
    private const int First = 20_000;
    private const int End = 32_000;
    private const int BlockSize = 200;

    private static readonly Lock Gate = new();

    /// <summary>Listens on the block's first port for as long as the process lives: that is what makes the block its own.</summary>
    private static Socket? _claim;
    private static int _next;

    /// <summary>Takes ports on which nobody listens; they are not given out again before all others of the block have been.</summary>
    /// <exception cref="InvalidOperationException">Every block is taken, or every port of the own one.</exception>
    public static int[] Take(int count)
    {
        lock (Gate)
        {
            _claim ??= ClaimBlock();
            var block = PortOf(_claim);
            var ports = new List<int>(count);
            for (var tried = 1; tried < BlockSize && ports.Count < count; tried++)
            {
                _next = (_next % (BlockSize - 1)) + 1;
                if (TryListen(block + _next) is not { } free) continue;
                free.Dispose();
                ports.Add(block + _next);
            }

            return ports.Count == count ? [.. ports] : throw new InvalidOperationException($"Of the ports {block} to {block + BlockSize - 1} only {ports.Count} are free; {count} are needed.");
        }
    }

    private static Socket ClaimBlock()
    {
        const int blocks = (End - First) / BlockSize;
        // Processes that start together look in different places first.
        for (var i = 0; i < blocks; i++)
        {
            if (TryListen(First + (((Environment.ProcessId + i) % blocks) * BlockSize)) is { } claim) return claim;
        }

        throw new InvalidOperationException($"No block of {BlockSize} loopback ports between {First} and {End} is free.");
    }

    private static Socket? TryListen(int port)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
            socket.Listen();
            return socket;
        }
        catch (SocketException error) when (error.SocketErrorCode is SocketError.AddressAlreadyInUse or SocketError.AccessDenied)
        {
            socket.Dispose();
            return null;
        }
    }

    private static int PortOf(Socket socket) => ((IPEndPoint)socket.LocalEndPoint!).Port;
}
