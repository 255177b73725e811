using Matchpoint.Server.Tests;
using Matchpoint.Tests.Node;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Matchpoint.Dashboard.Tests;

/// <summary>The members are changed, and the primary handed over, in a real browser.</summary>
public class MembersTests(Browser browser) : IClassFixture<Browser>
{
    private const float Milliseconds = 60_000;

    private static LocatorAssertionsToHaveTextOptions Patiently => new() { Timeout = Milliseconds };

    [Fact]
    public async Task A_member_is_taken_in_and_watched_until_it_counts()
    {
        await using var group = await ServedGroup.StartAsync();
        await using var page = await browser.OpenAsync(group.UrlOf(group.Nodes.Replicas[0].Options.Name));
        await Expect(page.Page.Locator("#headline")).ToHaveTextAsync("All is well", Patiently);
        await page.Page.EvaluateAsync("window.isTheSamePage = true");
        var added = group.Nodes.Prepare("d");

        await page.Page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = "Add a member" }).ClickAsync();
        await page.Page.Locator("#member-name").FillAsync("d");
        await page.Page.Locator("#member-address").FillAsync(added.Address);
        await page.PictureAsync("member-new");
        await page.NoSeriousViolationsAsync();
        await page.Page.Locator("#member-address").PressAsync("Enter");
        await Expect(page.Page.Locator("#plan-title")).ToHaveTextAsync("Take d in?", Patiently);
        await Expect(page.Page.Locator("#plan-what")).ToContainTextAsync("2 of 3 voters must have a write, and 1 may be lost before writes stop. Then 3 of 4 must");
        await page.PictureAsync("member-plan");
        await page.NoSeriousViolationsAsync();
        Assert.Equal(2, group.Nodes.Primary.GetStatus().Members.Count);
        await page.Page.Locator("#plan-do").ClickAsync();
        await Expect(page.Page.Locator("#change-outcome")).ToContainTextAsync("d is a member since record", new LocatorAssertionsToContainTextOptions { Timeout = Milliseconds });
        await Expect(page.Page.Locator(".member")).ToHaveCountAsync(4, new LocatorAssertionsToHaveCountOptions { Timeout = Milliseconds });

        await group.StartAsync("d");
        var row = page.Page.Locator(".member", new PageLocatorOptions { Has = page.Page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = "Manage d" }) });
        await Expect(row.Locator(".role")).ToHaveTextAsync("Following", Patiently);
        await Expect(row.Locator(".step")).Not.ToContainTextAsync("does not count", new LocatorAssertionsToContainTextOptions { Timeout = Milliseconds });
        await Expect(page.Page.Locator("#headline")).ToHaveTextAsync("All is well", Patiently);
        Assert.True(await page.Page.EvaluateAsync<bool>("window.isTheSamePage"));
        Assert.Empty(page.Complaints);
    }

    [Theory]
    [InlineData(ColorScheme.Light)]
    [InlineData(ColorScheme.Dark)]
    public async Task The_primary_is_handed_over_on_a_phone_and_by_keyboard(ColorScheme scheme)
    {
        await using var group = await ServedGroup.StartAsync();
        var heir = group.Nodes.Replicas[0].Options.Name;
        await using var page = await browser.OpenAsync(group.UrlOf(heir), width: 360, height: 740, scheme);
        await Expect(page.Page.Locator("#headline")).ToHaveTextAsync("All is well", Patiently);
        await page.Page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = $"Manage {heir}" }).FocusAsync();
        await page.Page.Keyboard.PressAsync("Enter");
        await Expect(page.Page.Locator("#member-title")).ToHaveTextAsync($"Member {heir}", Patiently);
        await page.PictureAsync($"phone-member-{scheme}");
        Assert.Equal(360, await page.Page.EvaluateAsync<int>("document.documentElement.scrollWidth"));
        await page.NoSeriousViolationsAsync();
        await TabToAsync(page, "member-transfer");
        await page.Page.Keyboard.PressAsync("Enter");
        await Expect(page.Page.Locator("#plan-title")).ToHaveTextAsync($"Make {heir} the primary?", Patiently);
        await page.PictureAsync($"phone-transfer-{scheme}");
        Assert.Equal(360, await page.Page.EvaluateAsync<int>("document.documentElement.scrollWidth"));
        await page.NoSeriousViolationsAsync();
        await TabToAsync(page, "plan-do");
        await page.Page.Keyboard.PressAsync("Enter");
        await Expect(page.Page.Locator("#change-outcome")).ToHaveTextAsync($"{heir} is the primary now.", Patiently);
        await Expect(page.Page.Locator("#primary")).ToHaveTextAsync(heir, Patiently);
        await Eventually.HoldsAsync(() => group.Nodes.Primary?.Options.Name == heir, "the heir leads");
        Assert.Empty(page.Complaints);
    }

    [Fact]
    public async Task What_would_be_refused_says_why_and_offers_nothing_to_do()
    {
        await using var group = await ServedGroup.StartAsync();
        var primary = group.Nodes.Primary.Options.Name;
        await using var page = await browser.OpenAsync(group.UrlOf(primary), scheme: ColorScheme.Dark);
        await Expect(page.Page.Locator("#headline")).ToHaveTextAsync("All is well", Patiently);
        await page.Page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = $"Manage {primary}" }).ClickAsync();
        await page.Page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = "Remove" }).ClickAsync();
        await Expect(page.Page.Locator("#plan-danger")).ToContainTextAsync("transfer the primary to another member first", new LocatorAssertionsToContainTextOptions { Timeout = Milliseconds });
        await Expect(page.Page.Locator("#plan-do")).ToBeHiddenAsync();
        await page.PictureAsync("member-refused-dark");
        await page.NoSeriousViolationsAsync();
        await page.Page.Keyboard.PressAsync("Escape");
        await Expect(page.Page.Locator("#plan-dialog")).ToBeHiddenAsync();
        Assert.Equal(3, group.Nodes.Primary.GetStatus().Members.Count + 1);
        Assert.Empty(page.Complaints);
    }

    private static async Task TabToAsync(WatchedPage page, string id)
    {
        for (var i = 0; i < 15; i++)
        {
            if (await page.Page.EvaluateAsync<string>("document.activeElement.id") == id) return;
            await page.Page.Keyboard.PressAsync("Tab");
        }

        Assert.Fail($"{id} was not reached by keyboard");
    }
}
