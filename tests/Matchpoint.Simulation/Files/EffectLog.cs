using System.Numerics;

namespace Matchpoint.Simulation.Files;

/// <summary>How far a write has come when the process dies within it.</summary>
internal delegate IEnumerable<Unflushed.Bytes> Tear(Unflushed.Bytes write);

/// <summary>The effects of one process on its disk, numbered from 1 and told in words, and the one at which it dies. Not safe
/// for threads.</summary>
internal sealed class EffectLog
{
    private readonly List<string> _trace = [];
    private int _crashAt;
    private Tear? _tear;
    private volatile string? _crash;

    /// <summary>How many there were, those that were refused among them.</summary>
    public int Count { get; private set; }

    /// <summary>Whether it has died.</summary>
    public bool IsDead => _crash is not null;

    /// <summary>They, in words.</summary>
    public List<string> Trace => _trace;

    /// <summary>Dies at an effect: instead of it, or, with a tear, within it.</summary>
    public void CrashAt(int effect, Tear? tear) => (_crashAt, _tear) = (effect, tear);

    /// <summary>The process is dead from now on, if it was not.</summary>
    public void Die(string how) => _crash ??= how;

    public void MustLive()
    {
        if (_crash is not null) throw new SimulatedCrashException(_crash);
    }

    /// <summary>Adds to the words of the effect that is being done.</summary>
    public void Remark(string words) => _trace[^1] += " " + words;

    /// <summary>Numbers an effect and does it, or dies.</summary>
    /// <param name="text">The effect in words.</param>
    /// <param name="act">Does it.</param>
    /// <param name="within">Does what a crash within leaves done; without it, the effect is done by then.</param>
    public void Run(string text, Action act, Action<Tear>? within = null)
    {
        MustLive();
        Count++;
        if (Count != _crashAt)
        {
            _trace.Add(text);
            Try(act);
            return;
        }

        Die($"the process crashed {(_tear is null ? "before" : "within")} effect {Count}: {text}");
        if (_tear is not null)
        {
            _trace.Add(text + " torn");
            Within(act, within, _tear);
        }

        MustLive();
    }

    /// <summary>A tear after so many bytes.</summary>
    public static Tear Prefix(int bytes) => write => [write.Part(0, Math.Min(bytes, write.Content.Length))];

    /// <summary>A tear that leaves the sectors of the mask; bit 0 is the write's first.</summary>
    public static Tear Sectors(BigInteger mask) => write => write.Sectors().Where((_, i) => !((mask >> i) & 1).IsZero);

    /// <summary>A tear by chance: after some byte, or in some sectors.</summary>
    public static Tear Chance(Random random) => write => random.Next(2) == 0
        ? Prefix(random.Next(write.Content.Length + 1))(write)
        : write.Sectors().Where(_ => random.Next(2) == 0).ToArray();

    private void Within(Action act, Action<Tear>? within, Tear tear)
    {
        try
        {
            if (within is not null) within(tear);
            else Try(act);
        }
        catch (IOException)
        {
            // The process died before it could learn of it.
        }
    }

    private void Try(Action act)
    {
        try
        {
            act();
        }
        catch (IOException)
        {
            Remark("failed");
            throw;
        }
    }
}
