namespace Matchpoint.Protocol.Identities;

/// <summary>Who a node is: drawn once when its directory is made, and the same for as long as the directory lives.</summary>
internal readonly record struct NodeId(Guid Value)
{
    /// <summary>Bytes of the encoded form.</summary>
    internal const int Size = 16;

    /// <summary>The identity in hexadecimal groups.</summary>
    public override string ToString() => Value.ToString("D");
}
