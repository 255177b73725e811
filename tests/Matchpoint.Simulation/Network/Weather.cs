namespace Matchpoint.Simulation.Network;

/// <summary>How the network between machines is now: which ways are blocked, how long bytes take.</summary>
internal sealed class Weather
{
    private readonly HashSet<(string From, string To)> _blocked = [];
    private readonly HashSet<(string From, string To)> _disconnected = [];
    private readonly Random _random;

    /// <summary>Fair weather.</summary>
    public Weather(Random random) => _random = random;

    /// <summary>Called when ways were opened again.</summary>
    public Action Cleared { get; set; } = static () => { };

    /// <summary>The shortest time that bytes take.</summary>
    public TimeSpan LeastDelay { get; set; } = TimeSpan.FromMicroseconds(100);

    /// <summary>The longest time that bytes usually take.</summary>
    public TimeSpan MostDelay { get; set; } = TimeSpan.FromMilliseconds(2);

    /// <summary>How often, of a thousand times, bytes take up to two hundred times as long.</summary>
    public int SlowPerMille { get; set; }

    /// <summary>Whether bytes get from one machine to another.</summary>
    public bool Passes(string from, string to) => (_blocked.Count == 0 || !_blocked.Contains((from, to))) && (_disconnected.Count == 0 || !_disconnected.Contains((from, to)));

    /// <summary>Blocks one way.</summary>
    public void Block(string from, string to) => _blocked.Add((from, to));

    /// <summary>Blocks one way until <see cref="Reconnect"/>, however often all others are opened.</summary>
    public void Disconnect(string from, string to) => _disconnected.Add((from, to));

    /// <summary>Opens what was disconnected.</summary>
    public void Reconnect()
    {
        _disconnected.Clear();
        Cleared();
    }

    /// <summary>Opens all ways that are not disconnected.</summary>
    public void Clear()
    {
        if (_blocked.Count == 0) return;
        _blocked.Clear();
        Cleared();
    }

    /// <summary>How long the next bytes take.</summary>
    public TimeSpan NextDelay()
    {
        var delay = LeastDelay + ((MostDelay - LeastDelay) * _random.NextDouble());
        return _random.Next(1000) < SlowPerMille ? delay * (1 + _random.Next(200)) : delay;
    }
}
