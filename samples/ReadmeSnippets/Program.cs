// The C# of README.md, so that it compiles. A test compares the two.
using Matchpoint;

await OneNodeAsync();
await ThreeNodesAsync();

static async Task OneNodeAsync()
{
    #region one node
    await using var node = await MatchpointNode.OpenAsync("data");
    await node.Default.PutAsync("greeting", "hello");
    Console.WriteLine(await node.Default.GetTextAsync("greeting"));
    await node.TransactAsync(t => t.Put("visits", $"{int.Parse(t.GetText("visits") ?? "0") + 1}"));
    #endregion
}

static async Task ThreeNodesAsync()
{
    #region three nodes
    GroupMember[] members = [new("a", "10.0.0.1:7001"), new("b", "10.0.0.2:7001"), new("c", "10.0.0.3:7001")];
    await using var node = await MatchpointNode.OpenAsync(new MatchpointOptions
    {
        Directory = "data",
        Name = "a",
        Members = members,
        Security = SecurityOptions.FromDirectory("certs"), // TLS: `matchpoint certs init` makes what lies there.
    });
    await node.WaitUntilReadyAsync(TimeSpan.FromMinutes(1));

    try
    {
        var token = await node.Default.PutAsync("greeting", "hello"); // On the devices of two machines when this returns.
        Console.WriteLine($"written as {token}");
    }
    catch (NotPrimaryException other)
    {
        Console.WriteLine($"another node takes the writes: {other.Primary} at {other.Address}");
    }

    // Any node reads. It waits until it has everything that was acknowledged before.
    Console.WriteLine(await node.Default.GetTextAsync("greeting", ReadLevel.Linearizable));
    #endregion
}
