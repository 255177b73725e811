using Matchpoint.Storage.State;

namespace Matchpoint.Storage.Tests.State;

/// <summary>The state in RocksDB.</summary>
public sealed class RocksStateTests : StateContract, IDisposable
{
    private readonly string _path = Directory.CreateTempSubdirectory("matchpoint-state-").FullName;
    private RocksState? _state;

    private protected override IState State => _state ??= RocksState.Open(_path);

    public void Dispose()
    {
        _state?.Dispose();
        Directory.Delete(_path, recursive: true);
    }

    [Fact]
    public void What_was_flushed_is_there_after_reopening_with_its_position()
    {
        Put(1, 0, "a", "1");
        Put(2, 0, "b", "2");
        State.Flush();
        Reopen();
        Assert.Equal((Position(2), Position(2), "a=1 b=2"), (State.Applied, State.Flushed, All(State)));
    }

    [Fact]
    public void A_new_directory_holds_nothing_at_no_position() => Assert.Equal((default, ""), (State.Applied, All(State)));

    [Theory]
    [InlineData("CURRENT")]
    [InlineData("MANIFEST-")]
    public void Files_that_were_damaged_are_said_so_and_nothing_is_made_up(string name)
    {
        Put(1, 0, "a", "1");
        State.Flush();
        _state!.Dispose();
        _state = null;
        var file = Directory.EnumerateFiles(_path, name + "*").Order(StringComparer.Ordinal).Last();
        File.WriteAllBytes(file, [1, 2, 3]);
        var error = Assert.ThrowsAny<StorageException>(() => RocksState.Open(_path));
        Assert.Contains(_path, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_flipped_byte_in_a_sorted_file_is_found_when_it_is_read()
    {
        for (var i = 1; i <= 200; i++) Put(i, 0, $"key{i:000}", new string('v', 100));
        State.Flush();
        _state!.Dispose();
        _state = null;
        var file = Directory.EnumerateFiles(_path, "*.sst").Single();
        var bytes = File.ReadAllBytes(file);
        bytes[bytes.Length / 4] ^= 1;
        File.WriteAllBytes(file, bytes);
        Assert.ThrowsAny<StorageException>(() =>
        {
            using var state = RocksState.Open(_path);
            for (var i = 1; i <= 200; i++) Assert.Equal(100, state.Get(Key(0, $"key{i:000}"))!.Length);
        });
    }

    /// <summary>RocksDB calls everything that keeps it from opening a file a corruption, also what passes or is another's to mend.</summary>
    [Theory]
    [InlineData("Corruption: IO error: While open a file for random read: /d/000008.sst: Permission denied", false)]
    [InlineData("Corruption: IO error: While open a file for random read: /d/000008.sst: Too many open files", false)]
    [InlineData("Corruption: IO error: While mmap: /d/000008.sst: Cannot allocate memory", false)]
    [InlineData("Corruption: IO error: No such file or directory: While open a file for random read: /d/000008.sst: No such file or directory", true)]
    [InlineData("Corruption: block checksum mismatch: stored = 1, computed = 2, type = 1 in /d/000008.sst offset 0 size 77", true)]
    public void What_keeps_a_sound_file_from_being_opened_is_no_damage(string words, bool isDamage) => Assert.Equal(isDamage, RocksState.IsDamage(words));

    private void Reopen()
    {
        _state?.Dispose();
        _state = null;
    }
}
