using System.Diagnostics;
using static Matchpoint.Tests.Node.TestGroup;

namespace Matchpoint.Tests.Node;

/// <summary>A disk that fills up stops its node, says so, and loses nothing that was acknowledged.</summary>
public sealed class DiskFullTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_full_disk_stops_its_node_and_the_group_goes_on(bool isPrimarys)
    {
        var full = Directory.CreateTempSubdirectory("matchpoint-full-").FullName;
        if (!await RunAsync("mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", full)) Assert.Skip("A small disk cannot be mounted here: a full disk was NOT tested with a group.");
        try
        {
            await using var group = await StartAsync(change: options => options.Name == "a" ? options with { Directory = Path.Combine(full, "a") } : options);
            if (isPrimarys != (group.Primary == group["a"]))
            {
                await group.Primary.TransferAsync(isPrimarys ? "a" : "b", cancellation: Cancellation);
                await group.SettledAsync();
            }

            var value = new byte[100_000];
            new Random(7).NextBytes(value);
            var acknowledged = new List<string>();
            while (group["a"].State != NodeState.Failed && acknowledged.Count < 2000)
            {
                var key = $"k{acknowledged.Count:0000}-{Guid.NewGuid():N}";
                try
                {
                    if (group.Primary is not { } primary) throw new NotPrimaryException("nobody leads", null, null);
                    await primary.Default.PutAsync(Utf8(key), value, cancellation: Cancellation);
                    acknowledged.Add(key);
                }
                catch (MatchpointException)
                {
                    // The primary changes: what was not acknowledged is not counted.
                    await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System, Cancellation);
                }
            }

            await Eventually.HoldsAsync(() => group["a"].State == NodeState.Failed, "the node with the full disk stopped");
            Assert.Contains(group["a"].GetStatus().Warnings, warning => warning.Contains("ENOSPC", StringComparison.Ordinal) || warning.Contains("No space", StringComparison.OrdinalIgnoreCase));
            await Eventually.HoldsAsync(() => group.Nodes.Any(node => node != group["a"] && node.IsPrimary && node.Core.IsReady), "a primary among the others");
            var next = group.Nodes.First(node => node != group["a"] && node.IsPrimary);
            await next.Default.PutAsync(Utf8("after"), Utf8("v"), cancellation: Cancellation);
            foreach (var key in acknowledged) Assert.NotNull(await next.Default.GetAsync(Utf8(key), ReadLevel.Linearizable, Cancellation));
            await Assert.ThrowsAnyAsync<MatchpointException>(async () => await group["a"].Default.PutAsync(Utf8("x"), Utf8("v"), cancellation: Cancellation));
        }
        finally
        {
            await RunAsync("umount", full);
            Directory.Delete(full);
        }
    }

    private static async Task<bool> RunAsync(string program, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true, UseShellExecute = false });
            await process!.WaitForExitAsync(Cancellation);
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
