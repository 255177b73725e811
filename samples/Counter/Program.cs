// A node by itself, inside this program: four tasks count up the same key, and no count is lost, not even over a restart.
using Matchpoint;

const int Tasks = 4;
const int Each = 50;
var directory = Directory.CreateTempSubdirectory("matchpoint-counter-").FullName;

await using (var node = await MatchpointNode.OpenAsync(directory))
{
    await Task.WhenAll(Enumerable.Range(0, Tasks).Select(_ => CountAsync(node)));
    Console.WriteLine($"{Tasks} tasks have counted {Each} times each: {await node.Default.GetTextAsync("counter")}");
}

// Everything that was acknowledged is on the device: whoever opens the directory again finds it.
string? found;
await using (var node = await MatchpointNode.OpenAsync(directory)) found = await node.Default.GetTextAsync("counter");
Directory.Delete(directory, recursive: true);

var isExact = found == $"{Tasks * Each}";
Console.WriteLine($"opened again, the counter is {found}: {(isExact ? "exact" : "WRONG")}");
return isExact ? 0 : 1;

static async Task CountAsync(MatchpointNode node)
{
    for (var i = 0; i < Each; i++)
    {
        // The body runs again when another task has changed the counter meanwhile.
        await node.TransactAsync(transaction =>
        {
            var count = int.Parse(transaction.GetText("counter") ?? "0");
            transaction.Put("counter", $"{count + 1}");
        });
    }
}
