using Matchpoint.Node;
using Matchpoint.Protocol.Identities;
using Matchpoint.Storage;
using Matchpoint.Storage.Copies;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Log;
using Matchpoint.Storage.Repairs;

namespace Matchpoint.Repairs;

/// <summary>
/// Opens what a node keeps on its disk. Where that is damaged and the node has peers, it is mended first: a gap in the log is closed with the same records from another member; what nobody
/// can give, or what makes the node forget its promises, is set aside, and the node takes part again only when it has caught up. A node by itself refuses: nobody has a second copy.
/// </summary>
internal sealed class NodeOpening
{
    /// <summary>So many different things may be found damaged in one opening.</summary>
    private const int MostRounds = 16;

    /// <summary>The longest gap that is closed from a peer; beyond that the node fetches everything anew.</summary>
    private const long MostGapBytes = 1024L * 1024 * 1024;

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    private readonly MatchpointOptions _options;
    private readonly NodeParts _parts;
    private readonly Members _members;
    private readonly NodeClock _clock;
    private readonly List<string> _repairs = [];
    private bool _hasForgotten;

    private NodeOpening(MatchpointOptions options, NodeParts parts)
    {
        (_options, _parts) = (options, parts);
        _members = new Members(options);
        _clock = new NodeClock(options.Time);
    }

    private bool HasPeers => _members.Others.Any();

    /// <summary>How long a gap waits for members that are not there, while one that is cannot close it.</summary>
    private TimeSpan Patience => _options.ElectionTimeout * 10;

    /// <summary>Opens it.</summary>
    /// <param name="options">Checked options.</param>
    /// <param name="parts">What the node stands on.</param>
    /// <param name="found">What was found damaged while the node ran, so that it was closed; null for nothing.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="StorageException">It cannot be used, and cannot be mended now: the message says why.</exception>
    public static async Task<OpenedNode> OpenAsync(MatchpointOptions options, NodeParts parts, StorageException? found, CancellationToken cancellation)
    {
        var opening = new NodeOpening(options, parts);
        var directory = await Task.Run(opening.OpenDirectory, cancellation).ConfigureAwait(false);
        try
        {
            if (found is not null) await opening.LearnMembersAsync(directory, cancellation).ConfigureAwait(false);
            if (found is not null && opening.HasPeers) await opening.MendAsync(directory, found, cancellation).ConfigureAwait(false);
            for (var round = 1; ; round++)
            {
                StorageException damage;
                try
                {
                    return await Task.Run(() => opening.Open(directory), cancellation).ConfigureAwait(false);
                }
                catch (StorageException error) when (error is DamageException or StateLostException && round < MostRounds)
                {
                    await opening.LearnMembersAsync(directory, cancellation).ConfigureAwait(false);
                    if (!opening.HasPeers) throw;
                    damage = error;
                }

                await opening.MendAsync(directory, damage, cancellation).ConfigureAwait(false);
            }
        }
        catch
        {
            directory.Dispose();
            throw;
        }
    }

    private DataDirectory OpenDirectory()
    {
        var fresh = new NodeIdentity(GroupId.FromName(_options.Group), new NodeId(_parts.NewId()));
        var holder = $"{_parts.Process} (node {_options.Name}), since {_options.Time.GetUtcNow():yyyy-MM-dd HH:mm:ss} UTC";
        var mended = HasPeers ? DirectoryMend.Mend(_parts.Files, _options.Directory, holder, fresh) : [];
        var directory = DataDirectory.Open(_parts.Files, _options.Directory, holder, fresh);
        try
        {
            if (directory.Identity.Group != fresh.Group)
                throw new ForeignException($"{directory.Path}: the directory belongs to group {directory.Identity.Group}, and '{_options.Group}' is group {fresh.Group}. "
                    + $"Name the group that made it, or another directory.");
            if (mended.Count > 0) Fence(directory, [.. mended]);
            return directory;
        }
        catch
        {
            directory.Dispose();
            throw;
        }
    }

    /// <summary>Whom to ask: those that the options name may not be all, or not be any more.</summary>
    private async Task LearnMembersAsync(DataDirectory directory, CancellationToken cancellation)
    {
        if (await Task.Run(() => MembersOnDisk.Find(directory, _parts.States(_options), cancellation), cancellation).ConfigureAwait(false) is { } known) _members.Become(known);
    }

    private OpenedNode Open(DataDirectory directory)
    {
        var files = directory.Files;
        var states = _parts.States(_options);
        var isCopied = CopyTarget.InstallWhole(directory);
        CopySource.RemoveLeftOver(directory, states);
        if (files.DirectoryExists(directory.LogPath)) SegmentMend.RemoveLeftOver(directory);
        if (HasPeers && (!files.DirectoryExists(directory.LogPath) || files.ListFiles(directory.LogPath).Count == 0))
        {
            DataDirectory.MakeAnew(files, directory.LogPath);
            files.FlushDirectory(directory.ContentPath); // A power cut must not take the name under which the log is mended.
        }

        // The positions are there before the first promise is made: without them nobody knows how much of the log has gone with them.
        if (files.FileExists(directory.BallotPath) && !files.FileExists(directory.PositionsPath))
        {
            // Where the options name nobody the log may; whoever is alone by both elects itself all the same.
            if (HasPeers) Fence(directory, [$"{directory.PositionsPath} is gone: how far the log was flushed is not known"]);
            else DirectoryMend.Fence(directory);
        }

        var log = RecordLog.Open(directory, _parts.Log with { Time = _options.Time });
        try
        {
            var ballot = BallotFile.Open(directory, hasRecords: !log.Appended.Vlsn.IsNull);
            // A log that only a node by itself ever wrote may be that of a member of this group: what it promised stays promised.
            RequireKind(_options, directory, log);
            var keeper = StateKeeper.Open(directory, log, states, _parts.StateFlushBytes, log.Durable, hasData: !directory.IsArbiter);
            CopyTarget.RemoveReplaced(directory, states);
            var notes = log.OpenReport.Sentences().ToList();
            if (isCopied) notes.Add($"a full copy up to record {log.Appended.Vlsn} took the place of the log and the state");
            return new OpenedNode(directory, log, ballot, keeper, notes, _repairs, _hasForgotten);
        }
        catch
        {
            log.Dispose();
            throw;
        }
    }

    /// <summary>A directory is an arbiter's from its beginning, or never.</summary>
    private static void RequireKind(MatchpointOptions options, DataDirectory directory, RecordLog log)
    {
        var kind = options.Members.FirstOrDefault(member => member.Name == options.Name)?.Kind ?? MemberKind.Voter;
        if ((kind == MemberKind.Arbiter) == directory.IsArbiter) return;
        if (directory.IsArbiter || !log.Appended.Vlsn.IsNull)
        {
            throw new StorageException($"{directory.Path}: the directory {(directory.IsArbiter ? "is that of an arbiter and has no data" : "has data")}, "
                + $"and the options name '{options.Name}' as {kind}. Give the node a directory of its own, or name it as what it was.");
        }

        directory.MakeArbiter();
    }

    /// <summary>Does what can be done about something that is damaged; then the directory is opened again.</summary>
    private async Task MendAsync(DataDirectory directory, StorageException damage, CancellationToken cancellation)
    {
        var file = (damage as DamageException)?.File;
        var now = _options.Time.GetUtcNow();
        if (file == directory.BallotPath || file == directory.PositionsPath)
        {
            await Task.Run(() => Fence(directory, [damage.Message, $"it is kept as {Aside.Move(directory, file)}"]), cancellation).ConfigureAwait(false);
        }
        else if (file == directory.StatePath)
        {
            var aside = await Task.Run(() => _parts.States(_options).SetAside(directory.StatePath, directory.Path), cancellation).ConfigureAwait(false);
            // Tried again, it may find nothing there any more: the first time has set it aside.
            _repairs.Add($"{damage.Message}{(aside is null ? "" : $" What was there is kept as {aside}.")} The state is built anew from the log, or fetched.");
        }
        else if (file is not null && Path.GetDirectoryName(file) == directory.LogPath || file == directory.LogPath)
        {
            await MendLogAsync(directory, damage, now, cancellation).ConfigureAwait(false);
        }
        else
        {
            await Task.Run(() => SetAllAside(directory, damage, now), cancellation).ConfigureAwait(false);
        }
    }

    private async Task MendLogAsync(DataDirectory directory, StorageException damage, DateTimeOffset now, CancellationToken cancellation)
    {
        var isFound = false;
        while (await Task.Run(() => LogSurvey.FindFirst(directory, cancellation), cancellation).ConfigureAwait(false) is { } gap)
        {
            isFound = true;
            if (await CloseAsync(directory, gap, cancellation).ConfigureAwait(false)) continue;
            var durable = PositionsFile.DurableAsFarAsKnown(directory.Files, directory.PositionsPath);
            if (await Task.Run(() => LogSurrender.CutAt(directory, gap, durable, now), cancellation).ConfigureAwait(false) is not { } done) break;
            _hasForgotten = true;
            _repairs.Add($"{gap.What.Message} Nobody could give these records, so the node takes no part until it has caught up: {string.Join("; ", done)}.");
            return;
        }

        // What cannot be mended in place, or cannot be found again and yet keeps the log from being opened, is fetched anew.
        var isMended = isFound && await Task.Run(() => LogSurvey.FindFirst(directory, cancellation), cancellation).ConfigureAwait(false) is null;
        if (!isMended && (isFound || !CanOpen(directory))) await Task.Run(() => SetAllAside(directory, damage, now), cancellation).ConfigureAwait(false);
    }

    /// <summary>Closes a gap with records of other members.</summary>
    /// <returns>Whether it is closed.</returns>
    private async Task<bool> CloseAsync(DataDirectory directory, LogGap gap, CancellationToken cancellation)
    {
        if (gap.Bytes is 0 or > MostGapBytes) return false;
        var fetch = new RangeFetch(directory, _members, _clock, _options, _parts.Network);
        var deadline = _clock.Now + Patience;
        while (true)
        {
            var result = await fetch.RunAsync(gap, cancellation).ConfigureAwait(false);
            if (result.MendedFrom is { } donor)
            {
                // What was acknowledged behind the fetched records may have gone with them, and nobody may count on it.
                if (!result.MeetsOwn) NoteFence(["the end of the log was lost, and how much was behind it is not known"], result.BallotMended);
                _repairs.Add($"{gap.What.Message} The records were fetched again from {donor} and proved{(result.Aside is { } aside ? $"; the damaged file is kept as {aside}" : "")}.");
                return true;
            }

            if (result.Answers == _members.Others.Count()) return false;
            if (_clock.Now >= deadline)
            {
                return result.Answers > 0 ? false : throw new StorageException(
                    $"{gap.What.Message} No other member could be asked for these records within {Patience.TotalSeconds:0.#} s: {result.Reasons} "
                        + "Start the others, then open this node again.", gap.What);
            }

            await Task.Delay(Pause, _clock.Time, cancellation).ConfigureAwait(false);
        }
    }

    private bool CanOpen(DataDirectory directory)
    {
        try
        {
            RecordLog.Open(directory, _parts.Log with { Time = _options.Time }).Dispose();
            return true;
        }
        catch (DamageException)
        {
            return false;
        }
    }

    private void SetAllAside(DataDirectory directory, StorageException damage, DateTimeOffset now)
    {
        var durable = PositionsFile.DurableAsFarAsKnown(directory.Files, directory.PositionsPath);
        var done = LogSurrender.SetAllAside(directory, _parts.States(_options), durable, now);
        _hasForgotten = true;
        _repairs.Add($"{damage.Message} It could not be mended, so all was set aside and is fetched anew, and the node takes no part until it has caught up: {string.Join("; ", done)}.");
    }

    private void Fence(DataDirectory directory, IReadOnlyList<string> why) => NoteFence(why, DirectoryMend.Fence(directory));

    private void NoteFence(IReadOnlyList<string> why, string? ballot)
    {
        _hasForgotten = true;
        _repairs.Add($"{string.Join("; ", why)}{(ballot is null ? "" : $"; {ballot}")}. The node takes no part until it has caught up.");
    }
}
