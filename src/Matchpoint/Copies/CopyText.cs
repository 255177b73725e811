using System.Globalization;

namespace Matchpoint.Copies;

/// <summary>How far a full copy is, for people.</summary>
internal static class CopyText
{
    private const double Mega = 1_000_000;

    /// <summary>In one line.</summary>
    public static string Of(CopyProgress progress) => string.Create(
        CultureInfo.InvariantCulture,
        $"copying from {progress.Donor}: {progress.Bytes / Mega:0.0} of {progress.TotalBytes / Mega:0.0} MB, {progress.BytesPerSecond / Mega:0.0} MB/s"
            + $"{(progress.Left is { } left ? $", {left.TotalSeconds:0} s left" : "")}");
}
