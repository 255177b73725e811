using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;
using Matchpoint.Protocol.Records;

namespace Matchpoint.Protocol.Tests.Syncup;

/// <summary>Two logs out of a seed, and the plain search that both versions are measured by.</summary>
internal sealed record LogPair(TestLog Replica, TestLog Feeder)
{
    /// <summary>Logs that share a beginning and part in one of the ways in which logs part.</summary>
    public static LogPair Make(int seed)
    {
        var random = new Random(seed);
        var replica = new TestLog();
        var isForeign = random.Next(12) == 0;
        var feeder = isForeign ? new TestLog("another") : new TestLog();
        var pieces = random.Next(4);
        var term = new Term(1);
        for (var shared = random.Next(30); shared > 0; shared--)
        {
            if (random.Next(6) == 0) term = new Term(term.Value + (ulong)random.Next(1, 3));
            var record = Draw(random, term, "", pieces);
            replica.Append(record);
            feeder.Append(record);
        }

        Diverge(replica, random, term, pieces);
        Diverge(feeder, random, term, pieces);
        if (feeder.Count == 0) feeder.Append(Draw(random, term, "", pieces));
        if (random.Next(3) == 0) replica.Trim(random.Next(replica.Count));
        if (random.Next(3) == 0) feeder.Trim(random.Next(feeder.Count));
        if (random.Next(3) == 0) replica.Durable = random.Next(replica.Count + 1);
        if (random.Next(4) == 0) replica.ClaimedTerms = Lies(replica, random);
        if (random.Next(4) == 0) feeder.ClaimedTerms = Lies(feeder, random);
        return new LogPair(replica, feeder);
    }

    /// <summary>One record after another from the top, in the whole of both logs.</summary>
    /// <returns>The highest sync point that both hold with equal LSN and fingerprint; null when there is none.</returns>
    public Vlsn? SearchPlainly()
    {
        for (var vlsn = Replica.Last; !vlsn.IsNull; vlsn = vlsn.Previous)
        {
            var (own, theirs) = (Replica.Find(vlsn), Feeder.Find(vlsn));
            if (own is { IsSync: true } && theirs is { IsSync: true } && own == theirs) return vlsn;
        }

        return null;
    }

    public override string ToString() =>
        $"log replica: {Replica}\nlog feeder: {Feeder}\ndurable on replica: {Replica.Durable}"
        + $"\nclaims: {string.Join(' ', Replica.Terms)} | {string.Join(' ', Feeder.Terms)}";

    private static void Diverge(TestLog log, Random random, Term term, int pieces)
    {
        // The same term with other content is what a forced quorum or a restored disk leaves behind.
        var content = random.Next(2) == 0 ? "" : new string('\'', random.Next(1, 3));
        for (var own = random.Next(4) == 0 ? 0 : random.Next(15); own > 0; own--)
        {
            if (random.Next(4) == 0) term = new Term(term.Value + (ulong)random.Next(1, 4));
            log.Append(Draw(random, term, content, pieces));
        }
    }

    private static TestRecord Draw(Random random, Term term, string content, int pieces)
    {
        var kind = random.Next(8) switch
        {
            0 => RecordKind.TermStart,
            1 => RecordKind.Membership,
            var other when other - 2 < pieces => RecordKind.Piece,
            _ => RecordKind.Commit,
        };
        return new TestRecord(kind, term, content, IsAcknowledged: random.Next(3) > 0);
    }

    private static List<TermEnd> Lies(TestLog log, Random random)
    {
        var ends = new List<TermEnd>();
        var term = (ulong)random.Next(6, 12);
        for (var vlsn = log.Last; log.Range.Holds(vlsn) && term > 0; vlsn = vlsn.Previous, term--)
            if (random.Next(3) == 0) ends.Add(new TermEnd(new Term(term), vlsn, log.Find(vlsn)!.Value.Fingerprint));
        return ends;
    }
}
