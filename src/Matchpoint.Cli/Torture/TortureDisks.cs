using System.Text;
using System.Text.RegularExpressions;
using Matchpoint.Cli.Node;
using Matchpoint.Client;
using Matchpoint.Storage;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.Log;
using Matchpoint.Transport;

namespace Matchpoint.Cli.Torture;

/// <summary>
/// Takes data away from members: empties a disk, damages a log or a state, puts an old backup back, keeps a member away until the group's log does not reach back to it; and cuts the full
/// copy that follows.
/// <para>
/// The rule: one member's data at a time. The next member's turn comes when the group has come together, equal on all, and when the log of the one before is sound again: a flipped byte
/// that nobody has read yet is data that is lost. And only such a member that <see cref="GroupTruth.MayLose"/> permits, while nobody's vote is taken away. Processes may end and
/// links fail meanwhile as they like.
/// </para>
/// </summary>
internal sealed partial class TortureDisks(TortureGroup group, string backups)
{
    private const int BallastBytes = 256 * 1024;
    private const int BallastKeys = 64;

    /// <summary>A transaction well below what the tail may hold.</summary>
    private const int BallastAtOnce = 2;
    private const long MostBallast = 1024L * 1024 * 1024;
    private const int LookEvery = 32;
    private const int Backups = 3;

    private static readonly TimeSpan ToolPatience = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan WritePatience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan OutrunPatience = TimeSpan.FromSeconds(90);
    private static readonly TimeSpan CopyPatience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    private readonly List<string> _ids = [];
    private readonly byte[] _ballast = new byte[BallastBytes];

    /// <summary>Whose data was taken away last, and is not known to be whole again; null for nobody.</summary>
    public string? Victim { get; private set; }

    /// <summary>How often somebody was seen to fetch a full copy, where it was looked for.</summary>
    public int CopiesSeen { get; private set; }

    /// <summary>How often a full copy was cut.</summary>
    public int CopiesCut { get; private set; }

    /// <summary>Draws what is done to whose data; null where nobody's may be lost now.</summary>
    public (TortureFault Fault, string Member)? Draw(Random random, GroupTruth truth)
    {
        var names = truth.Names.Where(name => truth.MayLose(name) && (Victim is null || Victim == name)).ToList();
        if (names.Count == 0) return null;
        var name = names[random.Next(names.Count)];
        var faults = new List<TortureFault> { TortureFault.EmptyDisk, TortureFault.Damage, TortureFault.StayAway };
        if (group[name].HoldsData) faults.Add(TortureFault.DamageState);
        if (_ids.Count > 0 && group[name].HoldsData) faults.Add(TortureFault.OldBackup);
        return (faults[random.Next(faults.Count)], name);
    }

    /// <summary>Takes a backup of a group that has come together.</summary>
    public async Task BackUpAsync(CancellationToken cancellation)
    {
        string[] arguments = ["backup", backups, "--connect", string.Join(',', group.Endpoints), "--keep", $"{Backups}", "--json"];
        var (exitCode, said) = await ToolProcess.RunAsync(arguments, ToolPatience, cancellation);
        if (exitCode != 0 || Id().Match(said) is not { Success: true } id) throw new TortureException($"a backup of a sound group was not taken: {said}");
        _ids.Add(id.Groups["id"].Value);
        if (_ids.Count > Backups) _ids.RemoveAt(0);
    }

    /// <summary>Does it to a member's data, and starts the member again.</summary>
    /// <returns>Whether something was there to be taken; and what was done, in words.</returns>
    public async Task<(bool Struck, string Done)> MakeAsync(Random random, TortureFault fault, string name, CancellationToken cancellation)
    {
        var member = group[name];
        var (before, struck) = (Victim, true);
        Victim = name;
        group.Kill(name);
        var done = "";
        switch (fault)
        {
            case TortureFault.EmptyDisk:
                member.Empty();
                break;
            case TortureFault.OldBackup:
                var id = _ids[random.Next(_ids.Count)];
                var (exitCode, said) = await ToolProcess.RunAsync(["restore", "--from", backups, "--data", member.Data, "--backup", id, "--replace"], ToolPatience, cancellation);
                if (exitCode != 0) throw new TortureException($"backup {id} was not restored: {said}");
                foreach (var aside in Directory.EnumerateDirectories(member.Place, "data.replaced-*")) Directory.Delete(aside, recursive: true);
                break;
            case TortureFault.Damage:
                (struck, done) = FlipLog(random, member);
                break;
            case TortureFault.DamageState:
                (struck, done) = FlipState(random, member);
                break;
            case TortureFault.StayAway:
                done = await OutrunAsync(random, cancellation);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(fault), fault, "expected one that takes data away");
        }

        group.Start(name);
        if (!struck) Victim = before;
        return (struck, done + await CutCopyAsync(random, name, cancellation));
    }

    /// <summary>The group has come together: is the data of the last victim whole again? What repair has put aside was looked at, and goes.</summary>
    public void Look(GroupTruth truth, CancellationToken cancellation)
    {
        if (Victim is not { } victim) return;
        if (truth.Find(victim) is null || DamageOf(group[victim], cancellation).Count == 0) Victim = null;
        string content;
        using (var directory = DataDirectory.OpenReadOnly(PhysicalFiles.Instance, group[victim].Data)) content = directory.ContentPath;
        foreach (var aside in new[] { group[victim].Data, content }.Distinct().SelectMany(Directory.EnumerateDirectories).Where(static path => IsPutAside(Path.GetFileName(path))))
            Directory.Delete(aside, recursive: true);
    }

    private static bool IsPutAside(string name) => name == "damaged" || name.StartsWith("state.unusable-", StringComparison.Ordinal);

    /// <summary>What is damaged in a member's log, whether it runs or not.</summary>
    public static IReadOnlyList<StorageException> DamageOf(TortureMember member, CancellationToken cancellation)
    {
        using var directory = DataDirectory.OpenReadOnly(PhysicalFiles.Instance, member.Data);
        return LogVerifier.Verify(directory, cancellation).Damage;
    }

    /// <summary>Flips a bit of what the member knows to be flushed and durable on a majority: never of what it alone may have.</summary>
    private static (bool Struck, string Done) FlipLog(Random random, TortureMember member)
    {
        using var directory = DataDirectory.OpenReadOnly(PhysicalFiles.Instance, member.Data);
        if (PositionsFile.Read(directory.Files, directory.PositionsPath) is not { } positions) return (false, " (no positions yet)");
        string path;
        long offset;
        using (var view = LogView.Look(directory))
        {
            var durable = view.Durable < view.Last ? view.Durable : view.Last;
            if (view.First.IsNull || durable < view.First) return (false, " (nothing durable yet)");
            var durableEnd = view.PositionAt(durable).End;
            var end = durableEnd < positions.Flushed ? durableEnd : positions.Flushed;
            var segments = view.Segments.Where(segment => segment.Before.End < end).ToList();
            if (segments.Count == 0) return (false, " (nothing flushed yet)");
            var segment = segments[random.Next(segments.Count)];
            var reach = segment.Totals.Position.End < end ? segment.Totals.Position.End : end;
            path = segment.Path;
            offset = SegmentHeader.Size + random.NextInt64((long)(reach.Value - segment.Before.End.Value));
        }

        return (true, Flip(random, path, offset));
    }

    /// <summary>Flips a bit of one of the tables that a member's state lies in.</summary>
    private static (bool Struck, string Done) FlipState(Random random, TortureMember member)
    {
        string state;
        using (var directory = DataDirectory.OpenReadOnly(PhysicalFiles.Instance, member.Data)) state = directory.StatePath; // After a full copy it lies elsewhere.
        var tables = Directory.Exists(state) ? Directory.GetFiles(state, "*.sst").Where(static path => new FileInfo(path).Length > 0).Order(StringComparer.Ordinal).ToList() : [];
        if (tables.Count == 0) return (false, " (no table yet)");
        var path = tables[random.Next(tables.Count)];
        return (true, Flip(random, path, random.NextInt64(new FileInfo(path).Length)));
    }

    private static string Flip(Random random, string path, long offset)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);
        file.Position = offset;
        var old = file.ReadByte();
        file.Position = offset;
        file.WriteByte((byte)(old ^ (1 << random.Next(8))));
        return $" ({Path.GetFileName(path)} at byte {offset})";
    }

    /// <summary>Writes until the group keeps no log any more of what it holds now: whoever has nothing, or is away meanwhile, needs a full copy.</summary>
    /// <returns>How much was written, in words.</returns>
    public async Task<string> OutrunAsync(Random random, CancellationToken cancellation)
    {
        // How much it takes is up to the machine, and must not change what is drawn next.
        var content = new Random(random.Next());
        var before = await group.FindPrimaryAsync(WritePatience, cancellation);
        var start = TimeProvider.System.GetTimestamp();
        var (written, whyNot) = (0L, (string?)null);
        NodeClient? client = null;
        try
        {
            while (written < MostBallast && TimeProvider.System.GetElapsedTime(start) < OutrunPatience)
            {
                try
                {
                    client ??= await NodeClient.ConnectAsync(group[(await group.FindPrimaryAsync(WritePatience, cancellation)).Name].Listen, WritePatience, cancellation);
                    content.NextBytes(_ballast);
                    var first = written / BallastBytes;
                    var puts = Enumerable.Range(0, BallastAtOnce).Select(i => new ClientOperation(ChangeKind.Put, null, -1, Encoding.UTF8.GetBytes($"ballast/{(first + i) % BallastKeys}"), _ballast));
                    await client.AskAsync(new ClientRequest { Op = "transact", Operations = [.. puts], TimeoutMilliseconds = 1500 }, WritePatience, cancellation);
                }
                catch (Exception error) when (error is ConnectException or ChannelException or ClientException)
                {
                    // It is written again, where the primary is now.
                    whyNot = error.Message;
                    if (client is not null) await client.DisposeAsync();
                    client = null;
                    await Task.Delay(Pause, TimeProvider.System, cancellation);
                    continue;
                }

                written += BallastBytes * BallastAtOnce;
                if (written % (LookEvery * BallastBytes) != 0) continue;
                if ((await group.FindPrimaryAsync(WritePatience, cancellation)).First > before.Last) return $" ({written / 1024 / 1024} MiB)";
            }
        }
        finally
        {
            if (client is not null) await client.DisposeAsync();
        }

        throw new TortureException($"{written / 1024 / 1024} MiB were written, and the primary still keeps the log from before{(whyNot is null ? "" : $"; what failed last: {whyNot}")}");
    }

    /// <summary>Looks whether a member fetches a full copy, and kills the receiver or the donor in the middle of it: not at all, once, or twice.</summary>
    /// <returns>What was seen and done, in words.</returns>
    public async Task<string> CutCopyAsync(Random random, string name, CancellationToken cancellation)
    {
        if (await FetchesFromAsync(name, cancellation) is not { } first) return "";
        CopiesSeen++;
        var done = $" (copy from {first})";
        for (var cuts = random.Next(3); cuts > 0; cuts--)
        {
            if (await FetchesFromAsync(name, cancellation) is not { } donor) return done;
            await Task.Delay(TimeSpan.FromMilliseconds(random.Next(800)), TimeProvider.System, cancellation);
            var victim = random.Next(2) == 0 ? name : donor;
            group.Kill(victim);
            group.Start(victim);
            CopiesCut++;
            done += $" ({(victim == name ? "receiver" : $"donor {donor}")} killed)";
        }

        return done;
    }

    /// <summary>From whom a member fetches a full copy; null when it needs none.</summary>
    private async Task<string?> FetchesFromAsync(string name, CancellationToken cancellation)
    {
        var start = TimeProvider.System.GetTimestamp();
        while (TimeProvider.System.GetElapsedTime(start) < CopyPatience)
        {
            var status = await group.StatusAsync(name, cancellation);
            if (status?.Copy is { Donor: { Length: > 0 } donor } && group.Names.Contains(donor)) return donor;
            if (status?.State is NodeState.Following or NodeState.Primary or NodeState.Removed) return null;
            await Task.Delay(Pause, TimeProvider.System, cancellation);
        }

        return null;
    }

    [GeneratedRegex("\"id\": \"(?<id>[^\"]+)\"", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Id();
}
