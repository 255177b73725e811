using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;

namespace Matchpoint.Server.Tests;

/// <summary>The data over HTTP, on a real server beside a real node.</summary>
public sealed class DataTests : IAsyncLifetime
{
    private const string Keys = "api/databases/default/keys";

    private ServedGroup _group = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private HttpClient Client => _group.Client;

    public async ValueTask InitializeAsync() => _group = await ServedGroup.StartAsync(size: 1);

    public ValueTask DisposeAsync() => _group.DisposeAsync();

    [Fact]
    public async Task A_key_is_set_read_and_removed()
    {
        using var put = await Client.PutAsync(At($"{Keys}/greeting"), Bytes("hello"), Cancellation);
        Assert.Equal(HttpStatusCode.NoContent, put.StatusCode);
        Assert.True(CommitToken.TryParse(Assert.Single(put.Headers.GetValues("Matchpoint-Token")), out _));
        using var get = await Client.GetAsync(At($"{Keys}/greeting"), Cancellation);
        Assert.Equal("hello", await get.Content.ReadAsStringAsync(Cancellation));
        Assert.Equal(put.Headers.ETag, get.Headers.ETag);
        using var delete = await Client.DeleteAsync(At($"{Keys}/greeting"), Cancellation);
        Assert.Equal(HttpStatusCode.NoContent, delete.StatusCode);
        using var gone = await Client.GetAsync(At($"{Keys}/greeting"), Cancellation);
        await ProblemAsync(gone, HttpStatusCode.NotFound, "not-found");
    }

    [Theory]
    [InlineData("a%2Fb", "a/b")]
    [InlineData("a/b", "a/b")]
    [InlineData("a%252Fb", "a%2Fb")]
    [InlineData("%C3%A9", "é")]
    [InlineData("a+b%20c", "a+b c")]
    public async Task A_key_in_an_address_is_its_bytes_percent_encoded(string path, string key)
    {
        using var put = await Client.PutAsync(At($"{Keys}/{path}"), Bytes("v"), Cancellation);
        Assert.Equal(HttpStatusCode.NoContent, put.StatusCode);
        Assert.Equal("v", await _group.Nodes.Primary.Default.GetTextAsync(key, cancellation: Cancellation));
    }

    [Theory]
    [InlineData("api/databases/default/KEYS/k1", null)]
    [InlineData("API/Databases/default/%6Beys/k1", null)]
    [InlineData("api/databases/keys/keys/k1", "keys")]
    [InlineData("api/databases/databases/keys/k1", "databases")]
    public async Task An_address_names_the_same_key_however_routing_takes_its_words(string path, string? database)
    {
        using var put = await Client.PutAsync(At(path), Bytes("v"), Cancellation);
        Assert.Equal(HttpStatusCode.NoContent, put.StatusCode);
        Assert.Equal("v", await _group.Nodes.Primary.Database(database ?? "default").GetTextAsync("k1", cancellation: Cancellation));
    }

    [Fact]
    public async Task An_address_without_a_key_sets_none()
    {
        using var put = await Client.PutAsync(At(Keys), Bytes("v"), Cancellation);
        await ProblemAsync(put, HttpStatusCode.BadRequest, "bad-request");
        using var page = JsonDocument.Parse(await Client.GetStringAsync(At(Keys), Cancellation));
        Assert.Equal(0, page.RootElement.GetProperty("items").GetArrayLength());
    }

    [Theory]
    [InlineData("""{"operations":null,"reads":[{"key":"k"}]}""")]
    [InlineData("""{"conditions":null,"reads":[{"key":"k"}]}""")]
    [InlineData("""{"reads":null}""")]
    [InlineData("""{"operations":[null]}""")]
    [InlineData("""{"reads":[null]}""")]
    [InlineData("""{"conditions":[null],"reads":[{"key":"k"}]}""")]
    public async Task Null_is_no_part_of_a_transaction(string body)
    {
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using var answer = await Client.PostAsync(At("api/transactions"), content, Cancellation);
        await ProblemAsync(answer, HttpStatusCode.BadRequest, "bad-request");
    }

    [Fact]
    public async Task A_key_that_is_no_text_is_named_in_base64url()
    {
        using var put = await Client.PutAsync(At($"{Keys}/AP8?encoding=base64url"), Bytes("v"), Cancellation);
        Assert.Equal(HttpStatusCode.NoContent, put.StatusCode);
        Assert.NotNull(await _group.Nodes.Primary.Default.GetAsync(new byte[] { 0, 255 }, cancellation: Cancellation));
        using var page = JsonDocument.Parse(await Client.GetStringAsync(At(Keys), Cancellation));
        Assert.Equal("AP8=", page.RootElement.GetProperty("items")[0].GetProperty("keyBase64").GetString());
    }

    [Fact]
    public async Task Compare_and_set_takes_the_tag_that_was_read_and_no_other()
    {
        using var first = await PutIfAsync("counter", "1", noneMatch: "*");
        Assert.Equal(HttpStatusCode.NoContent, first.StatusCode);
        using var again = await PutIfAsync("counter", "1", noneMatch: "*");
        await ProblemAsync(again, HttpStatusCode.PreconditionFailed, "precondition-failed");
        using var second = await PutIfAsync("counter", "2", match: first.Headers.ETag!.Tag);
        Assert.Equal(HttpStatusCode.NoContent, second.StatusCode);
        using var late = await PutIfAsync("counter", "9", match: first.Headers.ETag!.Tag);
        var problem = await ProblemAsync(late, HttpStatusCode.PreconditionFailed, "precondition-failed");
        Assert.Equal(second.Headers.ETag!.Tag, problem.GetProperty("found").GetString());
        Assert.Equal("2", await Client.GetStringAsync(At($"{Keys}/counter"), Cancellation));
    }

    [Fact]
    public async Task Of_two_that_compare_and_set_at_once_one_wins_each_time()
    {
        await PutIfAsync("n", "0");
        async Task AddAsync()
        {
            while (true)
            {
                using var read = await Client.GetAsync(At($"{Keys}/n"), Cancellation);
                var next = int.Parse(await read.Content.ReadAsStringAsync(Cancellation)) + 1;
                using var set = await PutIfAsync("n", $"{next}", match: read.Headers.ETag!.Tag);
                if (set.StatusCode == HttpStatusCode.NoContent) return;
                Assert.Equal(HttpStatusCode.PreconditionFailed, set.StatusCode);
            }
        }

        await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => AddAsync()));
        Assert.Equal("20", await Client.GetStringAsync(At($"{Keys}/n"), Cancellation));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_scan_goes_on_where_the_part_before_ended(bool reverse)
    {
        for (var i = 0; i < 7; i++) await _group.Nodes.Primary.Default.PutAsync($"k{i}", $"v{i}", cancellation: Cancellation);
        await _group.Nodes.Primary.Default.PutAsync("other", "v", cancellation: Cancellation);
        var found = new List<string>();
        string? next = null;
        do
        {
            var query = $"?prefix=k&limit=3&reverse={(reverse ? "true" : "false")}{(next is null ? "" : $"&continue={next}")}";
            using var page = JsonDocument.Parse(await Client.GetStringAsync(At(Keys + query), Cancellation));
            var items = page.RootElement.GetProperty("items").EnumerateArray().Select(item => item.GetProperty("key").GetString()!).ToList();
            Assert.True(items.Count <= 3);
            found.AddRange(items);
            next = page.RootElement.TryGetProperty("next", out var more) ? more.GetString() : null;
        }
        while (next is not null);
        var expected = Enumerable.Range(0, 7).Select(i => $"k{i}");
        Assert.Equal(reverse ? expected.Reverse() : expected, found);
    }

    [Fact]
    public async Task A_transaction_takes_effect_only_where_its_conditions_hold()
    {
        await _group.Nodes.Primary.Default.PutAsync("from", "10", cancellation: Cancellation);
        object Move(string expected) => new
        {
            conditions = new object[] { new { key = "from", value = expected }, new { key = "to", exists = false } },
            reads = new object[] { new { key = "from" } },
            operations = new object[] { new { kind = "put", key = "from", value = "3" }, new { kind = "put", key = "to", value = "7" }, new { kind = "delete", key = "nothing" } },
        };
        using var wrong = await Client.PostAsJsonAsync(At("api/transactions"), Move("11"), Cancellation);
        var problem = await ProblemAsync(wrong, HttpStatusCode.PreconditionFailed, "precondition-failed");
        Assert.Equal("conditions[0]", problem.GetProperty("where").GetString());
        Assert.Null(await _group.Nodes.Primary.Default.GetTextAsync("to", cancellation: Cancellation));
        using var right = await Client.PostAsJsonAsync(At("api/transactions"), Move("10"), Cancellation);
        Assert.Equal(HttpStatusCode.OK, right.StatusCode);
        using var answer = JsonDocument.Parse(await right.Content.ReadAsStringAsync(Cancellation));
        Assert.Equal("10", answer.RootElement.GetProperty("reads")[0].GetProperty("value").GetString());
        Assert.Equal("7", await _group.Nodes.Primary.Default.GetTextAsync("to", cancellation: Cancellation));
    }

    [Theory]
    [InlineData("""{"operations":[{"kind":"putt","key":"k","value":"v"}]}""", "operations[0].kind")]
    [InlineData("""{"operations":[{"kind":"put","key":"k"}]}""", "operations[0].value")]
    [InlineData("""{"operation":[]}""", "body at ")]
    [InlineData("""{"conditions":[{"key":"k","exists":true,"value":"v"}]}""", "conditions[0]")]
    [InlineData("{", "body at ")]
    public async Task What_is_not_understood_is_named_by_its_place(string body, string where)
    {
        using var answer = await Client.PostAsync(At("api/transactions"), new StringContent(body, Encoding.UTF8, "application/json"), Cancellation);
        var problem = await ProblemAsync(answer, HttpStatusCode.BadRequest, "bad-request");
        Assert.StartsWith(where, problem.GetProperty("where").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("level=fresh", "level")]
    [InlineData("level=at-least&token=7", "token")]
    [InlineData("level=max-lag&lag=-1", "lag")]
    [InlineData("encoding=hex", "encoding")]
    public async Task A_parameter_that_is_not_understood_is_named(string query, string where)
    {
        using var answer = await Client.GetAsync(At($"{Keys}/k?{query}"), Cancellation);
        Assert.Equal(where, (await ProblemAsync(answer, HttpStatusCode.BadRequest, "bad-request")).GetProperty("where").GetString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("level=local")]
    [InlineData("level=linearizable")]
    [InlineData("level=max-lag&lag=1000")]
    [InlineData("token=TOKEN")]
    public async Task Every_level_reads_what_was_written(string query)
    {
        using var put = await Client.PutAsync(At($"{Keys}/k"), Bytes("v"), Cancellation);
        var token = put.Headers.GetValues("Matchpoint-Token").Single();
        Assert.Equal("v", await Client.GetStringAsync(At($"{Keys}/k?{query.Replace("TOKEN", token, StringComparison.Ordinal)}"), Cancellation));
    }

    [Fact]
    public async Task The_stream_of_changes_resumes_behind_the_event_that_was_seen_last()
    {
        var first = await _group.Nodes.Primary.Default.PutAsync("a", "1", cancellation: Cancellation);
        await _group.Nodes.Primary.Default.PutAsync("b", "2", cancellation: Cancellation);
        using var request = new HttpRequestMessage(HttpMethod.Get, At("api/changes?after=beginning"));
        request.Headers.Add("Last-Event-ID", first.ToString());
        using var answer = await Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancellation);
        Assert.Equal("text/event-stream", answer.Content.Headers.ContentType!.MediaType);
        using var lines = new StreamReader(await answer.Content.ReadAsStreamAsync(Cancellation));
        Assert.Equal("b", await NextKeyAsync(lines));
        await _group.Nodes.Primary.Default.PutAsync("c", "3", cancellation: Cancellation);
        Assert.Equal("c", await NextKeyAsync(lines));
    }

    [Fact]
    public async Task A_body_over_the_limit_is_refused_before_it_is_read()
    {
        using var request = new HttpRequestMessage(HttpMethod.Put, At($"{Keys}/k")) { Content = new ByteArrayContent(new byte[(24 * 1024 * 1024) + 1]) };
        request.Headers.ExpectContinue = true;
        using var answer = await Client.SendAsync(request, Cancellation);
        await ProblemAsync(answer, HttpStatusCode.RequestEntityTooLarge, "too-large");
    }

    internal static async Task<JsonElement> ProblemAsync(HttpResponseMessage answer, HttpStatusCode status, string code)
    {
        var text = await answer.Content.ReadAsStringAsync(Cancellation);
        Assert.True(answer.StatusCode == status, $"expected {status}, found {answer.StatusCode}: {text}");
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType?.MediaType);
        using var json = JsonDocument.Parse(text);
        Assert.Equal(code, json.RootElement.GetProperty("code").GetString());
        Assert.NotEmpty(json.RootElement.GetProperty("detail").GetString()!);
        return json.RootElement.Clone();
    }

    private static async Task<string?> NextKeyAsync(StreamReader lines)
    {
        while (await lines.ReadLineAsync(Cancellation) is { } line)
        {
            if (!line.StartsWith("data: ", StringComparison.Ordinal)) continue;
            using var json = JsonDocument.Parse(line[6..]);
            return json.RootElement.GetProperty("changes")[0].GetProperty("key").GetString();
        }

        return null;
    }

    private async Task<HttpResponseMessage> PutIfAsync(string key, string value, string? match = null, string? noneMatch = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Put, At($"{Keys}/{key}")) { Content = Bytes(value) };
        if (match is not null) request.Headers.TryAddWithoutValidation("If-Match", match);
        if (noneMatch is not null) request.Headers.TryAddWithoutValidation("If-None-Match", noneMatch);
        return await Client.SendAsync(request, Cancellation);
    }

    private static ByteArrayContent Bytes(string text) => new(Encoding.UTF8.GetBytes(text));

    private Uri At(string path) => _group.At("a", path);
}
