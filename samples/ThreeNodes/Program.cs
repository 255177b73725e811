// Three nodes in one program; in earnest each runs on a machine of its own. The primary goes away, another takes over, and it comes back.
using System.Net;
using System.Net.Sockets;
using Matchpoint;

var directory = Directory.CreateTempSubdirectory("matchpoint-three-").FullName;
var ports = FreePorts(3);
GroupMember[] members = [.. "abc".Zip(ports, (name, port) => new GroupMember($"{name}", $"127.0.0.1:{port}"))];
var patience = TimeSpan.FromSeconds(60);
var nodes = new Dictionary<string, MatchpointNode>();

foreach (var member in members) nodes[member.Name] = await OpenAsync(member.Name);
foreach (var node in nodes.Values) await node.WaitUntilReadyAsync(patience);

var (first, written) = await PutAsync("greeting", "hello");
Console.WriteLine($"written on primary {first}, as {written}");

// Any node can read. With the commit's token it waits, if it must, until it has that commit.
var other = nodes.First(pair => pair.Key != first);
Console.WriteLine($"read on replica {other.Key}: {await other.Value.Default.GetTextAsync("greeting", ReadLevel.AtLeast(written))}");

await nodes[first].DisposeAsync();
nodes.Remove(first);
Console.WriteLine($"{first} is gone");

var (second, later) = await PutAsync("greeting", "still here");
Console.WriteLine($"written on primary {second}, as {later}");

nodes[first] = await OpenAsync(first);
await nodes[first].WaitUntilReadyAsync(patience);
Console.WriteLine($"{first} is back; it reads: {await nodes[first].Default.GetTextAsync("greeting", ReadLevel.AtLeast(later))}");

var digests = new HashSet<string>();
foreach (var (name, node) in nodes)
{
    await node.Default.GetTextAsync("greeting", ReadLevel.AtLeast(later));
    var (digest, _) = await node.DigestAsync();
    Console.WriteLine($"  {name}: {digest}");
    digests.Add(digest);
}

foreach (var node in nodes.Values) await node.DisposeAsync();
Directory.Delete(directory, recursive: true);
Console.WriteLine(digests.Count == 1 ? "all three hold the same" : "they DIFFER");
return digests.Count == 1 ? 0 : 1;

Task<MatchpointNode> OpenAsync(string name) =>
    MatchpointNode.OpenAsync(new MatchpointOptions { Directory = Path.Combine(directory, name), Name = name, Members = members });

// Writes on whichever node is the primary; while there is none, it tries again.
async Task<(string Primary, CommitToken Token)> PutAsync(string key, string value)
{
    using var late = new CancellationTokenSource(patience);
    while (true)
    {
        foreach (var (name, node) in nodes.Where(pair => pair.Value.IsPrimary))
        {
            try
            {
                return (name, await node.Default.PutAsync(key, value, cancellation: late.Token));
            }
            catch (NotPrimaryException)
            {
                // Not any more. Nothing was written.
            }
            catch (InsufficientAcksException)
            {
                // It may have been written, or not. To put the same value again does no harm.
            }
        }

        await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, late.Token);
    }
}

static int[] FreePorts(int count)
{
    // Below those that systems give to outgoing connections: none of these takes one before somebody listens there, or while nobody does. Each process looks in another place.
    var from = 10_000 + (Environment.ProcessId % 1_000 * 10);
    return [.. Enumerable.Range(from, 1_000).Where(IsFree).Take(count)];
}

static bool IsFree(int port)
{
    try
    {
        using var listener = new TcpListener(IPAddress.Loopback, port);
        listener.Start();
        return true;
    }
    catch (SocketException)
    {
        return false;
    }
}
