using System.Text.Json;
using Matchpoint.Client;
using Matchpoint.Server.Problems;
using Microsoft.AspNetCore.Http;

namespace Matchpoint.Server.Operations;

/// <summary>Exports of what was undone, of whichever member holds them.</summary>
internal sealed class ExportReader(MatchpointNode node)
{
    private const int MostLineBytes = 128 * 1024 * 1024;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>An export as it lies on its member's disk, in parts.</summary>
    /// <exception cref="RequestException">There is none of that name.</exception>
    public async IAsyncEnumerable<byte[]> ReadAsync(string member, string name, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
    {
        if (member == node.Options.Name)
        {
            if (!node.Journal.Exports().Any(export => export.Name == name)) throw Missing(member, name);
            foreach (var part in new JournalAnswers(node).Export(name))
            {
                cancellation.ThrowIfCancellationRequested();
                if (part.Value is { } bytes) yield return bytes;
            }

            yield break;
        }

        if (!node.Core.Members.Contains(member)) throw Missing(member, name);
        var client = await NodeClient.ConnectAsync(node, member, Patience, cancellation).ConfigureAwait(false);
        await using (client.ConfigureAwait(false))
        {
            await foreach (var part in client.AskManyAsync(new ClientRequest { Op = "export", Export = name }, Patience, cancellation).ConfigureAwait(false))
            {
                if (part.Value is { } bytes) yield return bytes;
            }
        }
    }

    /// <summary>The lines of an export, each an object in JSON: the header, the operations, the end.</summary>
    public async IAsyncEnumerable<JsonElement> LinesAsync(string member, string name, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
    {
        using var rest = new MemoryStream();
        await foreach (var part in ReadAsync(member, name, cancellation).ConfigureAwait(false))
        {
            var start = 0;
            while (Array.IndexOf(part, (byte)'\n', start) is >= 0 and var end)
            {
                rest.Write(part, start, end - start);
                start = end + 1;
                yield return Parse(rest.GetBuffer().AsMemory(0, (int)rest.Length), name);
                rest.SetLength(0);
            }

            rest.Write(part, start, part.Length - start);
            if (rest.Length > MostLineBytes) throw Damaged(name, $"a line of more than {MostLineBytes} bytes");
        }

        if (rest.Length > 0) yield return Parse(rest.GetBuffer().AsMemory(0, (int)rest.Length), name);
    }

    /// <summary>An export that cannot be read.</summary>
    public static RequestException Damaged(string name, string found) => new(StatusCodes.Status500InternalServerError, "damage", $"The export {name} cannot be read: found {found}.")
    {
        Where = name,
        Found = found,
        Action = "Look at the file on its member's disk.",
    };

    private static JsonElement Parse(ReadOnlyMemory<byte> line, string name)
    {
        try
        {
            using var json = JsonDocument.Parse(line);
            return json.RootElement.Clone();
        }
        catch (JsonException error)
        {
            throw Damaged(name, error.Message);
        }
    }

    private static RequestException Missing(string member, string name) => new(StatusCodes.Status404NotFound, "not-found", $"Member \"{member}\" has no export \"{name}\".")
    {
        Where = "path",
        Action = "api/rollbacks lists what there is.",
    };
}
