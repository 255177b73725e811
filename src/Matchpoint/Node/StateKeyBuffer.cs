using Matchpoint.Storage.State;

namespace Matchpoint.Node;

/// <summary>Room for the state's form of a user's key, used again and again.</summary>
internal sealed class StateKeyBuffer
{
    private byte[] _bytes = new byte[256];

    /// <summary>The state's form of a key, until the next one is asked for.</summary>
    public ReadOnlySpan<byte> Of(ushort database, ReadOnlySpan<byte> key)
    {
        var size = StateKey.Size(key.Length);
        if (_bytes.Length < size) _bytes = new byte[size * 2];
        var span = _bytes.AsSpan(0, size);
        StateKey.Write(span, database, key);
        return span;
    }
}
