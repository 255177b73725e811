using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Matchpoint.Transport.Tls;

namespace Matchpoint.Transport.Tests;

/// <summary>Certificates from files: every form that is read, what is wrong with others, and renewal.</summary>
public sealed class CredentialTests : IDisposable
{
    private const string A = "matchpoint://g/node/a";

    private static readonly PeerIdentity Self = new("g", PeerKind.Node, "a");

    private readonly string _directory = Directory.CreateTempSubdirectory("matchpoint-tls-").FullName;
    private readonly TestAuthority _authority = new();

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Theory]
    [InlineData("matchpoint://g/node/a", "g", "a")]
    [InlineData("matchpoint://a%20shop/node/till%2F1", "a shop", "till/1")]
    public void A_name_is_read_as_it_is_written(string uri, string group, string name)
    {
        var identity = PeerIdentity.TryParse(uri);
        Assert.Equal(new PeerIdentity(group, PeerKind.Node, name), identity);
        Assert.Equal(uri, identity!.ToString());
    }

    [Theory]
    [InlineData("https://g/node/a")]
    [InlineData("matchpoint://g/node")]
    [InlineData("matchpoint://g/node/")]
    [InlineData("matchpoint:///node/a")]
    [InlineData("matchpoint://g/primary/a")]
    [InlineData("matchpoint://g/node/a/b")]
    public void What_is_no_name_names_nobody(string uri) => Assert.Null(PeerIdentity.TryParse(uri));

    [Fact]
    public void Pem_with_the_key_beside_it_or_in_it_encrypted_or_not_and_pfx_are_read()
    {
        Write();
        using var certificate = _authority.Issue(A);
        using var key = certificate.GetECDsaPrivateKey()!;
        var pem = certificate.ExportCertificatePem();
        File.WriteAllText(At("both.pem"), $"{pem}\n{key.ExportPkcs8PrivateKeyPem()}\n");
        File.WriteAllText(At("cert.pem"), pem);
        File.WriteAllText(At("locked.key"), key.ExportEncryptedPkcs8PrivateKeyPem("secret", new PbeParameters(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, 1000)));
        File.WriteAllBytes(At("open.pfx"), certificate.Export(X509ContentType.Pfx));
        File.WriteAllBytes(At("locked.pfx"), certificate.Export(X509ContentType.Pfx, "secret"));
        TlsFiles[] all =
        [
            new(At("node.pem"), At("node.key"), null, At("ca.pem")),
            new(At("both.pem"), null, null, At("ca.pem")),
            new(At("cert.pem"), At("locked.key"), "secret", At("ca.pem")),
            new(At("open.pfx"), null, null, At("ca.pem")),
            new(At("locked.pfx"), null, "secret", At("ca.pem")),
        ];
        foreach (var files in all) Assert.Equal([Self], files.Load(Self).Names);
        MustSay(all[2] with { Password = "wrong" }, "cert.pem: it cannot be used");
        MustSay(all[4] with { Password = "wrong" }, "locked.pfx: it cannot be used");
    }

    [Fact]
    public void What_is_wrong_with_files_is_said()
    {
        Write();
        var files = new TlsFiles(At("node.pem"), At("node.key"), null, At("ca.pem"));
        MustSay(files with { Certificate = At("none.pem") }, "none.pem: it cannot be read");
        MustSay(files with { Authority = At("none.pem") }, "none.pem: it cannot be read");
        MustSay(files with { Authority = At("node.key") }, "node.key: there is no certificate in it");
        File.WriteAllText(At("bad.pem"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
        MustSay(files with { Certificate = At("bad.pem") }, "bad.pem: it cannot be used");
        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        File.WriteAllText(At("other.key"), other.ExportPkcs8PrivateKeyPem());
        MustSay(files with { Key = At("other.key") }, "node.pem: it cannot be used");
        File.WriteAllText(At("stranger.pem"), new TestAuthority("a stranger").Certificate.ExportCertificatePem());
        MustSay(files with { Authority = At("stranger.pem") }, "is issued by 'CN=a test's authority', and the authorities given ('CN=a stranger') do not vouch for it");
        _authority.Write(_directory, "matchpoint://g/node/b");
        MustSay(files, "the certificate is for matchpoint://g/node/b; expected one for matchpoint://g/node/a");
    }

    [Fact]
    public void Renewed_files_are_taken_up_and_broken_ones_are_not()
    {
        var time = new VirtualTime();
        Write();
        var source = new CredentialSource(new TlsFiles(At("node.pem"), At("node.key"), null, At("ca.pem")), read => read.Load(Self), time);
        var first = source.Current;
        Write();
        Assert.Same(first, source.Current); // It was looked at only just now.
        time.Advance(TimeSpan.FromSeconds(3));
        var second = source.Current;
        Assert.NotEqual(first.Certificate.SerialNumber, second.Certificate.SerialNumber);
        Assert.Null(source.Failure);

        File.WriteAllText(At("node.pem"), "half a certif");
        time.Advance(TimeSpan.FromSeconds(3));
        Assert.Same(second, source.Current);
        Assert.Contains("the old ones are used on", source.Failure, StringComparison.Ordinal);
        _authority.Write(_directory, "matchpoint://g/node/b");
        time.Advance(TimeSpan.FromSeconds(3));
        Assert.Same(second, source.Current);
        Assert.Contains("expected one for matchpoint://g/node/a", source.Failure, StringComparison.Ordinal);

        Write();
        time.Advance(TimeSpan.FromSeconds(3));
        Assert.NotEqual(second.Certificate.SerialNumber, source.Current.Certificate.SerialNumber);
        Assert.Null(source.Failure);
    }

    [Fact]
    public void Files_behind_links_are_taken_up_when_a_directory_takes_the_place_of_another()
    {
        // As Kubernetes mounts a secret: each file is a link into ..data, and a renewal changes only where that link leads.
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Links need a privilege there.");
        var time = new VirtualTime();
        foreach (var name in (string[])["..1", "..2"]) _authority.Write(At(name), A);
        Directory.CreateSymbolicLink(At("..data"), "..1");
        foreach (var name in (string[])["node.pem", "node.key", "ca.pem"]) File.CreateSymbolicLink(At(name), Path.Combine("..data", name));
        var source = new CredentialSource(new TlsFiles(At("node.pem"), At("node.key"), null, At("ca.pem")), read => read.Load(Self), time);
        var first = source.Current;
        Directory.Delete(At("..data")); // The link, not what it leads to.
        Directory.CreateSymbolicLink(At("..data"), "..2");
        time.Advance(TimeSpan.FromSeconds(3));
        Assert.NotEqual(first.Certificate.SerialNumber, source.Current.Certificate.SerialNumber);
        Assert.Null(source.Failure);
    }

    [Fact]
    public void Files_of_the_same_time_and_size_are_told_apart_and_what_is_missing_is_no_error_yet()
    {
        var files = new TlsFiles(At("node.pem"), null, null, null);
        var missing = files.Stamp();
        File.WriteAllText(files.Certificate, "one");
        var time = File.GetLastWriteTimeUtc(files.Certificate);
        var one = files.Stamp();
        File.WriteAllText(files.Certificate, "two");
        File.SetLastWriteTimeUtc(files.Certificate, time);
        Assert.Equal(3, new HashSet<string>([missing, one, files.Stamp()]).Count);
    }

    [Theory]
    [InlineData(20, "expires at")]
    [InlineData(-1, "expired at")]
    [InlineData(40, null)]
    public void What_ends_within_thirty_days_is_a_warning(int days, string? words)
    {
        var credentials = _authority.Credentials(A, from: TimeSpan.FromDays(-100), to: TimeSpan.FromDays(days));
        var warnings = new TlsSecurity(new CredentialSource(credentials, TimeProvider.System), TimeProvider.System).Warnings;
        if (words is null) Assert.Empty(warnings);
        else Assert.Contains($"the certificate of {A} {words}", Assert.Single(warnings), StringComparison.Ordinal);
    }

    private string At(string name) => Path.Combine(_directory, name);

    private void Write() => _authority.Write(_directory, A);

    private static void MustSay(TlsFiles files, string words) =>
        Assert.Contains(words, Assert.Throws<CredentialsException>(() => files.Load(Self)).Message, StringComparison.Ordinal);
}
