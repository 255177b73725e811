namespace Matchpoint;

/// <summary>What goes wrong in Matchpoint, said so that one can act on it.</summary>
public class MatchpointException : Exception
{
    /// <summary>An error with its sentence.</summary>
    public MatchpointException(string message, Exception? cause = null)
        : base(message, cause)
    {
    }
}

/// <summary>
/// A commit was not acknowledged as its <see cref="Durability"/> asks, in time: its outcome is unknown. It may take effect later, or be undone when
/// this node follows another primary. Read again
/// before you write it again.
/// </summary>
public sealed class InsufficientAcksException : MatchpointException
{
    internal InsufficientAcksException(string message, CommitToken token)
        : base(message) => Token = token;

    /// <summary>The commit's place in the log: when a majority holds it, a read at this token returns it.</summary>
    public CommitToken Token { get; }
}

/// <summary>This node takes no writes now: it is not the primary. Nothing was written.</summary>
public sealed class NotPrimaryException : MatchpointException
{
    internal NotPrimaryException(string message, string? primary, string? address)
        : base(message) => (Primary, Address) = (primary, address);

    /// <summary>The name of the primary; null when none is known.</summary>
    public string? Primary { get; }

    /// <summary>Where the primary listens; null when none is known.</summary>
    public string? Address { get; }
}

/// <summary>Something that the transaction had read was changed before it committed. Nothing was written: run it again.</summary>
public sealed class ConflictException : MatchpointException
{
    internal ConflictException(string message, long conflictingVlsn)
        : base(message) => ConflictingVlsn = conflictingVlsn;

    /// <summary>The record that changed what was read; a new attempt succeeds only once it is durable.</summary>
    public long ConflictingVlsn { get; }
}

/// <summary>A read could not be served as fresh as it was asked for, in time. Reading with a weaker <see cref="ReadLevel"/> may succeed.</summary>
public sealed class StaleReadException : MatchpointException
{
    internal StaleReadException(string message)
        : base(message)
    {
    }
}

/// <summary>The commit that a read was asked to follow, or changes from behind it on, was undone: another primary's history took its place.</summary>
public sealed class CommitUndoneException : MatchpointException
{
    internal CommitUndoneException(string message)
        : base(message)
    {
    }
}

/// <summary>The changes asked for are no longer kept: read the data anew, and follow the changes from there.</summary>
public sealed class HistoryTrimmedException : MatchpointException
{
    internal HistoryTrimmedException(string message, CommitToken oldest)
        : base(message) => Oldest = oldest;

    /// <summary>The oldest place from which changes are kept.</summary>
    public CommitToken Oldest { get; }
}

/// <summary>The node has failed or was closed. The message says why, and what to do.</summary>
public sealed class NodeFailedException : MatchpointException
{
    internal NodeFailedException(string message, Exception? cause = null)
        : base(message, cause)
    {
    }
}

/// <summary>The members were not changed. The message says why; nothing was written.</summary>
public sealed class MembershipException : MatchpointException
{
    internal MembershipException(string message)
        : base(message)
    {
    }
}

/// <summary>The primary was not handed over as asked. The message says why, and who leads the group; nothing is lost.</summary>
public sealed class TransferException : MatchpointException
{
    internal TransferException(string message)
        : base(message)
    {
    }
}

/// <summary>
/// More waits to be decided than <see cref="MatchpointOptions.MaxTailBytes"/> allows: acknowledgements do not come; or a large transaction waited while too much else was written.
/// Nothing takes effect.
/// </summary>
public sealed class TailFullException : MatchpointException
{
    internal TailFullException(string message)
        : base(message)
    {
    }
}

/// <summary>An option has a value that it cannot have. The message names the option, the value and the rule.</summary>
public sealed class OptionsException : MatchpointException
{
    internal OptionsException(IReadOnlyList<string> failures)
        : base(string.Join(Environment.NewLine, failures)) => Failures = failures;

    /// <summary>Every failure, one sentence each.</summary>
    public IReadOnlyList<string> Failures { get; }
}
