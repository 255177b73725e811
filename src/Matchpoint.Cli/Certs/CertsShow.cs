using System.CommandLine;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Matchpoint.Cli.Terminal;
using Matchpoint.Transport.Tls;

namespace Matchpoint.Cli.Certs;

/// <summary><c>matchpoint certs show</c>: who a certificate is for, until when, for what.</summary>
internal static class CertsShow
{
    /// <summary>Builds the command.</summary>
    public static Command Create()
    {
        var files = new Argument<string[]>("FILE") { Description = "Certificates in PEM or DER; or directories of them.", Arity = ArgumentArity.OneOrMore };
        var json = Options.Json();
        var command = new Command("show", "Show certificates: for whom, from whom, until when, for what.") { files, json };
        command.SetAction((parsed, _) => Options.RunAsync(parsed.GetValue(json), () => Run(parsed.GetRequiredValue(files), parsed.GetValue(json))));
        return command;
    }

    private static int Run(string[] files, bool json)
    {
        var now = TimeProvider.System.GetUtcNow();
        var found = files.SelectMany(Files).SelectMany(file => Read(file).Select(certificate => (File: file, Certificate: certificate))).ToList();
        if (found.Count == 0) throw new UsageException($"there is no certificate in {string.Join(", ", files)}");
        if (json)
        {
            Json.Print(found.Select(one => Facts(one.File, one.Certificate, now)));
            return ExitCode.Success;
        }

        foreach (var (file, certificate) in found) Print(file, certificate, now);
        return ExitCode.Success;
    }

    private static IEnumerable<string> Files(string path) =>
        Directory.Exists(path) ? Directory.EnumerateFiles(path, "*.pem", SearchOption.AllDirectories).Order(StringComparer.Ordinal) : [path];

    private static X509Certificate2Collection Read(string file)
    {
        try
        {
            var bytes = File.ReadAllBytes(file);
            if (bytes is [0x30, ..]) return [X509CertificateLoader.LoadCertificate(bytes)];
            var certificates = new X509Certificate2Collection();
            certificates.ImportFromPem(System.Text.Encoding.UTF8.GetString(bytes));
            return certificates;
        }
        catch (CryptographicException error)
        {
            throw new UsageException($"{file}: it is no certificate: {error.Message}");
        }
        catch (IOException error)
        {
            throw new UsageException($"{file}: it cannot be read: {error.Message}");
        }
    }

    private static void Print(string file, X509Certificate2 certificate, DateTimeOffset now)
    {
        Console.Out.WriteLine(file);
        Console.Out.WriteLine($"  who        {Who(certificate)}");
        if (CertificateNames.Hosts(certificate).ToList() is { Count: > 0 } hosts) Console.Out.WriteLine($"  hosts      {string.Join(", ", hosts)}");
        Console.Out.WriteLine($"  issued by  {certificate.Issuer}");
        var (from, to) = (certificate.NotBefore.ToUniversalTime(), certificate.NotAfter.ToUniversalTime());
        Console.Out.WriteLine($"  valid      {from:yyyy-MM-dd HH:mm:ss} to {to:yyyy-MM-dd HH:mm:ss} UTC: {Left(certificate, now)}");
        Console.Out.WriteLine($"  for        {string.Join(", ", Usages(certificate))}");
        Console.Out.WriteLine($"  SHA-256    {certificate.GetCertHashString(HashAlgorithmName.SHA256).ToLowerInvariant()}");
    }

    private static object Facts(string file, X509Certificate2 certificate, DateTimeOffset now) => new
    {
        file,
        who = Who(certificate),
        hosts = CertificateNames.Hosts(certificate),
        issuer = certificate.Issuer,
        from = certificate.NotBefore.ToUniversalTime(),
        until = certificate.NotAfter.ToUniversalTime(),
        daysLeft = (int)Math.Floor((certificate.NotAfter.ToUniversalTime() - now.UtcDateTime).TotalDays),
        usages = Usages(certificate),
        sha256 = certificate.GetCertHashString(HashAlgorithmName.SHA256).ToLowerInvariant(),
    };

    private static string Who(X509Certificate2 certificate) => CertificateNames.Of(certificate) is { IsEmpty: false } names ? string.Join(", ", names) : certificate.Subject;

    private static string Left(X509Certificate2 certificate, DateTimeOffset now) => (certificate.NotAfter.ToUniversalTime() - now.UtcDateTime).TotalDays switch
    {
        < 0 => "EXPIRED",
        _ when certificate.NotBefore.ToUniversalTime() > now.UtcDateTime => "not yet valid",
        var days => $"{Math.Floor(days):0} days left",
    };

    private static List<string> Usages(X509Certificate2 certificate)
    {
        if (certificate.Extensions.OfType<X509BasicConstraintsExtension>().Any(constraints => constraints.CertificateAuthority)) return ["issuing certificates"];
        var usages = certificate.Extensions.OfType<X509EnhancedKeyUsageExtension>().SelectMany(extension => extension.EnhancedKeyUsages.Cast<Oid>()).Select(oid => oid.Value switch
        {
            TlsCredentials.ServerUsage => "TLS servers",
            TlsCredentials.ClientUsage => "TLS clients",
            var other => other ?? "?",
        }).ToList();
        return usages.Count > 0 ? usages : ["anything"];
    }
}
