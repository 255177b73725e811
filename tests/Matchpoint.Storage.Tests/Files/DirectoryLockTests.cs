using Matchpoint.Storage.Files;

namespace Matchpoint.Storage.Tests.Files;

/// <summary>The lock between processes.</summary>
public sealed class DirectoryLockTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("matchpoint-lock-").FullName;
    private readonly PhysicalFiles _files = PhysicalFiles.Instance;

    private string LockPath => Path.Combine(_root, "lock");

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public async Task Another_process_is_turned_away_and_reads_who_holds_the_lock()
    {
        using (_files.Lock(LockPath, "the tests"))
        {
            var (exit, said) = await ProbeProcess.RunAsync(ProbeProcess.Path, "lock", LockPath, "the probe");
            Assert.Equal(1, exit);
            Assert.StartsWith("DirectoryInUseException: " + LockPath, said);
            Assert.Contains("in use by the tests", said);
            Assert.Equal("the tests", (await ProbeProcess.RunAsync(ProbeProcess.Path, "who", LockPath)).Said.Trim());
        }

        Assert.Equal("nobody", (await ProbeProcess.RunAsync(ProbeProcess.Path, "who", LockPath)).Said.Trim());
        Assert.True(File.Exists(LockPath));
    }

    [Fact]
    public async Task A_killed_process_holds_nothing_though_its_name_still_stands_in_the_file()
    {
        var (probe, said) = await ProbeProcess.StartAsync("lock", LockPath, "the probe");
        using (probe)
        {
            Assert.Equal("held", said);
            Assert.Equal("the probe", _files.LockHolder(LockPath));
            Assert.Equal("the probe", Assert.Throws<DirectoryInUseException>(() => _files.Lock(LockPath, "x")).Holder);
            await probe.KillAsync();
        }

        Assert.Equal("the probe", await File.ReadAllTextAsync(LockPath));
        Assert.Null(_files.LockHolder(LockPath));
        using (_files.Lock(LockPath, "the tests")) Assert.Equal("the tests", _files.LockHolder(LockPath));
    }

    [Fact]
    public async Task A_process_that_we_started_does_not_inherit_the_lock()
    {
        var held = _files.Lock(LockPath, "the tests");
        var (child, said) = await ProbeProcess.StartAsync("lock", LockPath + "2", "the probe");
        using (child)
        {
            Assert.Equal("held", said);
            held.Dispose();
            Assert.Null(_files.LockHolder(LockPath));
            Assert.Equal("the probe", _files.LockHolder(LockPath + "2"));
        }
    }

    [Fact]
    public async Task A_released_lock_is_free_at_once_even_while_other_threads_start_processes()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "There a process is not started as a copy of its parent.");
        var children = Task.Run(async () =>
        {
            for (var i = 0; i < 60; i++) await ProbeProcess.RunAsync("true");
        });
        while (!children.IsCompleted)
        {
            for (var i = 0; i < 100; i++) _files.Lock(LockPath, "the tests").Dispose();
        }

        await children;
    }
}
