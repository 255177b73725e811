using Matchpoint.Cli.Torture;

namespace Matchpoint.Cli.Tests;

/// <summary>What a torture does is drawn from its seed.</summary>
public sealed class RoundPlanTests
{
    private const int Seed = 1;
    private const int Rounds = 600;

    [Fact]
    public void The_same_seed_and_round_make_the_same_plan()
    {
        for (var round = 1; round <= Rounds; round++)
        {
            var (first, again) = (RoundPlan.Of(Seed, round), RoundPlan.Of(Seed, round));
            Assert.Equal((first.BacksUp, first.Takes, first.Changes), (again.BacksUp, again.Takes, again.Changes));
            Assert.Equal(first.Passing, again.Passing);
        }
    }

    [Fact]
    public void Neighbouring_seeds_do_not_share_their_rounds()
    {
        var one = Enumerable.Range(1, Rounds).SelectMany(static round => RoundPlan.Of(Seed, round).Passing).ToHashSet();
        Assert.DoesNotContain(Enumerable.Range(1, Rounds).SelectMany(static round => RoundPlan.Of(Seed + 1, round).Passing), one.Contains);
    }

    [Fact]
    public void Data_is_taken_in_a_quarter_of_the_rounds_members_change_in_a_third_and_something_passes_in_each()
    {
        var plans = Enumerable.Range(1, Rounds).Select(static round => RoundPlan.Of(Seed, round)).ToList();
        Assert.InRange(plans.Count(static plan => plan.BacksUp), Rounds / 6 * 3 / 4, Rounds / 6 * 5 / 4);
        Assert.InRange(plans.Count(static plan => plan.Takes is not null), Rounds / 4 * 3 / 4, Rounds / 4 * 5 / 4);
        Assert.InRange(plans.Count(static plan => plan.Changes is not null), Rounds / 3 * 3 / 4, Rounds / 3 * 5 / 4);
        Assert.All(plans, static plan => Assert.InRange(plan.Passing.Count, 1, 2));
    }
}
