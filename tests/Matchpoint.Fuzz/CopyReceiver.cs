using Matchpoint.Copies;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;
using Matchpoint.Simulation.Files;
using Matchpoint.Storage;
using Matchpoint.Storage.Copies;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.Log;
using Matchpoint.Storage.Tests.Copies;

namespace Matchpoint.Fuzz;

/// <summary>A node that receives a copy on a disk which may fail, and looks after every step whether what it had is as it was.</summary>
internal sealed class CopyReceiver
{
    private readonly Random _random;
    private readonly List<(CopyOffer Offer, CopySample? Sample)> _proved = [];
    private FaultyFiles _files;
    private DataDirectory _directory;
    private string _copyPath;
    private int _copies;
    private Dictionary<string, ChunkDigest> _before;
    private CopyTarget? _target;
    private CopySample? _sample;
    private bool _mayFail;
    private bool _isWhole;

    /// <summary>A node with old content.</summary>
    /// <param name="seed">Decides what a power cut keeps.</param>
    public CopyReceiver(int seed)
    {
        _random = new Random(seed);
        _files = new FaultyFiles(_random, CopySample.Old);
        _directory = DataDirectory.Open(_files, SampleLog.Root, "fuzz");
        _copyPath = _directory.ContentOf(1) + "/";
        _before = Kept();
    }

    /// <summary>What is being fetched; null while nothing is.</summary>
    public CopyOffer? Offer { get; private set; }

    /// <summary>What is still to be fetched.</summary>
    public IReadOnlyList<(int File, int Chunk)> Missing => _target?.Missing ?? [];

    /// <summary>Begins with an offer.</summary>
    /// <param name="frame">The offer as it came.</param>
    /// <param name="neededFrom">Where the stream is to go on.</param>
    /// <param name="sample">Whose it is, if it is a true one.</param>
    public void Begin(ReadOnlySpan<byte> frame, Vlsn neededFrom, CopySample? sample)
    {
        Drop();
        CopyOffer offer;
        try
        {
            offer = CopyFetch.TakeOffer(frame, neededFrom);
        }
        catch (ProtocolException)
        {
            Invariant.Holds(sample is null || sample.Offer.Last.Next < neededFrom, "a true offer was refused.");
            return;
        }

        _isWhole = false;
        try
        {
            _target = CopyTarget.Begin(_directory, offer, CancellationToken.None);
        }
        catch (DiskException) when (_mayFail)
        {
            return;
        }

        (Offer, _sample) = (offer, sample);
    }

    /// <summary>A frame comes that is to bring a chunk.</summary>
    /// <param name="frame">The frame.</param>
    /// <param name="wanted">Which chunk was asked for.</param>
    /// <param name="isRight">Whether it is the one that was offered.</param>
    public void Take(ReadOnlySpan<byte> frame, (int File, int Chunk) wanted, bool isRight)
    {
        try
        {
            CopyFetch.Take(frame, wanted, _target!);
        }
        catch (ProtocolException) when (!isRight)
        {
            return;
        }

        Invariant.Holds(isRight, $"a chunk {wanted} was taken that is not the one of the offer.");
        Invariant.Holds(!Missing.Contains(wanted), $"chunk {wanted} came, and is missing still.");
    }

    /// <summary>Flushes what has come.</summary>
    public void Flush()
    {
        if (_target is null) return;
        try
        {
            _target.BeginFlush()();
        }
        catch (DiskException) when (_mayFail)
        {
            Drop();
        }
    }

    /// <summary>Finishes, whether all is there or not.</summary>
    public void Finish()
    {
        if (_target is null) return;
        var isComplete = _target.Missing.Count == 0;
        if (isComplete) _proved.Add((Offer!.Value, _sample));
        try
        {
            _target.Finish(new PictureStates(_files), export: "");
            Invariant.Holds(isComplete, "a copy was finished, and chunks are missing.");
            _isWhole = true;
        }
        catch (InvariantException) when (!isComplete)
        {
            return;
        }
        catch (StorageException) when (_sample is null)
        {
            // Log and state do not fit.
        }
        catch (DiskException) when (_mayFail)
        {
            // The attempt is over.
        }

        Drop();
        MustBeUntouched();
    }

    /// <summary>A flush of a file fails.</summary>
    /// <param name="pattern">Of which files.</param>
    /// <param name="nth">Which of those that come.</param>
    public void FailFlush(string pattern, int nth)
    {
        _mayFail = true;
        _files.Faults.FailFlush(pattern, nth);
    }

    /// <summary>Gives up what is being fetched.</summary>
    public void Drop()
    {
        _target?.Dispose();
        (_target, Offer, _sample) = (null, null, null);
    }

    /// <summary>The node is closed and opened again.</summary>
    public void Reopen()
    {
        Drop();
        _directory.Dispose();
        Open();
    }

    /// <summary>The process is killed, and runs again.</summary>
    public void Kill()
    {
        _files = _files.AfterKill();
        Forget();
    }

    /// <summary>The power goes, and comes back.</summary>
    public void CutPower()
    {
        _files = new FaultyFiles(_random, _files.PowerCut().Sample(_random));
        Forget();
    }

    private void Forget()
    {
        (_target, Offer, _sample) = (null, null, null);
        Open();
    }

    /// <summary>As a node opens its directory: a copy that is whole becomes the content.</summary>
    private void Open()
    {
        _files.Faults.Clear();
        _mayFail = false;
        _directory = DataDirectory.Open(_files, SampleLog.Root, "fuzz");
        MustBeUntouched();
        if (CopyTarget.InstallWhole(_directory))
        {
            MustBeUntouched(butFor: ["ballot", "content"]);
            MustBeProved();
            _isWhole = false;
            _proved.Clear();
            _copies = _directory.Copy;
            _copyPath = _directory.ContentOf(_copies + 1) + "/";
            _before = Kept();
        }

        Invariant.Holds(!_isWhole, "a copy was finished, and is gone.");
        CopyTarget.RemoveReplaced(_directory, new PictureStates(_files));
        MustBeUntouched();
    }

    /// <summary>
    /// Whether a file counts no more: of what was replaced, which a power cut may bring back, the mark that a content was installed by, an index, which is made again when it is gone.
    /// </summary>
    private bool IsReplaced(string path)
    {
        if (_copies == 0) return false;
        if (path == Path.Combine(_directory.ContentOf(_copies), "whole") || path.EndsWith(".idx", StringComparison.Ordinal)) return true;
        return path[SampleLog.Root.Length..].Split('/') is ["", "log" or "state", _] or ["", "positions" or "cut"];
    }

    /// <summary>All that is beside the copy is as it was, and the copy lies where it may.</summary>
    private void MustBeUntouched(params ReadOnlySpan<string> butFor)
    {
        var found = Kept();
        foreach (var name in butFor)
        {
            var path = Path.Combine(SampleLog.Root, name);
            found.Remove(path);
            if (_before.TryGetValue(path, out var digest)) found[path] = digest;
        }

        Invariant.Holds(found.Count == _before.Count && !found.Except(_before).Any(), $"files changed beside a copy: {string.Join(" ", found.Except(_before).Concat(_before.Except(found)))}.");
    }

    /// <summary>What became the content is, to the byte, what was offered and proved, and can be opened.</summary>
    private void MustBeProved()
    {
        var image = _files.Image();
        var found = image.Copy().Files.Where(file => file.Key.StartsWith(_copyPath + "log/", StringComparison.Ordinal) || file.Key.StartsWith(_copyPath + "state/", StringComparison.Ordinal))
            .ToDictionary(file => file.Key[_copyPath.Length..], static file => file.Value, StringComparer.Ordinal);
        using var directory = DataDirectory.Open(image, SampleLog.Root, "fuzz");
        using var log = RecordLog.Open(directory, SampleLog.Options);
        using var state = new PictureStates(image).Open(directory.StatePath);
        var (end, applied) = (log.Appended, state.Applied.Vlsn);
        Invariant.Holds(log.Durable == end.Vlsn, $"a copy ends at {end.Vlsn}, and {log.Durable} of it is durable.");
        Invariant.Holds(
            _proved.Exists(one => one.Offer.Last == end.Vlsn && IsAllOf(found, one.Offer) && (one.Sample is null || (one.Sample.End == end && one.Offer.Applied == applied))),
            $"the content is none of the {_proved.Count} copies that were finished: log up to {end}, state at {applied}, {string.Join(" ", found.Keys)}");
    }

    private static bool IsAllOf(Dictionary<string, Pages> found, CopyOffer offer) => found.Count == offer.Files.Length && offer.Files.All(file =>
        found.TryGetValue(file.Name, out var pages) && pages.Length == file.Length && Enumerable.Range(0, file.Chunks.Length).All(chunk =>
        {
            var bytes = new byte[file.LengthOf(chunk)];
            return pages.Read((long)chunk * Limits.ChunkBytes, bytes) == bytes.Length && ChunkDigest.Of(bytes) == file.Chunks[chunk];
        }));

    /// <summary>All files with their digests, but for those of a copy that is no content yet, which lie where those of a copy may.</summary>
    private Dictionary<string, ChunkDigest> Kept()
    {
        var kept = new Dictionary<string, ChunkDigest>(StringComparer.Ordinal);
        foreach (var (path, pages) in _files.Image().Copy().Files)
        {
            if (path.StartsWith(_copyPath, StringComparison.Ordinal))
            {
                var parts = path[_copyPath.Length..].Split('/');
                Invariant.Holds(parts is ["log" or "state", _] or ["positions" or "positions.tmp" or "cut" or "whole" or "whole.tmp"], $"a copy has put {path} there.");
                continue;
            }

            if (path.EndsWith("/LOCK", StringComparison.Ordinal) || IsReplaced(path)) continue;
            var bytes = new byte[pages.Length];
            pages.Read(0, bytes);
            kept.Add(path, ChunkDigest.Of(bytes));
        }

        return kept;
    }
}
