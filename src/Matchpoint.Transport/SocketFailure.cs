using System.Net.Sockets;

namespace Matchpoint.Transport;

/// <summary>What the errors of sockets mean for a person: the cause, and what to look at.</summary>
internal static class SocketFailure
{
    /// <summary>Why no connection could be made.</summary>
    public static string Connecting(SocketException error) => error.SocketErrorCode switch
    {
        SocketError.ConnectionRefused => "nothing listens there (connection refused). Is the node running, and is the port right?",
        SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain => "the name is not known (name not found). Check the spelling and the name service.",
        SocketError.HostUnreachable or SocketError.NetworkUnreachable or SocketError.HostDown or SocketError.NetworkDown =>
            "the machine cannot be reached (unreachable). Check the address and the network.",
        SocketError.TimedOut => "there was no answer. Check the address, the network and the firewalls.",
        SocketError.ConnectionReset => "the other side dropped the connection while it was being made.",
        _ => $"{error.Message} ({error.SocketErrorCode}).",
    };

    /// <summary>Why nothing can be listened on.</summary>
    public static string Listening(SocketException error) => error.SocketErrorCode switch
    {
        SocketError.AddressAlreadyInUse => "another process listens there already (address in use). Stop it, or choose another port.",
        SocketError.AddressNotAvailable => "this machine does not have that address. Use one of its own, or 0.0.0.0 for all of them.",
        SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain => "the name is not known (name not found). Check the spelling and the name service.",
        SocketError.AccessDenied => "the port needs more rights than this process has. Choose one above 1023.",
        _ => $"{error.Message} ({error.SocketErrorCode}).",
    };
}
