using Matchpoint.Storage.Files;

namespace Matchpoint.Cli.Bench;

/// <summary>What the disk does by itself, through the same file layer that the log uses.</summary>
internal static class RawDisk
{
    private const int FlushBlock = 4096;

    /// <summary>Bytes per second of sequential writing into a new file, in blocks of 1 MiB, without a flush.</summary>
    public static double Write(string directory, long bytes, TimeProvider time)
    {
        var path = Path.Combine(directory, "raw.write");
        var block = Noise(1024 * 1024);
        using var file = PhysicalFiles.Instance.Open(path, FileOpening.CreateNew);
        var start = time.GetTimestamp();
        for (long at = 0; at < bytes; at += block.Length) file.Write(at, block);
        var elapsed = time.GetElapsedTime(start);
        PhysicalFiles.Instance.Delete(path);
        return bytes / elapsed.TotalSeconds;
    }

    /// <summary>Bytes per second of sequential writing into a new file, in blocks of 1 MiB, until all of it is on the device.</summary>
    public static double WriteAndFlush(string directory, long bytes, TimeProvider time)
    {
        var path = Path.Combine(directory, "raw.write");
        var block = Noise(1024 * 1024);
        using var file = PhysicalFiles.Instance.Open(path, FileOpening.CreateNew);
        var start = time.GetTimestamp();
        for (long at = 0; at < bytes; at += block.Length) file.Write(at, block);
        file.Flush();
        var elapsed = time.GetElapsedTime(start);
        PhysicalFiles.Instance.Delete(path);
        return bytes / elapsed.TotalSeconds;
    }

    /// <summary>Writes of 4 KiB per second, each flushed, one after another in a file that was filled with zeros and flushed before.</summary>
    public static double Flush(string directory, int writes, TimeProvider time)
    {
        var path = Path.Combine(directory, "raw.flush");
        var block = Noise(FlushBlock);
        using var file = PhysicalFiles.Instance.Open(path, FileOpening.CreateNew);
        file.Write(0, new byte[writes * FlushBlock]);
        file.Flush();
        var start = time.GetTimestamp();
        for (var i = 0; i < writes; i++)
        {
            file.Write((long)i * FlushBlock, block);
            file.Flush();
        }

        var elapsed = time.GetElapsedTime(start);
        PhysicalFiles.Instance.Delete(path);
        return writes / elapsed.TotalSeconds;
    }

    /// <summary>Bytes that do not compress, the same in every run.</summary>
    public static byte[] Noise(int bytes)
    {
        var noise = new byte[bytes];
        new Random(4711).NextBytes(noise);
        return noise;
    }
}
