using System.Globalization;
using Matchpoint.Protocol.Identities;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.Log;
using Matchpoint.Storage.Tests.Files;

namespace Matchpoint.Storage.Tests.Log;

/// <summary>Logs written by processes of their own, on the machine's disk.</summary>
public sealed class LogProcessTests : IDisposable
{
    private const string Acknowledged = "acknowledged ";
    private const int Rounds = 30;

    private readonly string _root = Directory.CreateTempSubdirectory("matchpoint-process-").FullName;

    private string Data => Path.Combine(_root, "data");

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public async Task What_a_killed_process_was_told_is_there_after_every_kill()
    {
        const int seed = 42; // When the kill strikes is chance all the same.
        var random = new Random(seed);
        var acknowledged = 0L;
        for (var round = 0; round < Rounds; round++)
        {
            var (probe, line) = await ProbeProcess.StartAsync("append", Data, "1000000");
            using (probe)
            {
                for (var lines = random.Next(1, 120); lines > 0 && line is not null; lines--) line = Note(await probe.ReadLineAsync());
                await probe.KillAsync();
                while (line is not null) line = Note(await probe.ReadLineAsync());
            }

            using var directory = DataDirectory.OpenReadOnly(PhysicalFiles.Instance, Data);
            Assert.Empty(LogVerifier.Verify(directory, CancellationToken.None).Damage);
            using var view = LogView.Look(directory);
            Assert.True(view.Last.DistanceFrom(Vlsn.Null) >= acknowledged, $"seed {seed}, round {round}: {acknowledged} acknowledged, and the log ends at {view.Last}");
            Assert.Equal(view.Last.DistanceFrom(Vlsn.Null), TestLogs.Headers(view).Count);
        }

        Assert.True(acknowledged > Rounds, $"only {acknowledged} were acknowledged");
        using var last = DataDirectory.Open(PhysicalFiles.Instance, Data, "a test");
        using var log = RecordLog.Open(last, TestLogs.Stepped);
        Assert.True(log.Flushed.DistanceFrom(Vlsn.Null) >= acknowledged);

        string? Note(string? said)
        {
            if (said?.StartsWith(Acknowledged, StringComparison.Ordinal) == true) acknowledged = Math.Max(acknowledged, Number(said));
            return said;
        }
    }

    [Theory]
    [InlineData("log/00000000000000000000.log", 1)]
    [InlineData("log/00000000000000000000.log", 7)]
    [InlineData("log/00000000000000261888.log", 3)]
    [InlineData("log", 2)]
    [InlineData("positions", 2)]
    public async Task A_process_whose_flush_fails_acknowledges_nothing_more_and_says_why(string file, int nth)
    {
        var path = Path.Combine(Data, file);
        var (exit, said) = await ProbeProcess.RunInjectedAsync($"fsync:error=EIO:when={nth}+", path, "append", Data, "2000");
        Assert.True(exit == 1, said);
        Assert.Contains("could not", said, StringComparison.Ordinal);
        Assert.Contains("EIO (the device failed)", said, StringComparison.Ordinal);
        Assert.Contains(path, said, StringComparison.Ordinal);
        Assert.Contains("nothing that waited is acknowledged", said, StringComparison.Ordinal);
        var lines = said.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var acknowledged = lines.Where(line => line.StartsWith(Acknowledged, StringComparison.Ordinal)).Select(Number).DefaultIfEmpty(0).Max();
        Assert.InRange(acknowledged, 0, 1999);
        if (nth == 1) Assert.Equal(0, acknowledged);
        using var directory = DataDirectory.Open(PhysicalFiles.Instance, Data, "a test");
        using var log = RecordLog.Open(directory, TestLogs.Stepped);
        Assert.True(log.Flushed.DistanceFrom(Vlsn.Null) >= acknowledged);
        Assert.Empty(LogVerifier.Verify(directory, CancellationToken.None).Damage);
    }

    [Fact]
    public async Task Whoever_opens_a_directory_that_is_held_reads_who_holds_it()
    {
        using (var directory = DataDirectory.Open(PhysicalFiles.Instance, Data, "node one, process 42", TestLogs.Identity))
        {
            var refused = Assert.Throws<DirectoryInUseException>(() => DataDirectory.Open(PhysicalFiles.Instance, Data, "node two"));
            Assert.Equal("node one, process 42", refused.Holder);
            var (exit, said) = await ProbeProcess.RunAsync(ProbeProcess.Path, "append", Data, "1");
            Assert.Equal(1, exit);
            Assert.Contains("node one, process 42", said, StringComparison.Ordinal);
            using var look = DataDirectory.OpenReadOnly(PhysicalFiles.Instance, Data);
            Assert.Equal("node one, process 42", look.Holder());
        }

        var (probe, first) = await ProbeProcess.StartAsync("append", Data, "1000000");
        using (probe)
        {
            Assert.StartsWith(Acknowledged, first, StringComparison.Ordinal);
            Assert.Equal("the probe", Assert.Throws<DirectoryInUseException>(() => DataDirectory.Open(PhysicalFiles.Instance, Data, "us")).Holder);
            await probe.KillAsync();
        }

        DataDirectory.Open(PhysicalFiles.Instance, Data, "us").Dispose();
    }

    private static long Number(string line) => long.Parse(line[Acknowledged.Length..], CultureInfo.InvariantCulture);
}
