using CsCheck;
using Matchpoint.Simulation.Files;
using Matchpoint.Storage.Files;

namespace Matchpoint.Storage.Tests.Files;

/// <summary>
/// Whatever was done to a <see cref="FaultyFiles"/>, what survives obeys the contract of <see cref="IFileSystem"/>, as a plain
/// model of it in arrays says: the flushed is there, exactly; the rest is old, new, zero, or absent, and nothing else.
/// </summary>
public sealed class FaultyFilesProperties
{
    private static readonly string[] Names = ["d/a", "d/b", "d/c"];

    private enum Kind { Write, SetLength, Flush, FailedFlush, Delete, Rename, FlushDirectory, FailedFlushDirectory, Replace }

    private static readonly Gen<Step[]> Steps = Gen.Select(
        Gen.Frequency(
            (6, Gen.Const(Kind.Write)), (2, Gen.Const(Kind.SetLength)), (3, Gen.Const(Kind.Flush)), (1, Gen.Const(Kind.FailedFlush)),
            (1, Gen.Const(Kind.Delete)), (2, Gen.Const(Kind.Rename)), (2, Gen.Const(Kind.FlushDirectory)),
            (1, Gen.Const(Kind.FailedFlushDirectory)), (1, Gen.Const(Kind.Replace))),
        Gen.Int[0, 2], Gen.Int[0, 2], Gen.Int[0, 1600], Gen.Int[1, 700], Gen.Byte[1, 255],
        (kind, name, other, position, count, value) => new Step(kind, Names[name], Names[other], position, count, value)).Array[1, 25];

    [Fact]
    public void What_survives_obeys_the_contract() => Gen.Select(Steps, Gen.Int).Sample((steps, seed) =>
    {
        var random = new Random(seed);
        var files = new FaultyFiles(random);
        files.CreateDirectory("d");
        files.Settle();
        var model = new Model();
        foreach (var step in steps) Do(files, model, step);

        var cut = files.PowerCut(bySector: true);
        model.MustBeDurable(cut.Nothing);
        if (!Array.Exists(steps, step => step.Kind is Kind.FailedFlush or Kind.FailedFlushDirectory)) model.MustBeSeen(cut.Everything);
        for (var i = 0; i < 8; i++) model.MustAllow(cut.Sample(random));
        if (cut.Changes.Count <= 5)
        {
            foreach (var (_, image) in cut.Images()) model.MustAllow(image);
        }

        model.MustBeSeen(files);
        model.MustBeSeen(files.AfterKill());
    }, iter: 2000, threads: 2);

    [Fact]
    public void A_crash_at_any_effect_leaves_what_was_flushed_before_it() => Steps.Sample(steps =>
    {
        var all = new FaultyFiles(new Random(1));
        var effects = Run(all, steps, crash: _ => { }).Effects;
        for (var n = 2; n <= effects; n++)
        {
            var at = n;
            foreach (var crash in new Action<FaultyFiles>[] { files => files.CrashBefore(at), files => files.CrashWithin(at) })
            {
                var (files, model) = (new FaultyFiles(new Random(n)), new Model());
                var (_, crashed) = Run(files, steps, crash, model);
                Assert.True(crashed);
                // The step that died may have been done, in part or whole: it is not in the model, so only the flushed is compared.
                model.MustBeDurable(files.PowerCut().Nothing);
            }
        }
    }, iter: 60, threads: 2);

    [Fact]
    public void The_same_seed_does_the_same() => Gen.Select(Steps, Gen.Int).Sample((steps, seed) =>
        Outcome(steps, seed) == Outcome(steps, seed), iter: 100, threads: 2);

    private static string Outcome(Step[] steps, int seed)
    {
        var random = new Random(seed);
        var files = new FaultyFiles(random);
        Run(files, steps, f => f.CrashWithin(2 + Math.Abs(seed % 20)));
        var image = files.PowerCut().Sample(random);
        return string.Join('\n', files.Trace) + string.Join('\n', Names.Select(name => Convert.ToHexString(Model.Read(image, name) ?? [])));
    }

    private static (int Effects, bool Crashed) Run(FaultyFiles files, Step[] steps, Action<FaultyFiles> crash, Model? model = null)
    {
        model ??= new Model();
        files.CreateDirectory("d");
        files.Settle();
        crash(files);
        try
        {
            foreach (var step in steps) Do(files, model, step);
        }
        catch (SimulatedCrashException)
        {
            return (files.Effects, true);
        }

        return (files.Effects, false);
    }

    /// <summary>Does a step to both, to the model each time after the disk returned.</summary>
    private static void Do(FaultyFiles files, Model model, Step step)
    {
        var isThere = files.FileExists(step.Name);
        switch (step.Kind)
        {
            case Kind.Write or Kind.SetLength or Kind.Flush or Kind.FailedFlush:
                DoToFile(files, model, step, isThere);
                break;
            case Kind.Delete:
                files.Delete(step.Name);
                model.Name(step.Name, null);
                break;
            case Kind.Rename when isThere && step.Name != step.Other:
                files.Rename(step.Name, step.Other);
                var file = model.Seen[step.Name];
                model.Name(step.Name, null);
                model.Name(step.Other, file);
                break;
            case Kind.FlushDirectory:
                files.FlushDirectory("d");
                model.FlushNames();
                break;
            case Kind.FailedFlushDirectory:
                files.Faults.FailFlush("d");
                MustFail(() => files.FlushDirectory("d"));
                model.PossibleNames.Clear();
                break;
            case Kind.Replace:
                files.Delete(step.Name);
                model.Name(step.Name, null);
                Do(files, model, step with { Kind = Kind.Write });
                break;
        }
    }

    private static void DoToFile(FaultyFiles files, Model model, Step step, bool isThere)
    {
        using var file = files.Open(step.Name, FileOpening.OpenOrCreate);
        if (!isThere) model.Name(step.Name, new ModelFile());
        var known = model.Seen[step.Name];
        switch (step.Kind)
        {
            case Kind.Write:
                var bytes = Enumerable.Repeat(step.Value, step.Count).ToArray();
                file.Write(step.Position, bytes);
                known.Write(step.Position, bytes);
                break;
            case Kind.SetLength:
                file.SetLength(step.Position);
                known.SetLength(step.Position);
                break;
            case Kind.Flush:
                file.Flush();
                known.Flush();
                break;
            default:
                files.Faults.FailFlush(step.Name);
                MustFail(file.Flush);
                known.Changes.Clear();
                break;
        }
    }

    /// <summary>Fails by the disk; a crash instead goes through.</summary>
    private static void MustFail(Action act)
    {
        try
        {
            act();
        }
        catch (DiskException)
        {
            return;
        }

        Assert.Fail("The flush should have failed.");
    }

    private sealed record Step(Kind Kind, string Name, string Other, int Position, int Count, byte Value);

    private sealed class Model
    {
        public Dictionary<string, ModelFile> Seen { get; } = [];

        /// <summary>What each name came to stand for since the directory was flushed.</summary>
        public List<(string Name, ModelFile? File)> PossibleNames { get; } = [];

        private Dictionary<string, ModelFile> Durable { get; } = [];

        public void Name(string name, ModelFile? file)
        {
            if (file is null && !Seen.ContainsKey(name)) return;
            Set(Seen, name, file);
            PossibleNames.Add((name, file));
        }

        public void FlushNames()
        {
            foreach (var (name, file) in PossibleNames) Set(Durable, name, file);
            PossibleNames.Clear();
        }

        public void MustBeDurable(MemoryFiles files) =>
            Assert.All(Names, name => Assert.Equal(Durable.GetValueOrDefault(name)?.Durable, Read(files, name)));

        public void MustBeSeen(IFileSystem files) =>
            Assert.All(Names, name => Assert.Equal(Seen.GetValueOrDefault(name)?.Seen, Read(files, name)));

        /// <summary>Each name stands for a file that it stood for since the flush, or none; and that file may read so.</summary>
        public void MustAllow(MemoryFiles files) => Assert.All(Names, name =>
        {
            var found = Read(files, name);
            ModelFile?[] candidates =
                [Durable.GetValueOrDefault(name), .. PossibleNames.Where(possible => possible.Name == name).Select(possible => possible.File)];
            Assert.Contains(candidates, file => file is null ? found is null : found is not null && file.Allows(found));
        });

        public static byte[]? Read(IFileSystem files, string path)
        {
            if (!files.FileExists(path)) return null;
            using var file = files.Open(path, FileOpening.Read);
            var bytes = new byte[file.Length];
            Assert.Equal(bytes.Length, file.Read(0, bytes));
            return bytes;
        }

        private static void Set(Dictionary<string, ModelFile> names, string name, ModelFile? file)
        {
            if (file is null) names.Remove(name);
            else names[name] = file;
        }
    }

    private sealed class ModelFile
    {
        public byte[] Seen { get; private set; } = [];

        public byte[] Durable { get; private set; } = [];

        /// <summary>Since the last flush: bytes, or null for a length.</summary>
        public List<(int Position, byte[]? Bytes)> Changes { get; } = [];

        public void Write(int position, byte[] bytes)
        {
            Seen = Apply(Seen, position, bytes);
            Changes.Add((position, bytes));
        }

        public void SetLength(int length)
        {
            Seen = Apply(Seen, length, null);
            Changes.Add((length, null));
        }

        public void Flush()
        {
            foreach (var (position, bytes) in Changes) Durable = Apply(Durable, position, bytes);
            Changes.Clear();
        }

        /// <summary>Each byte is the durable one, one written since, or a zero where a change made the file longer or shorter.</summary>
        public bool Allows(byte[] found)
        {
            if (Changes.Count == 0) return found.AsSpan().SequenceEqual(Durable);
            var ends = Changes.Select(change => change.Position + (change.Bytes?.Length ?? 0)).ToArray();
            if (found.Length > Math.Max(Durable.Length, ends.Max())) return false;
            if (found.Length < Math.Min(Durable.Length, ends.Min())) return false;
            return !found.Where((value, i) => !MayBe(i, value)).Any();
        }

        private bool MayBe(int position, byte value)
        {
            if (position < Durable.Length && Durable[position] == value) return true;
            if (value == 0) return position >= Durable.Length || Changes.Exists(change => change.Bytes is null && change.Position <= position);
            return Changes.Exists(change => change.Bytes is { } bytes
                && position >= change.Position && position < change.Position + bytes.Length && bytes[position - change.Position] == value);
        }

        private static byte[] Apply(byte[] to, int position, byte[]? bytes)
        {
            var length = bytes is null ? position : Math.Max(to.Length, position + bytes.Length);
            var result = new byte[length];
            to.AsSpan(0, Math.Min(to.Length, length)).CopyTo(result);
            bytes?.CopyTo(result, position);
            return result;
        }
    }
}
