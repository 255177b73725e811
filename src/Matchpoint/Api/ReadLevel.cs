namespace Matchpoint;

/// <summary>How fresh a read is, and whether what it returns can be undone.</summary>
public readonly record struct ReadLevel
{
    private ReadLevel(ReadKind kind, CommitToken token = default, TimeSpan lag = default)
    {
        Kind = kind;
        Token = token;
        Lag = lag;
    }

    /// <summary>
    /// The default: what is durable on a majority, as far as this node knows. It is never undone. On the primary it is current; a replica may lag behind.
    /// </summary>
    public static ReadLevel Durable => default;

    /// <summary>Everything that this node holds, the undecided tail included: what it returns may be undone.</summary>
    public static ReadLevel Local { get; } = new(ReadKind.Local);

    /// <summary>Current on every node: it reflects every commit that was acknowledged before the read began. A replica asks the primary how far that is.</summary>
    public static ReadLevel Linearizable { get; } = new(ReadKind.Linearizable);

    internal ReadKind Kind { get; }

    internal CommitToken Token { get; }

    internal TimeSpan Lag { get; }

    /// <summary>Durable, and it reflects the commit of the token: the read waits until this node has it.</summary>
    public static ReadLevel AtLeast(CommitToken token) => new(ReadKind.AtLeast, token);

    /// <summary>Durable, and not older than so long: the read waits until this node has caught up that far.</summary>
    /// <param name="lag">More than zero.</param>
    /// <exception cref="ArgumentOutOfRangeException">The time is zero or less.</exception>
    public static ReadLevel MaxLag(TimeSpan lag)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(lag, TimeSpan.Zero);
        return new ReadLevel(ReadKind.MaxLag, default, lag);
    }

    /// <summary>The level's name, with its token or time.</summary>
    public override string ToString() => Kind switch
    {
        ReadKind.AtLeast => $"AtLeast({Token})",
        ReadKind.MaxLag => $"MaxLag({Lag})",
        _ => $"{Kind}",
    };
}

/// <summary>The kinds of <see cref="ReadLevel"/>.</summary>
internal enum ReadKind : byte
{
    Durable,
    Local,
    AtLeast,
    MaxLag,
    Linearizable,
}
