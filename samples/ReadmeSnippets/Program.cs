// The C# of README.md, so that it compiles. A test compares the two.
using Matchpoint;

await OneNodeAsync();

static async Task OneNodeAsync()
{
    #region one node
    await using var node = await MatchpointNode.OpenAsync("data");
    await node.Default.PutAsync("greeting", "hello");
    Console.WriteLine(await node.Default.GetTextAsync("greeting"));
    await node.TransactAsync(t => t.Put("visits", $"{int.Parse(t.GetText("visits") ?? "0") + 1}"));
    #endregion
}
