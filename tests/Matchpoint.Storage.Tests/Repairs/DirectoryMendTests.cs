using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;
using Matchpoint.Simulation.Files;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.Log;
using Matchpoint.Storage.Repairs;
using Matchpoint.Storage.Tests.Log;

namespace Matchpoint.Storage.Tests.Repairs;

/// <summary>Directories that cannot even be opened.</summary>
public class DirectoryMendTests
{
    private const string Segment = "/data/log/00000000000000000000.log";

    private static readonly NodeIdentity Fresh = TestLogs.Identity with { Node = new NodeId(Guid.NewGuid()) };

    private readonly FaultyFiles _files = new(new Random(1));

    /// <summary>The first write to a new log failed, or a part of it was lost with the power: the file is there, and no record in it.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(20)]
    [InlineData(64)]
    public void A_damaged_identity_beside_a_segment_that_never_held_anything_is_made_anew(int written)
    {
        TestLogs.Open(_files).Dispose();
        Put(TestLogs.Group, written);
        var done = MendIdentity();
        Assert.Contains("the file identity was gone or damaged", Assert.Single(done), StringComparison.Ordinal);
        Assert.Equal(Fresh, NodeIdentity.Read(_files, "/data/identity"));
    }

    [Fact]
    public void Beside_a_segment_of_another_group_it_stays_as_it_is()
    {
        TestLogs.Open(_files).Dispose();
        Put(GroupId.FromName("another"), SegmentHeader.Size);
        Assert.Empty(MendIdentity());
        Assert.Throws<DamageException>(() => NodeIdentity.Read(_files, "/data/identity"));
    }

    [Fact]
    public void Beside_a_damaged_segment_of_which_something_was_flushed_it_stays_as_it_is()
    {
        using (var open = TestLogs.Open(_files))
        {
            open.Log.Commit("k", "v");
            open.Log.FlushAll();
        }

        _files.FlipBit(Segment, 20, 3);
        Assert.Empty(MendIdentity());
        Assert.Throws<DamageException>(() => NodeIdentity.Read(_files, "/data/identity"));
    }

    private IReadOnlyList<string> MendIdentity()
    {
        _files.FlipBit("/data/identity", 20, 3);
        return DirectoryMend.Mend(_files, TestLogs.Root, "a test", Fresh);
    }

    /// <summary>The log's only segment, with as much of its header as was written.</summary>
    private void Put(GroupId group, int written)
    {
        var header = new byte[SegmentHeader.Size];
        SegmentHeader.Write(header, group, LogPosition.Start(group));
        if (_files.FileExists(Segment)) _files.Delete(Segment);
        using var file = _files.Open(Segment, FileOpening.CreateNew);
        file.Write(0, header.AsSpan(0, written));
    }
}
