using Matchpoint.Simulation.Files;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.Repairs;
using Matchpoint.Storage.Tests.Log;

namespace Matchpoint.Storage.Tests.Repairs;

/// <summary>Damaged files that are kept.</summary>
public class AsideTests
{
    [Fact]
    public void A_copy_for_which_the_disk_has_no_room_takes_none_and_the_file_stays()
    {
        var files = new FaultyFiles(new Random(1));
        using var open = TestLogs.Open(files);
        var path = Path.Combine(open.Directory.LogPath, "damaged.log");
        using (var file = files.Open(path, FileOpening.CreateNew)) file.Write(0, new byte[3_000_000]);
        files.Faults.Capacity = 5_000_000;
        for (var attempt = 0; attempt < 3; attempt++)
        {
            Assert.True(Assert.Throws<DiskException>(() => Aside.Copy(open.Directory, path)).IsFull);
            Assert.Empty(files.ListFiles(open.Directory.DamagedPath));
        }

        files.Faults.Capacity = long.MaxValue;
        Assert.Equal(Path.Combine(open.Directory.DamagedPath, "damaged.log.1"), Aside.Copy(open.Directory, path));
    }
}
