using Matchpoint.Cli.Bench;

namespace Matchpoint.Peers.Measuring;

/// <summary>What the machine did by itself in the same rounds: 4 KiB writes each flushed, and 64 bytes there and back over loopback.</summary>
internal sealed class MachineLimits
{
    private const int Flushes = 500;
    private const int RoundTrips = 5000;

    private readonly List<double> _flushes = [];
    private readonly List<double> _roundTrips = [];

    /// <summary>Flushed writes per second.</summary>
    public Typical Flush => Typical.Of(_flushes);

    /// <summary>Round trips per second.</summary>
    public Typical PingPong => Typical.Of(_roundTrips);

    /// <summary>Measures once more.</summary>
    public async Task MeasureAsync(string directory, CancellationToken cancellation)
    {
        _flushes.Add(RawDisk.Flush(directory, Flushes, TimeProvider.System));
        _roundTrips.Add(await RawNetwork.PingPongAsync(RoundTrips, TimeProvider.System, cancellation));
    }
}
