using Deque.AxeCore.Playwright;
using Microsoft.Playwright;

namespace Matchpoint.Dashboard.Tests;

/// <summary>A real browser, started once; without one the tests are skipped and say so.</summary>
public sealed class Browser : IAsyncLifetime
{
    private const string Chromium = "/usr/bin/chromium";

    /// <summary>How long anything that a page is to do or to show may take: the machines are small and shared.</summary>
    internal const float Patience = 60_000;

    private static readonly string[] Arguments =
    [
        "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
    ];

    private IPlaywright? _playwright;
    private IBrowser? _browser;

    public async ValueTask InitializeAsync()
    {
        if (!File.Exists(Chromium)) return;
        Assertions.SetDefaultExpectTimeout(Patience);
        _playwright = await Playwright.CreateAsync();
        _browser = await _playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions { ExecutablePath = Chromium, Args = Arguments });
    }

    public async ValueTask DisposeAsync()
    {
        if (_browser is not null) await _browser.DisposeAsync();
        _playwright?.Dispose();
    }

    /// <summary>A page that notes everything it complains about.</summary>
    internal async Task<WatchedPage> OpenAsync(string url, int width = 1280, int height = 900, ColorScheme scheme = ColorScheme.Light, byte[]? pfx = null)
    {
        Assert.SkipWhen(_browser is null, $"SKIPPED, NOT PASSED: there is no browser at {Chromium}, so the dashboard went unseen.");
        var context = await _browser.NewContextAsync(new BrowserNewContextOptions
        {
            ViewportSize = new ViewportSize { Width = width, Height = height },
            ColorScheme = scheme,
            ReducedMotion = ReducedMotion.Reduce,
            AcceptDownloads = true,
            // The authority of a test is none that a browser knows.
            IgnoreHTTPSErrors = true,
            ClientCertificates = pfx is null ? null : [new ClientCertificate { Origin = new Uri(url).GetLeftPart(UriPartial.Authority), Pfx = pfx, Passphrase = "" }],
        });
        var page = new WatchedPage(context, await context.NewPageAsync());
        await page.Page.GotoAsync(url);
        return page;
    }
}

/// <summary>A page and what it complained about.</summary>
internal sealed class WatchedPage : IAsyncDisposable
{
    private readonly IBrowserContext _context;
    private readonly List<string> _complaints = [];

    public WatchedPage(IBrowserContext context, IPage page)
    {
        _context = context;
        Page = page;
        page.SetDefaultTimeout(Browser.Patience);
        page.Console += (_, message) => Note(message.Type is "error" or "warning" ? $"{message.Type}: {message.Text}" : null);
        page.PageError += (_, error) => Note(error);
        page.Request += (_, request) => Note(request.Url.StartsWith(new Uri(page.Url == "about:blank" ? request.Url : page.Url).GetLeftPart(UriPartial.Authority), StringComparison.Ordinal)
            || request.Url.StartsWith("blob:", StringComparison.Ordinal) ? null : $"asked elsewhere: {request.Url}");
    }

    /// <summary>The page.</summary>
    public IPage Page { get; }

    /// <summary>What it complained about.</summary>
    public IReadOnlyList<string> Complaints
    {
        get { lock (_complaints) return [.. _complaints]; }
    }

    /// <summary>Leaves a picture where a person may look at it, if asked by the environment.</summary>
    public async Task PictureAsync(string name)
    {
        if (Environment.GetEnvironmentVariable("MATCHPOINT_PICTURES") is { Length: > 0 } directory)
            await Page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(directory, $"{name}.png"), FullPage = true });
    }

    /// <summary>Looks at it as people do who cannot see it, or see it badly: nothing serious may be found.</summary>
    public async Task NoSeriousViolationsAsync()
    {
        var result = await Page.RunAxe();
        var bad = result.Violations.Where(violation => violation.Impact is "serious" or "critical")
            .Select(violation => $"{violation.Id}: {violation.Help} {string.Join(" | ", violation.Nodes.Select(node => node.Html))}");
        Assert.Empty(bad);
    }

    public ValueTask DisposeAsync() => new(_context.CloseAsync());

    private void Note(string? complaint)
    {
        if (complaint is null) return;
        lock (_complaints) _complaints.Add(complaint);
    }
}
