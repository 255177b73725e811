using System.Security.Cryptography.X509Certificates;
using Matchpoint.Server.Tests;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Matchpoint.Dashboard.Tests;

/// <summary>The dashboard over TLS, where browsers are known by their certificates.</summary>
public class CertificateTests(Browser browser) : IClassFixture<Browser>
{
    private static LocatorAssertionsToHaveTextOptions Patiently => new() { Timeout = 60_000 };

    [Fact]
    public async Task A_browser_with_a_certificate_sees_the_group_and_as_whom()
    {
        await using var server = await SecuredServer.StartAsync();
        using var certificate = server.Authority.Issue("matchpoint://shop/client/admin");
        await using var page = await browser.OpenAsync(server.Url.ToString(), pfx: certificate.ExportPkcs12(Pkcs12ExportPbeParameters.Pbes2Aes256Sha256, ""));
        await Expect(page.Page.Locator("#headline")).ToHaveTextAsync("All is well", Patiently);
        await Expect(page.Page.Locator("#caller")).ToHaveTextAsync("client admin", Patiently);
        await page.PictureAsync("certificate");
        Assert.Empty(page.Complaints);
    }

    [Fact]
    public async Task A_browser_without_one_is_told_why_it_sees_nothing()
    {
        await using var server = await SecuredServer.StartAsync();
        await using var page = await browser.OpenAsync(server.Url.ToString());
        await Expect(page.Page.Locator("#headline")).ToHaveTextAsync("This server does not let you in", Patiently);
        await Expect(page.Page.Locator("#sentence")).ToContainTextAsync("no certificate was presented");
        await Expect(page.Page.Locator("#sentence")).ToContainTextAsync("client.pfx is for browsers");
        await page.PictureAsync("no-certificate");
    }
}
