using System.Text;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Records;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Files;
using Matchpoint.Storage.Log;

namespace Matchpoint.Cli.Demo;

/// <summary>One node's log of the demo: opened, written with readable transactions, read back.</summary>
internal sealed class DemoLog : IDisposable
{
    private const int SmallPieces = 60;

    private readonly DataDirectory _directory;

    private DemoLog(DataDirectory directory)
    {
        _directory = directory;
        Log = RecordLog.Open(directory);
    }

    /// <summary>The log.</summary>
    public RecordLog Log { get; }

    /// <summary>Opens or makes a log.</summary>
    public static DemoLog Open(string path) => new(DataDirectory.Open(
        PhysicalFiles.Instance, path, "the demo", new NodeIdentity(GroupId.FromName("demo"), new NodeId(Guid.NewGuid()))));

    /// <summary>A new reign begins.</summary>
    public DemoLog Reign(ulong term)
    {
        Append(term, RecordKind.TermStart, AckPolicy.None, _directory.Identity.Node.Value.ToByteArray(bigEndian: true));
        return this;
    }

    /// <summary>A transaction: keys and values in turn.</summary>
    public DemoLog Commit(ulong term, AckPolicy policy, params string[] keysAndValues)
    {
        var writer = new TransactionWriter();
        Fill(writer, keysAndValues);
        Append(term, RecordKind.Commit, policy, writer.Payload(0, Vlsn.Null, Vlsn.Null));
        return this;
    }

    /// <summary>A transaction so large that it is written in pieces (the demo calls 60 bytes large).</summary>
    public DemoLog LargeTransaction(ulong term, AckPolicy policy, params string[] keysAndValues)
    {
        var writer = new TransactionWriter(SmallPieces);
        Fill(writer, keysAndValues);
        var first = Vlsn.Null;
        var previous = Vlsn.Null;
        for (var i = 0; i < writer.Records; i++)
        {
            var isLast = i == writer.Records - 1;
            previous = Append(term, isLast ? RecordKind.Commit : RecordKind.Piece, isLast ? policy : AckPolicy.None, writer.Payload(i, first, previous));
            if (i == 0) first = previous;
        }

        return this;
    }

    /// <summary>Closes the log and its directory.</summary>
    public void Dispose()
    {
        Log.Dispose();
        _directory.Dispose();
    }

    private static void Fill(TransactionWriter writer, string[] keysAndValues)
    {
        for (var i = 0; i < keysAndValues.Length; i += 2)
            writer.Put(Encoding.UTF8.GetBytes(keysAndValues[i]), Encoding.UTF8.GetBytes(keysAndValues[i + 1]));
    }

    private Vlsn Append(ulong term, RecordKind kind, AckPolicy policy, ReadOnlyMemory<byte> payload)
    {
        var isAppended = Log.TryAppend(new Term(term), kind, policy, payload.Span, FlushPolicy.Sync, out var header);
        Protocol.Invariant.Holds(isAppended, "the demo's few records do not fit.");
        return header.Vlsn;
    }
}
