// More data than one group holds: eight groups, spread over two silos by Orleans. One silo goes away; its groups are opened on the other, with all they had.
using System.IO.Hashing;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using OrleansManyGroups;

const int Groups = 8;
const int Keys = 200;
var directory = Directory.CreateTempSubdirectory("matchpoint-orleans-").FullName;
var ports = FreePorts(4);
var first = await StartSiloAsync("first", ports[0], ports[1]);
var second = await StartSiloAsync("second", ports[2], ports[3]);
var grains = first.Services.GetRequiredService<IGrainFactory>();

await Task.WhenAll(Enumerable.Range(0, Keys).Select(i => Shard($"key-{i}").PutAsync($"key-{i}", $"{i}")));
Console.WriteLine($"{Keys} keys are in {Groups} groups");
await ShowAsync();

await second.StopAsync();
second.Dispose();
Console.WriteLine("the second silo is gone");
var values = await Task.WhenAll(Enumerable.Range(0, Keys).Select(i => Shard($"key-{i}").GetAsync($"key-{i}")));
await ShowAsync();

await first.StopAsync();
first.Dispose();
Directory.Delete(directory, recursive: true);
var isWhole = values.Select((value, i) => value == $"{i}").All(isRight => isRight);
Console.WriteLine(isWhole ? $"all {Keys} keys are there" : "keys are MISSING");
return isWhole ? 0 : 1;

// A key belongs to the group that its hash names: the same for ever.
IShardGrain Shard(string key) => grains.GetGrain<IShardGrain>((long)(XxHash3.HashToUInt64(Encoding.UTF8.GetBytes(key)) % Groups));

async Task ShowAsync()
{
    var places = await Task.WhenAll(Enumerable.Range(0, Groups).Select(group => grains.GetGrain<IShardGrain>(group).WhereAsync()));
    foreach (var place in places.CountBy(name => name).OrderBy(pair => pair.Key, StringComparer.Ordinal)) Console.WriteLine($"  {place.Value} groups on the {place.Key} silo");
}

async Task<IHost> StartSiloAsync(string name, int siloPort, int gatewayPort)
{
    var host = Host.CreateDefaultBuilder()
        .ConfigureLogging(logging => logging.SetMinimumLevel(LogLevel.Error))
        .UseOrleans(silo =>
        {
            silo.UseLocalhostClustering(siloPort, gatewayPort, new IPEndPoint(IPAddress.Loopback, ports[0]));
            silo.Configure<SiloOptions>(options => options.SiloName = name);
            silo.Services.AddSingleton(new ShardDirectory(directory));
        })
        .Build();
    await host.StartAsync();
    return host;
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
