using Matchpoint.Server.Tests;
using Matchpoint.Tests.Node;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Matchpoint.Dashboard.Tests;

/// <summary>The dashboard in a real browser, on real nodes.</summary>
public class DashboardTests(Browser browser) : IClassFixture<Browser>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_operator_sees_that_all_is_well_and_who_is_the_primary()
    {
        await using var group = await ServedGroup.StartAsync();
        await using var load = Load.On(group);
        await using var page = await browser.OpenAsync(group.UrlOf("a"));
        await Expect(page.Page.Locator("#headline")).ToHaveTextAsync("All is well", Patiently);
        await Expect(page.Page.Locator("#primary")).ToHaveTextAsync(group.Nodes.Primary.Options.Name);
        await Expect(page.Page.Locator(".member")).ToHaveCountAsync(3);
        await Expect(page.Page.Locator(".role[data-tone=primary]")).ToHaveCountAsync(1);
        await Expect(page.Page.Locator(".role[data-tone=follows]")).ToHaveCountAsync(2);
        // It moves: what is durable grows without a reload.
        var before = await page.Page.Locator(".bar").First.GetAttributeAsync("aria-label");
        await Expect(page.Page.Locator(".bar").First).Not.ToHaveAttributeAsync("aria-label", before!, new LocatorAssertionsToHaveAttributeOptions { Timeout = Milliseconds });
        await Expect(page.Page.Locator("#p99")).Not.ToHaveTextAsync("–", TextPatiently);
        await page.PictureAsync("well-light");
        Assert.Empty(page.Complaints);
    }

    [Fact]
    public async Task A_failover_is_watched_live()
    {
        await using var group = await ServedGroup.StartAsync();
        var old = group.Nodes.Primary.Options.Name;
        var watcher = group.Nodes.Replicas[0].Options.Name;
        await using var page = await browser.OpenAsync(group.UrlOf(watcher));
        await Expect(page.Page.Locator("#primary")).ToHaveTextAsync(old, TextPatiently);
        await page.Page.EvaluateAsync("window.isTheSamePage = true");
        await group.StopAsync(old);
        await Eventually.HoldsAsync(() => group.Nodes.Nodes.Any(node => node.IsPrimary && node.Core.IsReady), "another primary");
        var next = group.Nodes.Primary.Options.Name;
        await Expect(page.Page.Locator("#primary")).ToHaveTextAsync(next, TextPatiently);
        var silent = page.Page.Locator(".member", new PageLocatorOptions { HasText = "No answer" });
        await Expect(silent.Locator(".name")).ToHaveTextAsync(old, TextPatiently);
        await Expect(page.Page.Locator("#findings")).ToContainTextAsync($"{old} does not answer", new LocatorAssertionsToContainTextOptions { Timeout = Milliseconds });
        await Expect(page.Page.Locator("#headline")).ToHaveTextAsync("Writes go on; something needs attention", TextPatiently);
        await Expect(page.Page.Locator("#events")).ToContainTextAsync("Primary", new LocatorAssertionsToContainTextOptions { Timeout = Milliseconds });
        await page.PictureAsync("member-lost");
        await group.StartAsync(old);
        await Expect(page.Page.Locator("#headline")).ToHaveTextAsync("All is well", TextPatiently);
        Assert.True(await page.Page.EvaluateAsync<bool>("window.isTheSamePage"));
        Assert.Empty(page.Complaints);
    }

    [Fact]
    public async Task Without_a_majority_it_says_that_writes_wait_and_whom_to_start()
    {
        await using var group = await ServedGroup.StartAsync();
        await using var page = await browser.OpenAsync(group.UrlOf("a"), scheme: ColorScheme.Dark);
        await Expect(page.Page.Locator("#headline")).ToHaveTextAsync("All is well", TextPatiently);
        await group.StopAsync("b");
        await group.StopAsync("c");
        await Expect(page.Page.Locator("#headline")).ToHaveTextAsync("No primary: writes wait", TextPatiently);
        await Expect(page.Page.Locator("#findings")).ToContainTextAsync("Start b, c", new LocatorAssertionsToContainTextOptions { Timeout = Milliseconds });
        await page.PictureAsync("down-dark");
        await page.NoSeriousViolationsAsync();
        Assert.Empty(page.Complaints);
    }

    [Fact]
    public async Task What_was_undone_appears_is_read_downloaded_and_written_once_more()
    {
        await using var group = await ServedGroup.StartAsync();
        await using var page = await browser.OpenAsync(group.UrlOf("a"));
        await Expect(page.Page.Locator("#undone")).ToContainTextAsync("Nothing was ever undone", new LocatorAssertionsToContainTextOptions { Timeout = Milliseconds });
        var old = await group.UndoAsync("lonely", "one");
        var entry = page.Page.Locator("#undone details");
        await Expect(entry.Locator("summary")).ToContainTextAsync($"{old} 1 transaction", new LocatorAssertionsToContainTextOptions { Timeout = Milliseconds });
        await entry.Locator("summary").ClickAsync();
        await Expect(entry.Locator("td.data").First).ToHaveTextAsync("lonely", TextPatiently);
        await page.Page.Locator("#syncups details").First.Locator("summary").ClickAsync();
        await page.PictureAsync("undone");
        await page.NoSeriousViolationsAsync();
        var download = await page.Page.RunAndWaitForDownloadAsync(() => entry.Locator("button.download").ClickAsync());
        Assert.EndsWith(".jsonl", download.SuggestedFilename, StringComparison.Ordinal);
        Assert.Contains("lonely", await File.ReadAllTextAsync((await download.PathAsync())!, Cancellation), StringComparison.Ordinal);
        await entry.Locator("button.reapply").ClickAsync();
        await page.Page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = "Write them" }).ClickAsync();
        await Expect(entry).ToContainTextAsync("written as", new LocatorAssertionsToContainTextOptions { Timeout = Milliseconds });
        Assert.Equal("one", await group.Nodes.Primary.Default.GetTextAsync("lonely", cancellation: Cancellation));
        Assert.Empty(page.Complaints);
    }

    [Theory]
    [InlineData(ColorScheme.Light)]
    [InlineData(ColorScheme.Dark)]
    public async Task On_a_phone_nothing_runs_off_the_side_and_everybody_can_read_it(ColorScheme scheme)
    {
        await using var group = await ServedGroup.StartAsync();
        await using var load = Load.On(group);
        await group.UndoAsync("a-rather-long-key-that-does-not-fit-on-a-phone-in-one-line/and-goes-on-and-on", new string('v', 300));
        await using var page = await browser.OpenAsync(group.UrlOf("b"), width: 360, height: 740, scheme);
        await Expect(page.Page.Locator("#headline")).ToHaveTextAsync("All is well", TextPatiently);
        await page.Page.Locator("#undone summary").ClickAsync();
        await Expect(page.Page.Locator("#undone td.data").First).ToBeVisibleAsync(new LocatorAssertionsToBeVisibleOptions { Timeout = Milliseconds });
        await Expect(page.Page.Locator("#p99")).Not.ToHaveTextAsync("–", TextPatiently);
        await page.PictureAsync($"phone-{scheme}");
        Assert.Equal(360, await page.Page.EvaluateAsync<int>("document.documentElement.scrollWidth"));
        await page.NoSeriousViolationsAsync();
        Assert.Empty(page.Complaints);
    }

    [Fact]
    public async Task Everything_is_reached_by_keyboard_in_the_order_of_the_page()
    {
        await using var group = await ServedGroup.StartAsync();
        await group.UndoAsync("lonely", "one");
        await using var page = await browser.OpenAsync(group.UrlOf("a"));
        await Expect(page.Page.Locator("#undone details")).ToHaveCountAsync(1, new LocatorAssertionsToHaveCountOptions { Timeout = Milliseconds });
        await Expect(page.Page.Locator("#syncups details").First).ToBeVisibleAsync();
        var reached = new List<string>();
        for (var i = 0; i < 40; i++)
        {
            await page.Page.Keyboard.PressAsync("Tab");
            var where = await page.Page.EvaluateAsync<string>(
                "(document.activeElement.closest('section')?.getAttribute('aria-labelledby') ?? document.activeElement.parentElement.tagName) + ' ' + document.activeElement.tagName");
            if (reached.Count == 0) Assert.Equal("BODY A", where);
            reached.Add(where);
            if (where == "undone-title SUMMARY" && !reached.Contains("undone-title BUTTON"))
            {
                // It opens by keyboard, stays open while the page moves on, and keeps the focus.
                await page.Page.Keyboard.PressAsync("Enter");
                await Expect(page.Page.Locator("#undone td.data").First).ToBeVisibleAsync();
            }

            if (where == "FOOTER A") break;
        }

        var sections = reached.Select(where => where.Split(' ')[0]).Distinct().ToList();
        Assert.Equal(["BODY", "members-title", "undone-title", "syncups-title", "events-title"], sections.Take(5));
        Assert.Contains("undone-title BUTTON", reached);
        Assert.Equal("FOOTER", sections[^1]);
        Assert.Empty(page.Complaints);
    }

    [Fact]
    public async Task A_server_with_a_token_asks_for_it_once()
    {
        await using var group = await ServedGroup.StartAsync(size: 1, new MatchpointServerOptions { BearerToken = "a-token-that-nobody-guesses" });
        await using var page = await browser.OpenAsync(group.UrlOf("a"));
        var input = page.Page.Locator("#token");
        await input.FillAsync("wrong");
        await input.PressAsync("Enter");
        await Expect(page.Page.Locator("#token-note")).ToContainTextAsync("not its token", new LocatorAssertionsToContainTextOptions { Timeout = Milliseconds });
        await page.NoSeriousViolationsAsync();
        await input.FillAsync("a-token-that-nobody-guesses");
        await input.PressAsync("Enter");
        await Expect(page.Page.Locator("#headline")).ToHaveTextAsync("All is well", TextPatiently);
    }

    [Fact]
    public async Task When_its_own_node_is_gone_the_page_says_so_and_names_another()
    {
        await using var group = await ServedGroup.StartAsync();
        var gone = group.Nodes.Replicas[0].Options.Name;
        await using var page = await browser.OpenAsync(group.UrlOf(gone));
        await Expect(page.Page.Locator("#headline")).ToHaveTextAsync("All is well", TextPatiently);
        await group.StopAsync(gone);
        await Expect(page.Page.Locator("#headline")).ToHaveTextAsync("This page’s node does not answer", TextPatiently);
        await Expect(page.Page.Locator("#sentence a")).ToHaveCountAsync(2);
        await page.PictureAsync("own-node-gone");
    }

    private const float Milliseconds = 60_000;

    private static LocatorAssertionsToHaveTextOptions Patiently => new() { Timeout = Milliseconds };

    private static LocatorAssertionsToHaveTextOptions TextPatiently => Patiently;
}
