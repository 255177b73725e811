using System.Net;
using System.Text;
using System.Text.Json;
using Matchpoint.Server.Problems;
using Microsoft.AspNetCore.Connections;

namespace Matchpoint.Server.Access;

/// <summary>Where TLS is spoken: tells whoever begins without it so, in plain HTTP, before anything is done for it. Nothing of what it says is looked at beyond its first byte.</summary>
/// <param name="note">Takes note of it.</param>
/// <param name="time">Where time comes from.</param>
/// <param name="next">What is done with a connection that begins as it should.</param>
internal sealed class PlainTextDoor(Action<string> note, TimeProvider time, ConnectionDelegate next)
{
    private const byte HandshakeRecord = 0x16;

    /// <summary>How long a connection may take to begin, and again to end its handshake.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private static readonly byte[] Answer = AnswerOf(new Problem
    {
        Status = (int)HttpStatusCode.BadRequest,
        Code = "tls-needed",
        Title = "TLS is spoken here",
        Detail = "TLS is spoken here, and the connection began without it.",
        Where = "connection",
        Expected = "https://",
        Found = "http://",
        Action = "Ask the same address with https://.",
    });

    /// <summary>A connection comes in.</summary>
    public async Task EnterAsync(ConnectionContext connection)
    {
        if (await IsHandshakeAsync(connection).ConfigureAwait(false) is not { } isHandshake) return;
        if (isHandshake)
        {
            await next(connection).ConfigureAwait(false);
            return;
        }

        note($"{connection.RemoteEndPoint}: TLS is spoken here, and the connection began without it");
        using var deadline = new CancellationTokenSource(Patience, time);
        try
        {
            await connection.Transport.Output.WriteAsync(Answer, deadline.Token).ConfigureAwait(false);
            await connection.Transport.Output.CompleteAsync().ConfigureAwait(false);
            await LetItReadAsync(connection, deadline.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            connection.Abort(new ConnectionAbortedException("a connection that began without TLS was not closed in time by who made it"));
        }
    }

    /// <summary>Whether it begins with a handshake; null where it ended, or said nothing in time.</summary>
    private async Task<bool?> IsHandshakeAsync(ConnectionContext connection)
    {
        using var deadline = new CancellationTokenSource(Patience, time);
        try
        {
            var read = await connection.Transport.Input.ReadAsync(deadline.Token).ConfigureAwait(false);
            bool? isHandshake = read.Buffer.IsEmpty ? null : read.Buffer.FirstSpan[0] == HandshakeRecord;
            // It stays where it is: the handshake reads it again.
            connection.Transport.Input.AdvanceTo(read.Buffer.Start);
            return isHandshake;
        }
        catch (OperationCanceledException)
        {
            connection.Abort(new ConnectionAbortedException($"nothing was said for {Patience.TotalSeconds:0} s where a TLS handshake was awaited"));
            return null;
        }
    }

    /// <summary>A socket that is closed with something unread in it takes the answer back.</summary>
    private static async Task LetItReadAsync(ConnectionContext connection, CancellationToken cancellation)
    {
        while (true)
        {
            var read = await connection.Transport.Input.ReadAsync(cancellation).ConfigureAwait(false);
            connection.Transport.Input.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted) return;
        }
    }

    private static byte[] AnswerOf(Problem problem)
    {
        var body = JsonSerializer.Serialize(problem, Json.Options);
        var length = Encoding.UTF8.GetByteCount(body);
        return Encoding.UTF8.GetBytes($"HTTP/1.1 {problem.Status} Bad Request\r\nContent-Type: application/problem+json\r\nContent-Length: {length}\r\n"
            + $"Cache-Control: no-store\r\nConnection: close\r\n\r\n{body}");
    }
}
