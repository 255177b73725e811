using Matchpoint.Fuzz;

namespace Matchpoint.Simulation.Tests;

/// <summary>What fuzzing has reached stays reached: the corpus is given to every target again, and a while of blind changes to good input beside it.</summary>
public sealed class FuzzTests
{
    private const int BlindRuns = 5_000;

    public static TheoryData<string> Targets => [.. FuzzTargets.All.Select(static target => target.Name)];

    [Theory]
    [MemberData(nameof(Targets))]
    public void The_corpus_is_taken_or_refused(string name)
    {
        var target = FuzzTargets.All.Single(target => target.Name == name);
        var files = Directory.GetFiles(Path.Combine(Repository.Root, "tests", "Matchpoint.Fuzz", "Corpus", name));
        Assert.NotEmpty(files);
        foreach (var file in files) Give(target, File.ReadAllBytes(file), Path.GetFileName(file));
    }

    [Theory]
    [MemberData(nameof(Targets))]
    public void Good_input_that_was_changed_is_taken_or_refused(string name)
    {
        var target = FuzzTargets.All.Single(target => target.Name == name);
        var mutator = new Mutator(seed: 1);
        var inputs = target.Seeds.ToList();
        foreach (var seed in inputs) Give(target, seed, "a seed");
        for (var i = 0; i < BlindRuns; i++) Give(target, mutator.Change(inputs), $"run {i}");
    }

    private static void Give(IFuzzTarget target, byte[] input, string what)
    {
        try
        {
            target.Run(input);
        }
        catch (Exception error)
        {
            Assert.Fail($"{target.Name}, {what}, {Convert.ToHexString(input)}:\n{error}");
        }
    }
}
