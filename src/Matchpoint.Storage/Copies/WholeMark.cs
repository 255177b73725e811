using System.Globalization;
using System.Text;
using Matchpoint.Protocol;
using Matchpoint.Storage.Files;

namespace Matchpoint.Storage.Copies;

/// <summary>
/// The file <c>whole</c> beside a full copy: all of the copy is there, proved and durable, and it is to take the place of what is in use. Three lines of text: which copy it is, counted
/// from 1; the export of what goes with the old content (empty for none); the CRC-32C of the two in hexadecimal. What is anything else is no mark: then the copy is fetched again.
/// </summary>
internal static class WholeMark
{
    private const string Name = "whole";
    private const int MostBytes = 4096;

    /// <summary>Marks a copy, durably.</summary>
    public static void Write(IFileSystem files, string path, int copy, string export)
    {
        var said = string.Create(CultureInfo.InvariantCulture, $"{copy}\n{export}\n");
        DurableFile.Replace(files, Path.Combine(path, Name), Encoding.UTF8.GetBytes(said + Sum(said)));
    }

    /// <summary>The export that goes with a copy that is marked; null when it is not.</summary>
    public static string? TryRead(IFileSystem files, string path, int copy)
    {
        var name = Path.Combine(path, Name);
        if (!files.DirectoryExists(path) || !files.FileExists(name)) return null;
        var lines = Encoding.UTF8.GetString(DurableFile.Read(files, name, MostBytes)).Split('\n');
        var isMark = lines.Length == 3 && lines[2] == Sum($"{lines[0]}\n{lines[1]}\n") && lines[0] == copy.ToString(CultureInfo.InvariantCulture);
        return isMark ? lines[1] : null;
    }

    /// <summary>
    /// Makes a mark worth nothing, durably, before anything of its copy is changed: were its file only deleted, a power cut could bring it back over half of another copy. It is written where
    /// none is to be seen too: an earlier deletion may not have reached the disk, and a further flush would find nothing to do.
    /// </summary>
    public static void Revoke(IFileSystem files, string path) => DurableFile.Replace(files, Path.Combine(path, Name), []);

    /// <summary>Whether a copy is being fetched to there, or is whole: its mark may say nothing yet.</summary>
    public static bool IsThere(IFileSystem files, string path) => files.FileExists(Path.Combine(path, Name));

    /// <summary>Takes the mark off, of a copy that is the content.</summary>
    public static void Remove(IFileSystem files, string path) => files.Delete(Path.Combine(path, Name));

    private static string Sum(string said) => (~Crc32C.Carry(uint.MaxValue, Encoding.UTF8.GetBytes(said))).ToString("x8", CultureInfo.InvariantCulture);
}
