namespace Matchpoint.Protocol.Elections;

/// <summary>A small seeded generator (SplitMix64, Steele, Lea and Flood 2014): time-outs that differ must be reproducible.</summary>
internal struct Jitter(ulong seed)
{
    private ulong _state = seed;

    /// <summary>A part of a time, from nothing up to, but not including, all of it.</summary>
    public TimeSpan PartOf(TimeSpan whole) => whole.Ticks == 0 ? TimeSpan.Zero : new TimeSpan((long)(Next() % (ulong)whole.Ticks));

    private ulong Next()
    {
        var mixed = _state += 0x9E3779B97F4A7C15;
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
        return mixed ^ (mixed >> 31);
    }
}
