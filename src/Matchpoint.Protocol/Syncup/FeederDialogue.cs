using System.Collections.Immutable;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;

namespace Matchpoint.Protocol.Syncup;

/// <summary>
/// The questions that a feeder answers in one version of syncup, and the starts it accepts. Either version first says what
/// to read, and then makes the answer of it.
/// </summary>
internal abstract class FeederDialogue(LogRange log)
{
    /// <summary>The own log.</summary>
    protected LogRange Log => log;

    /// <summary>Checks a question.</summary>
    /// <returns>The records to read for the answer; none when it needs none.</returns>
    /// <exception cref="ProtocolException">It may not be asked.</exception>
    public abstract ImmutableArray<Vlsn> Take(IMessage question);

    /// <summary>Makes the answer of the records that were read.</summary>
    public abstract IMessage Answer(ImmutableArray<LogEntry> entries);

    /// <summary>Checks the start of a stream as far as can be known without reading.</summary>
    /// <returns>The record that must prove to be a sync point; null when there is none to read.</returns>
    /// <exception cref="ProtocolException">No stream may start there.</exception>
    public abstract Vlsn TakeStart(Vlsn start);

    /// <summary>Checks whether a restore may be asked for.</summary>
    /// <exception cref="ProtocolException">The dialogue did not begin.</exception>
    public abstract void TakeRestore();
}
