namespace Matchpoint.Protocol.Syncup;

/// <summary>How many acknowledged commits a node may undo on its own before an operator is asked.</summary>
internal readonly record struct RollbackLimit
{
    private readonly bool _isDisabled;

    private RollbackLimit(long most, bool isDisabled)
    {
        Most = most;
        _isDisabled = isDisabled;
    }

    /// <summary>Ten.</summary>
    public static RollbackLimit Default => AtMost(10);

    /// <summary>No commit is ever undone without an operator, acknowledged or not.</summary>
    public static RollbackLimit Disabled => new(0, isDisabled: true);

    /// <summary>The most acknowledged commits that may be undone.</summary>
    public long Most { get; }

    /// <summary>A limit.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The number is negative.</exception>
    public static RollbackLimit AtMost(long acknowledgedCommits)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(acknowledgedCommits);
        return new RollbackLimit(acknowledgedCommits, isDisabled: false);
    }

    /// <summary>Whether these may be undone.</summary>
    public bool Allows(UndoneCount undone) =>
        _isDisabled ? undone.Commits == 0 : undone.AcknowledgedCommits <= Most;

    /// <summary>The limit in words.</summary>
    public override string ToString() => _isDisabled ? "rollback of commits is disabled" : $"the limit is {Most}";
}

/// <summary>What lies above a matchpoint.</summary>
/// <param name="Records">All records.</param>
/// <param name="Commits">Transaction ends among them.</param>
/// <param name="AcknowledgedCommits">Commits among them whose client was told success. One that still waits for
/// acknowledgements was never promised.</param>
internal readonly record struct UndoneCount(long Records, long Commits, long AcknowledgedCommits)
{
    /// <summary>The count in words.</summary>
    public override string ToString() =>
        $"{Records} {(Records == 1 ? "record" : "records")}, {Commits} {(Commits == 1 ? "commit" : "commits")}"
        + (AcknowledgedCommits == 0 ? "" : $" ({AcknowledgedCommits} acknowledged)");
}
