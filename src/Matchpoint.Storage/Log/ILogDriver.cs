namespace Matchpoint.Storage.Log;

/// <summary>What calls <see cref="RecordLog.Drain"/> when there is work: the log's own threads, or a simulator that decides when.</summary>
internal interface ILogDriver : IDisposable
{
    /// <summary>Says that there is work. It must not drain the log itself: the caller holds locks.</summary>
    void Wake();
}
