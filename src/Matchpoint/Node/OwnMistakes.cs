using Matchpoint.Protocol;

namespace Matchpoint.Node;

/// <summary>Tells what can only be a mistake in this code from what disks, networks, peers and operators do.</summary>
internal static class OwnMistakes
{
    /// <summary>Whether an exception says that the code is wrong. That something was closed meanwhile is none.</summary>
    public static bool Is(Exception error) => error is InvariantException or NullReferenceException or ArgumentException or IndexOutOfRangeException or InvalidCastException or KeyNotFoundException
        or NotSupportedException or ArithmeticException || (error is InvalidOperationException and not ObjectDisposedException);
}
