using Matchpoint.Cli.Terminal;
using Matchpoint.Protocol.Messages;
using Matchpoint.Protocol.Syncup;
using Matchpoint.Syncup;

namespace Matchpoint.Cli.Syncup;

/// <summary>Writes what a syncup does as lines, as it happens.</summary>
internal sealed class LineObserver(TextWriter to, string self, string peer) : ISyncupObserver
{
    private long _records;
    private long _bytes;
    private string _recordsWay = "";

    /// <inheritdoc/>
    public void OnStep(SyncupStep step, SyncupReport report)
    {
        if (StepText.Of(step, report) is { } text) to.WriteLine($"{step.Phase,-10}  {text}");
    }

    /// <inheritdoc/>
    public void OnMessage(bool sent, IMessage message)
    {
        if (_bytes > 0)
        {
            var records = _records > 0 ? $"{Show.Count(_records)} records, " : "";
            to.WriteLine($"            {_recordsWay}  LogBytes    {records}{Show.Bytes(_bytes)}");
            _records = _bytes = 0;
        }

        to.WriteLine($"            {Way(sent)}  {MessageText.Of(message)}");
    }

    /// <inheritdoc/>
    public void OnRecords(bool sent, long records, long bytes)
    {
        _recordsWay = Way(sent);
        _records += records;
        _bytes += bytes;
    }

    private string Way(bool sent) => sent ? $"{self} -> {peer}" : $"{peer} -> {self}";
}
