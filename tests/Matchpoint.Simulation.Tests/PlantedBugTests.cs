using Matchpoint.Planted;

namespace Matchpoint.Simulation.Tests;

/// <summary>The catalogue fits the source as it is, and what is planted is found.</summary>
public sealed class PlantedBugTests
{
    [Fact]
    public void Every_bug_can_be_planted()
    {
        foreach (var bug in Catalogue.All)
        {
            var text = File.ReadAllText(Path.Combine(Repository.Root, bug.File));
            Assert.NotEqual(text, Workshop.Plant(bug, text));
        }

        Assert.Equal(Catalogue.All.Count, Catalogue.All.Select(static bug => bug.Name).Distinct(StringComparer.Ordinal).Count());
    }

    [Fact]
    public void A_planted_bug_is_found()
    {
        var workshop = Workshop.SetUp(Repository.Root);
        try
        {
            var finding = workshop.Look(Catalogue.All.Single(static bug => bug.Name == "fingerprint-ignored"), first: 0, most: 50);
            Assert.NotNull(finding.Found);
            Assert.True(finding.Schedules < 50, $"it took {finding.Schedules} schedules");
        }
        finally
        {
            workshop.TearDown();
        }
    }
}
