using System.Collections.Immutable;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;

namespace Matchpoint.Protocol.Syncup;

/// <summary>Version 2: a bounded number of probes inside the announced range, and a stream only behind a sync point not
/// above what was answered. The hello's answer counts as the dialogue's beginning.</summary>
internal sealed class ProbeDialogue(LogRange log) : FeederDialogue(log)
{
    private int _probes;
    private Vlsn _highestAnswered;

    /// <summary>The answer in the hello.</summary>
    public SyncupAnswer Prove(ImmutableArray<LogEntry> entries)
    {
        _highestAnswered = entries[^1].Vlsn;
        return new SyncupAnswer(entries[0], entries.Length > 1 ? entries[1] : null);
    }

    /// <inheritdoc/>
    public override ImmutableArray<Vlsn> Take(IMessage question)
    {
        if (question is not Probe(var vlsns))
            throw new ProtocolException($"{question.Opcode}", "turn", nameof(Probe), $"{question.Opcode}");
        if (_probes == Limits.Probes) throw new ProtocolException(nameof(Probe), "count", $"{Limits.Probes} at most", $"{_probes + 1}");
        _probes++;

        // The codec saw to it that they ascend: both ends inside means all inside.
        if (!Log.Holds(vlsns[0])) throw new ProtocolException(nameof(Probe), "vlsn[0]", $"{Log}", $"{vlsns[0]}");
        if (!Log.Holds(vlsns[^1])) throw new ProtocolException(nameof(Probe), $"vlsn[{vlsns.Length - 1}]", $"{Log}", $"{vlsns[^1]}");
        return vlsns;
    }

    /// <inheritdoc/>
    public override IMessage Answer(ImmutableArray<LogEntry> entries)
    {
        _highestAnswered = Vlsn.Max(_highestAnswered, entries[^1].Vlsn);
        return new ProbeAnswer(ImmutableArray.CreateRange(entries, entry => new ProbedEntry(entry.Vlsn, entry)));
    }

    /// <inheritdoc/>
    public override Vlsn TakeStart(Vlsn start)
    {
        var matchpoint = start.Previous;
        if (matchpoint.IsNull)
        {
            return Log.First == Vlsn.First
                ? Vlsn.Null
                : throw new ProtocolException(nameof(StartStream), "startVlsn", $"above {Log.First}, the first record held", "1");
        }

        return Log.Holds(matchpoint) && matchpoint <= _highestAnswered
            ? matchpoint
            : throw new ProtocolException(
                nameof(StartStream), "startVlsn", $"1, or behind a record from {Log.First} to {_highestAnswered}", $"{start}");
    }

    /// <inheritdoc/>
    public override void TakeRestore()
    {
    }
}
