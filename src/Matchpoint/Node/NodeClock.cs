namespace Matchpoint.Node;

/// <summary>A node's clock for deadlines and leases: it never goes back, and begins when the node does.</summary>
internal sealed class NodeClock(TimeProvider time)
{
    private readonly long _start = time.GetTimestamp();

    /// <summary>Where time comes from.</summary>
    public TimeProvider Time => time;

    /// <summary>Time since the node began.</summary>
    public TimeSpan Now => time.GetElapsedTime(_start);
}
