using System.Buffers.Text;
using System.Text;
using Matchpoint.Protocol;
using Matchpoint.Server.Data;
using Matchpoint.Server.Operations;
using Matchpoint.Server.Problems;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Matchpoint.Fuzz.Targets;

/// <summary>
/// What the HTTP service reads out of a request: the key in a path or a parameter, parameters, tags in headers, bodies in JSON. Each is understood, or refused with a
/// <see cref="RequestException"/> whose status is a client's fault; and a key that is written into an address comes out of it again. The first byte says which of them the others are.
/// </summary>
internal sealed class RequestTarget : IFuzzTarget
{
    private const string Before = "/api/databases/";

    /// <inheritdoc/>
    public string Name => "requests";

    /// <inheritdoc/>
    public IEnumerable<byte[]> Seeds =>
    [
        Seed(0, "a%2Fb"), Seed(0, "keys/keys/\u0001"), Seed(1, "/api/databases/keys/keys/a%20b?x=/keys/"), Seed(1, "/API/databases/d/%6Beys/a/b"), Seed(1, "/api/databases/d/keys"),
        Seed(2, "/api/databases/d/keys/AP8"), Seed(3, "at-least\n3.1042\n5"), Seed(3, "max-lag\n\n500"), Seed(3, "local"), Seed(4, "\"abc\", \"def\""), Seed(4, "*"),
        Seed(5, """{"conditions":[{"key":"k","exists":true}],"reads":[{"keyBase64":"AP8="}],"operations":[{"kind":"put","key":"k","value":"v","database":"d"}]}"""),
        Seed(5, """{"reads":[null],"operations":null,"acks":"all","timeout":5}"""),
        Seed(6, """{"name":"a","address":"h:1","kind":"Voter","priority":3,"isDesignated":true}"""), Seed(7, """{"to":"b","timeout":100}"""),
    ];

    /// <inheritdoc/>
    public void Run(ReadOnlySpan<byte> input)
    {
        if (input.IsEmpty) return;
        var rest = input[1..].ToArray();
        try
        {
            Give(input[0] % 8, rest, Encoding.Latin1.GetString(rest));
        }
        catch (RequestException refused)
        {
            Invariant.Holds(refused.Status is >= 400 and < 500, $"a request is refused with status {refused.Status}.");
        }
    }

    private static void Give(int which, byte[] bytes, string text)
    {
        var lines = text.Split('\n');
        switch (which)
        {
            case 0:
                Return(bytes);
                break;
            case 1 or 2:
                KeyText.OfPath(Asked(text), which == 1 ? null : "base64url");
                KeyText.OfQuery(Asked(text), text, which == 1 ? null : "base64url", "from");
                break;
            case 3:
                Parameters.Level(lines[0], lines.ElementAtOrDefault(1), lines.ElementAtOrDefault(2));
                Parameters.Number("limit", lines[0], 1, 1000);
                break;
            case 4:
                var context = new DefaultHttpContext();
                context.Request.Headers.IfMatch = text;
                context.Request.Headers.IfNoneMatch = text;
                ValueTag.ConditionOf(context.Request).WhyNot("\"abc\"");
                break;
            case 5:
                Look(Read<TransactionBody>(bytes));
                break;
            case 6:
                Read<MemberBody>(bytes).ToMember(name: null);
                break;
            default:
                Read<TransferBody>(bytes);
                break;
        }
    }

    /// <summary>A key that is written into an address comes out of it, whatever the database is named and however the words of the address are written.</summary>
    private static void Return(byte[] key)
    {
        var encoded = string.Concat(key.Select(static value => $"%{value:X2}"));
        // Such a segment does not reach a server, or not the one that it was meant for: such keys are written in base64url.
        var isTakenOut = key.Length == 0 || key.AsSpan().SequenceEqual("."u8) || key.AsSpan().SequenceEqual(".."u8);
        foreach (var start in new[] { Before + "d/keys/", Before + "keys/keys/", "/prefix/API/Databases/api/%6BEYS/" })
        {
            if (!isTakenOut) Invariant.Holds(KeyText.OfPath(Asked(start + encoded), null).AsSpan().SequenceEqual(key), $"a key behind {start} came back as another.");
            Invariant.Holds(KeyText.OfPath(Asked(start + Base64Url.EncodeToString(key) + "?encoding=base64url"), "base64url").AsSpan().SequenceEqual(key), $"base64url behind {start}.");
        }

        var (text, base64) = ItemText.Of(key);
        Invariant.Holds(ItemText.Bytes(text, base64, "key").AsSpan().SequenceEqual(key), "bytes in JSON came back as others.");
    }

    private static void Look(TransactionBody body)
    {
        body.MustBeWhole();
        foreach (var condition in body.Conditions) ItemText.Bytes(condition.Value, condition.ValueBase64, "value");
        foreach (var key in body.Conditions.Concat(body.Reads).Concat(body.Operations)) key.KeyBytes("key");
    }

    private static DefaultHttpContext Asked(string target)
    {
        var context = new DefaultHttpContext();
        context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget = target;
        return context;
    }

    private static T Read<T>(byte[] bytes)
        where T : class
    {
        var context = new DefaultHttpContext();
        context.Request.ContentType = "application/json";
        context.Request.Body = new MemoryStream(bytes);
        return Body.ReadJsonAsync<T>(context).GetAwaiter().GetResult();
    }

    private static byte[] Seed(byte which, string text) => [which, .. Encoding.Latin1.GetBytes(text)];
}
