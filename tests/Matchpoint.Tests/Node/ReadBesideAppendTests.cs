using Matchpoint.Node;
using Matchpoint.Storage.Log;

namespace Matchpoint.Tests.Node;

/// <summary>A record may be durable before the thread that appended it has got to putting it into the tail.</summary>
public sealed class ReadBesideAppendTests : IDisposable
{
    private static readonly TimeSpan Moment = TimeSpan.FromMilliseconds(200);

    private readonly string _directory = Directory.CreateTempSubdirectory("matchpoint-test-").FullName;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task A_read_sees_what_is_durable_though_its_appender_was_held_up()
    {
        HastyDriver? driver = null;
        var parts = NodeParts.Real with { Log = new LogOptions { OwnThread = false, Driver = log => driver = new HastyDriver(log) } };
        await using var node = await MatchpointNode.OpenAsync(new MatchpointOptions { Directory = _directory }, parts, Cancellation);
        await node.Default.PutAsync("key", "old", cancellation: Cancellation);
        Task<string?>? read = null;
        var durable = 0L;
        driver!.OnDrained = () =>
        {
            driver.OnDrained = null;
            durable = node.Core.Progress.Durable.Value;
            read = Task.Run(async () => await node.Default.GetTextAsync("key", cancellation: Cancellation), Cancellation);
            read.Wait(Moment, Cancellation); // Here the appender is held up; the read may wait for it, or know better.
        };
        var token = await node.Default.PutAsync("key", "new", cancellation: Cancellation);
        Assert.Equal(token.Vlsn, durable);
        Assert.Equal("new", await read!);
    }

    /// <summary>Has what is appended on the disk before the appender goes on.</summary>
    private sealed class HastyDriver(RecordLog log) : ILogDriver
    {
        public Action? OnDrained { get; set; }

        public void Wake()
        {
            Task.Run(() => log.Drain(), Cancellation).Wait(Cancellation);
            OnDrained?.Invoke();
        }

        public void Dispose()
        {
        }
    }
}
