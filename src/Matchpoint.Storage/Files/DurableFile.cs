namespace Matchpoint.Storage.Files;

/// <summary>Small files that are there whole or not at all.</summary>
internal static class DurableFile
{
    /// <summary>What an unfinished replacement is called; worth nothing after a crash.</summary>
    public const string TemporarySuffix = ".tmp";

    /// <summary>Reads a whole small file.</summary>
    /// <exception cref="StorageException">It is longer than it can be.</exception>
    public static byte[] Read(IFileSystem files, string path, int most)
    {
        using var file = files.Open(path, FileOpening.Read);
        var length = file.Length;
        if (length > most)
            throw new DamageException(path, most, "length", $"at most {most} bytes", $"{length} bytes", DamageException.RestoreAdvice);
        var bytes = new byte[length];
        var read = file.Read(0, bytes);
        return read == bytes.Length ? bytes : bytes[..read];
    }

    /// <summary>Gives a file new content in one durable step: afterwards it has the new, after a crash the old or the new.</summary>
    public static void Replace(IFileSystem files, string path, ReadOnlySpan<byte> content)
    {
        var temporary = path + TemporarySuffix;
        files.Delete(temporary);
        using (var file = files.Open(temporary, FileOpening.CreateNew))
        {
            file.Write(0, content);
            file.Flush();
        }

        files.Rename(temporary, path);
        files.FlushDirectory(Path.GetDirectoryName(path)!);
    }
}
