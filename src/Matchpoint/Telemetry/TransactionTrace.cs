using System.Diagnostics;

namespace Matchpoint.Telemetry;

/// <summary>A transaction with all its attempts, as an activity. One that was not said to be done has failed: its last commit says why.</summary>
internal sealed class TransactionTrace(Activity activity) : IDisposable
{
    private int _attempts;
    private bool _isDone;

    /// <summary>The body runs, once more.</summary>
    public void Attempt() => _attempts++;

    /// <summary>It went through.</summary>
    public void Done() => _isDone = true;

    /// <summary>Ends it.</summary>
    public void Dispose()
    {
        activity.SetTag("matchpoint.attempts", _attempts);
        if (!_isDone) activity.SetStatus(ActivityStatusCode.Error);
        activity.Dispose();
    }
}
