using System.Text;
using CsCheck;
using Matchpoint.Simulation.Files;
using Matchpoint.Storage.Files;

namespace Matchpoint.Storage.Tests.Files;

/// <summary>What every <see cref="IFileSystem"/> promises, run over the real one and both that stand in for it.</summary>
public abstract class FileSystemContract
{
    private protected abstract IFileSystem Files { get; }

    /// <summary>A directory that is there and empty.</summary>
    private protected abstract string Root { get; }

    private string A => Path.Combine(Root, "a");

    private string B => Path.Combine(Root, "b");

    [Fact]
    public void A_file_that_must_exist_and_does_not_is_named()
    {
        foreach (var opening in new[] { FileOpening.Read, FileOpening.ReadWrite })
        {
            Assert.Contains(A, Assert.Throws<FileNotFoundException>(() => Files.Open(A, opening)).Message);
            Assert.Throws<FileNotFoundException>(() => Files.Open(Path.Combine(Root, "none", "a"), opening));
        }

        Assert.False(Files.FileExists(A));
    }

    [Fact]
    public void A_file_that_must_be_new_and_is_there_is_an_error_and_untouched()
    {
        Write(A, "old");
        var e = Assert.Throws<IOException>(() => Files.Open(A, FileOpening.CreateNew));
        Assert.Contains(A, e.Message);
        Assert.Equal("old", Read(A));
    }

    [Fact]
    public void A_file_cannot_be_made_where_there_is_no_directory()
    {
        var path = Path.Combine(Root, "none", "a");
        Assert.Throws<DirectoryNotFoundException>(() => Files.Open(path, FileOpening.CreateNew));
        Assert.Throws<DirectoryNotFoundException>(() => Files.Open(path, FileOpening.OpenOrCreate));
    }

    [Fact]
    public void A_directory_is_not_a_file()
    {
        var path = Path.Combine(Root, "d");
        Files.CreateDirectory(path);
        Assert.True(Files.DirectoryExists(path));
        Assert.False(Files.FileExists(path));
        Assert.ThrowsAny<Exception>(() => Files.Open(path, FileOpening.Read));
        Assert.ThrowsAny<Exception>(() => Files.Open(path, FileOpening.CreateNew));
        Assert.ThrowsAny<Exception>(() => Files.Open(path, FileOpening.OpenOrCreate));
        Assert.ThrowsAny<Exception>(() => Files.Delete(path));
    }

    [Fact]
    public void Opening_or_creating_keeps_what_is_there()
    {
        Files.Open(A, FileOpening.OpenOrCreate).Dispose();
        Assert.Equal("", Read(A));
        Write(A, "kept");
        Files.Open(A, FileOpening.OpenOrCreate).Dispose();
        Assert.Equal("kept", Read(A));
    }

    [Fact]
    public void Reads_end_with_the_file_and_gaps_are_zeros()
    {
        using var file = Files.Open(A, FileOpening.CreateNew);
        var buffer = new byte[10];
        Assert.Equal(0, file.Read(0, buffer));
        Assert.Equal(0, file.Read(1_000_000, buffer));

        file.Write(5000, [1, 2, 3]);
        Assert.Equal(5003, file.Length);
        Assert.Equal(3, file.Read(5000, buffer));
        Assert.Equal(10, file.Read(4993, buffer));
        Assert.Equal([0, 0, 0, 0, 0, 0, 0, 1, 2, 3], buffer);
        Assert.Equal(0, file.Read(5003, buffer));
        Assert.Equal(0, file.Read(0, []));

        file.Write(9999, []);
        Assert.Equal(5003, file.Length);
    }

    [Fact]
    public void What_was_cut_off_is_zeros_when_the_file_grows_again()
    {
        using var file = Files.Open(A, FileOpening.CreateNew);
        file.Write(0, [1, 2, 3, 4]);
        file.SetLength(2);
        file.SetLength(5);
        var buffer = new byte[8];
        Assert.Equal(5, file.Read(0, buffer));
        Assert.Equal([1, 2, 0, 0, 0, 0, 0, 0], buffer);
    }

    [Fact]
    public void Negative_positions_and_lengths_are_refused()
    {
        using var file = Files.Open(A, FileOpening.CreateNew);
        Assert.Throws<ArgumentOutOfRangeException>(() => file.Read(-1, new byte[1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => file.Write(-1, new byte[1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => file.SetLength(-1));
    }

    [Fact]
    public void A_file_opened_for_reading_takes_no_changes()
    {
        Write(A, "kept");
        using var file = Files.Open(A, FileOpening.Read);
        Assert.Throws<InvalidOperationException>(() => file.Write(0, [1]));
        Assert.Throws<InvalidOperationException>(() => file.SetLength(0));
        Assert.Throws<InvalidOperationException>(file.Flush);
        Assert.Equal("kept", Read(A));
        Assert.Equal(A, file.Path);
    }

    [Fact]
    public void A_closed_file_is_closed()
    {
        var file = Files.Open(A, FileOpening.CreateNew);
        file.Dispose();
        file.Dispose();
        Assert.Throws<ObjectDisposedException>(() => file.Read(0, new byte[1]));
        Assert.Throws<ObjectDisposedException>(() => file.Write(0, new byte[1]));
        Assert.Throws<ObjectDisposedException>(() => file.SetLength(0));
        Assert.Throws<ObjectDisposedException>(() => file.Length);
        Assert.Throws<ObjectDisposedException>(file.Flush);
    }

    [Fact]
    public void Readers_see_the_writer_at_work()
    {
        using var writer = Files.Open(A, FileOpening.CreateNew);
        using var reader = Files.Open(A, FileOpening.Read);
        writer.Write(0, "hello"u8);
        writer.Flush();
        var buffer = new byte[5];
        Assert.Equal(5, reader.Read(0, buffer));
        Assert.Equal("hello"u8.ToArray(), buffer);
    }

    [Fact]
    public void An_open_file_outlives_its_name()
    {
        if (OperatingSystem.IsWindows() && Files is PhysicalFiles) Assert.Skip("A name stays on Windows until the file is closed.");
        Write(A, "one");
        using var old = Files.Open(A, FileOpening.Read);
        Files.Delete(A);
        Write(A, "two");
        var buffer = new byte[3];
        old.Read(0, buffer);
        Assert.Equal("one"u8.ToArray(), buffer);
        Assert.Equal("two", Read(A));
    }

    [Fact]
    public void Names_are_listed_in_ordinal_order_and_directories_are_not()
    {
        foreach (var name in new[] { "b", "a.10", "B", "a.9", "a", "é", "_" }) Write(Path.Combine(Root, name), "");
        Files.CreateDirectory(Path.Combine(Root, "sub"));
        Write(Path.Combine(Root, "sub", "deeper"), "");
        Assert.Equal(["B", "_", "a", "a.10", "a.9", "b", "é"], Files.ListFiles(Root));
        Assert.Throws<DirectoryNotFoundException>(() => Files.ListFiles(Path.Combine(Root, "none")));
    }

    [Fact]
    public void Directories_are_made_with_those_above_and_again_without_harm()
    {
        var deep = Path.Combine(Root, "x", "y", "z");
        Files.CreateDirectory(deep);
        Files.CreateDirectory(deep);
        Assert.True(Files.DirectoryExists(Path.Combine(Root, "x", "y")));
        Assert.False(Files.DirectoryExists(Path.Combine(Root, "y")));
        Write(A, "");
        Assert.ThrowsAny<IOException>(() => Files.CreateDirectory(A));
        Assert.False(Files.DirectoryExists(A));
        Files.FlushDirectory(deep);
        Assert.Throws<DirectoryNotFoundException>(() => Files.FlushDirectory(Path.Combine(Root, "none")));
        Assert.ThrowsAny<IOException>(() => Files.FlushDirectory(A));
    }

    [Fact]
    public void Deleting_what_is_not_there_does_nothing()
    {
        Files.Delete(A);
        Files.Delete(Path.Combine(Root, "none", "a"));
        Write(A, "x");
        Files.Delete(A);
        Assert.False(Files.FileExists(A));
    }

    [Fact]
    public void A_rename_replaces_in_one_step()
    {
        Write(A, "new");
        Write(B, "old");
        Files.Rename(A, B);
        Assert.False(Files.FileExists(A));
        Assert.Equal("new", Read(B));
        Files.Rename(B, B);
        Assert.Equal("new", Read(B));
        Assert.Throws<FileNotFoundException>(() => Files.Rename(A, B));
        Assert.Throws<DirectoryNotFoundException>(() => Files.Rename(B, Path.Combine(Root, "none", "b")));
        Assert.Equal("new", Read(B));
    }

    [Fact]
    public void One_at_a_time_holds_the_lock_and_whoever_is_turned_away_reads_who()
    {
        var path = Path.Combine(Root, "lock");
        Assert.Null(Files.LockHolder(path));
        var held = Files.Lock(path, "node n1 (process 7)");
        Assert.Equal("node n1 (process 7)", Files.LockHolder(path));
        var e = Assert.Throws<DirectoryInUseException>(() => Files.Lock(path, "n2"));
        Assert.Equal("node n1 (process 7)", e.Holder);
        Assert.Contains(path, e.Message);
        Assert.Equal("node n1 (process 7)", Files.LockHolder(path));

        held.Dispose();
        held.Dispose();
        Assert.True(Files.FileExists(path));
        Assert.Null(Files.LockHolder(path));
        using (Files.Lock(path, "n2")) Assert.Equal("n2", Files.LockHolder(path));
        held.Dispose();
        Assert.Throws<DirectoryNotFoundException>(() => Files.Lock(Path.Combine(Root, "none", "lock"), "n"));
    }

    [Fact]
    public void Of_many_who_ask_at_once_one_gets_the_lock()
    {
        var path = Path.Combine(Root, "lock");
        for (var round = 0; round < 20; round++)
        {
            var got = new IDisposable?[4];
            Parallel.For(0, got.Length, i =>
            {
                Files.LockHolder(path);
                try { got[i] = Files.Lock(path, $"n{i}"); }
                catch (DirectoryInUseException) { got[i] = null; }
            });
            Assert.Single(got, held => held is not null)!.Dispose();
        }
    }

    [Fact]
    public void Any_writes_and_cuts_read_back_as_from_an_array()
    {
        var effect = Gen.Select(Gen.Int[0, 9000], Gen.Int[0, 5000], Gen.Byte[1, 255], Gen.Int[0, 4]);
        var run = 0;
        effect.Array[0, 12].Sample(effects =>
        {
            using var file = Files.Open(Path.Combine(Root, $"m{Interlocked.Increment(ref run)}"), FileOpening.CreateNew);
            var model = Array.Empty<byte>();
            foreach (var (position, count, value, kind) in effects)
            {
                if (kind == 0)
                {
                    file.SetLength(position);
                    Array.Resize(ref model, position);
                    continue;
                }

                var bytes = Enumerable.Repeat(value, count).ToArray();
                file.Write(position, bytes);
                if (count > 0 && position + count > model.Length) Array.Resize(ref model, position + count);
                bytes.CopyTo(model.AsSpan(Math.Min(position, model.Length)));
            }

            var all = new byte[model.Length + 10];
            return file.Length == model.Length && file.Read(0, all) == model.Length && all.AsSpan(0, model.Length).SequenceEqual(model);
        }, iter: 200, threads: 1);
    }

    private void Write(string path, string text)
    {
        using var file = Files.Open(path, FileOpening.OpenOrCreate);
        file.SetLength(0);
        file.Write(0, Encoding.UTF8.GetBytes(text));
    }

    private string Read(string path)
    {
        using var file = Files.Open(path, FileOpening.Read);
        var bytes = new byte[file.Length];
        Assert.Equal(bytes.Length, file.Read(0, bytes));
        return Encoding.UTF8.GetString(bytes);
    }
}

public sealed class PhysicalFilesContract : FileSystemContract, IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("matchpoint-files-").FullName;

    private protected override IFileSystem Files => PhysicalFiles.Instance;

    private protected override string Root => _root;

    public void Dispose() => Directory.Delete(_root, recursive: true);
}

public sealed class MemoryFilesContract : FileSystemContract
{
    private readonly MemoryFiles _files = new();

    public MemoryFilesContract() => _files.CreateDirectory("data");

    private protected override IFileSystem Files => _files;

    private protected override string Root => "data";
}

public sealed class FaultyFilesContract : FileSystemContract
{
    private readonly FaultyFiles _files = new(new Random(1));

    public FaultyFilesContract() => _files.CreateDirectory("data");

    private protected override IFileSystem Files => _files;

    private protected override string Root => "data";
}
