using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;

namespace Matchpoint.Storage.Backups;

/// <summary>What a verification of a directory of backups found.</summary>
/// <param name="Backups">Backups whose manifest can be read, with how many damaged chunks each needs.</param>
/// <param name="Chunks">Chunks read.</param>
/// <param name="Bytes">Bytes read.</param>
/// <param name="Damage">Every damaged place.</param>
/// <param name="Notes">What is not damage but worth knowing.</param>
internal sealed record BackupVerifyReport(
    IReadOnlyList<(BackupManifest Manifest, int Damaged)> Backups, long Chunks, long Bytes, IReadOnlyList<StorageException> Damage, IReadOnlyList<string> Notes);

/// <summary>Reads every manifest and every chunk of a directory of backups, and lists every place that is not as it was written.</summary>
internal static class BackupVerifier
{
    /// <summary>Verifies a directory. Nothing in it is changed.</summary>
    public static BackupVerifyReport Verify(BackupStore store, CancellationToken cancellation)
    {
        var damage = new List<StorageException>();
        var notes = new List<string>();
        var backups = new List<BackupManifest>();
        foreach (var id in store.Ids())
        {
            try
            {
                backups.Add(store.Find(id));
            }
            catch (StorageException error)
            {
                damage.Add(error);
            }
        }

        var whole = new Dictionary<ChunkDigest, bool>();
        var buffer = new byte[Limits.ChunkBytes];
        var bytes = 0L;
        var counts = new List<(BackupManifest, int)>();
        foreach (var backup in backups)
        {
            var damaged = 0;
            foreach (var file in backup.Offer.Files)
            {
                for (var chunk = 0; chunk < file.Chunks.Length; chunk++)
                {
                    cancellation.ThrowIfCancellationRequested();
                    var digest = file.Chunks[chunk];
                    if (!whole.TryGetValue(digest, out var isWhole))
                    {
                        var length = file.LengthOf(chunk);
                        isWhole = whole[digest] = IsWhole(store, digest, buffer.AsSpan(0, length), $"chunk {chunk} of {file.Name} of backup {backup.Id}", damage);
                        bytes += length;
                    }

                    if (!isWhole) damaged++;
                }
            }

            counts.Add((backup, damaged));
        }

        var strange = store.Shelf.All().Count(item => item.Digest is not { } digest || !whole.ContainsKey(digest));
        if (strange > 0) notes.Add($"{strange} files in chunks/ belong to no backup: an unfinished one left them, and the next one uses what it can; --keep removes them.");
        return new BackupVerifyReport(counts, whole.Count, bytes, damage, notes);
    }

    private static bool IsWhole(BackupStore store, ChunkDigest digest, Span<byte> buffer, string what, List<StorageException> damage)
    {
        try
        {
            store.Shelf.Read(digest, buffer, what);
            return true;
        }
        catch (DamageException error)
        {
            damage.Add(error);
            return false;
        }
    }
}
