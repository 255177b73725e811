using System.Text;
using System.Text.Json;
using Matchpoint.Cli.Terminal;
using Matchpoint.Protocol.Records;

namespace Matchpoint.Cli.Log;

/// <summary>
/// Reads transactions from lines: <c>put KEY VALUE</c>, <c>delete KEY</c>, <c>delete-range FROM TO</c>; a blank line ends a
/// transaction, as the end of the input does; <c>#</c> begins a comment line. The value is the rest of its line. A key or value in double quotes
/// is read as a JSON string, so that it may hold anything.
/// </summary>
internal sealed class TransactionLines(TextReader input, TransactionWriter writer)
{
    /// <summary>The number of the line read last, 1 first.</summary>
    public int Line { get; private set; }

    /// <summary>Fills the writer with the next transaction; false when there is none.</summary>
    /// <exception cref="UsageException">A line is not understood, or over a limit. The message names it.</exception>
    public async ValueTask<bool> ReadAsync(CancellationToken cancellation)
    {
        writer.Clear();
        while (await input.ReadLineAsync(cancellation) is { } line)
        {
            Line++;
            line = line.Trim();
            if (line.StartsWith('#')) continue;
            if (line.Length > 0) Add(line);
            else if (writer.Operations > 0) return true;
        }

        return writer.Operations > 0;
    }

    private void Add(string line)
    {
        var rest = line.AsSpan();
        var verb = Token(ref rest, isLast: false);
        try
        {
            switch (verb)
            {
                case "put":
                    var key = Bytes(Token(ref rest, isLast: false), "key");
                    if (rest.Trim().IsEmpty) throw new UsageException($"line {Line}: the value is missing; an empty one is written \"\"");
                    writer.Put(key, Encoding.UTF8.GetBytes(Token(ref rest, isLast: true)));
                    break;
                case "delete":
                    writer.Delete(Bytes(Token(ref rest, isLast: true), "key"));
                    break;
                case "delete-range":
                    var from = Bytes(Token(ref rest, isLast: false), "first key");
                    writer.DeleteRange(from, Bytes(Token(ref rest, isLast: true), "end key"));
                    break;
                default:
                    throw new UsageException($"line {Line}: expected put KEY VALUE, delete KEY, delete-range FROM TO or a blank line, found: {line}");
            }
        }
        catch (ArgumentException tooLong)
        {
            throw new UsageException($"line {Line}: {tooLong.Message}");
        }
    }

    private byte[] Bytes(string token, string what) =>
        token.Length > 0 ? Encoding.UTF8.GetBytes(token) : throw new UsageException($"line {Line}: the {what} is missing");

    /// <summary>The next word, or all the rest; a JSON string when it begins with a quote.</summary>
    private string Token(ref ReadOnlySpan<char> rest, bool isLast)
    {
        rest = rest.Trim();
        if (rest is ['"', ..]) return Quoted(ref rest);
        var end = isLast ? -1 : rest.IndexOf(' ');
        var token = end < 0 ? rest : rest[..end];
        rest = end < 0 ? [] : rest[end..];
        return token.ToString();
    }

    private string Quoted(ref ReadOnlySpan<char> rest)
    {
        for (var end = 1; end < rest.Length; end++)
        {
            if (rest[end] == '\\') end++;
            else if (rest[end] == '"')
            {
                try
                {
                    var text = JsonSerializer.Deserialize<string>(rest[..(end + 1)])!;
                    rest = rest[(end + 1)..];
                    return text;
                }
                catch (JsonException error)
                {
                    throw new UsageException($"line {Line}: not a JSON string: {rest[..(end + 1)]} ({error.Message})");
                }
            }
        }

        throw new UsageException($"line {Line}: a quote is opened and not closed: {rest}");
    }
}
