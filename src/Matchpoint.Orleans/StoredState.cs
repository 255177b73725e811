namespace Matchpoint.Orleans;

/// <summary>A grain's state as it is stored: version, the tag that changes with each write, the serialized state.</summary>
internal readonly struct StoredState
{
    private const byte Version = 1;
    private const int TagSize = 16;
    private const int HeaderSize = 1 + TagSize;

    private StoredState(ReadOnlyMemory<byte> bytes) => Bytes = bytes;

    /// <summary>All of it.</summary>
    public ReadOnlyMemory<byte> Bytes { get; }

    /// <summary>The tag.</summary>
    public string Tag => new Guid(Bytes.Span.Slice(1, TagSize), bigEndian: true).ToString("N");

    /// <summary>The serialized state.</summary>
    public ReadOnlyMemory<byte> Payload => Bytes[HeaderSize..];

    /// <summary>A state to be stored, with a tag that no other has.</summary>
    public static StoredState Create(Guid tag, ReadOnlyMemory<byte> payload)
    {
        var bytes = new byte[HeaderSize + payload.Length];
        bytes[0] = Version;
        tag.TryWriteBytes(bytes.AsSpan(1), bigEndian: true, out _);
        payload.CopyTo(bytes.AsMemory(HeaderSize));
        return new StoredState(bytes);
    }

    /// <summary>A state that was stored; null where there is none.</summary>
    /// <exception cref="MatchpointException">It is none: something else writes to the database, or a newer version did.</exception>
    public static StoredState? Read(byte[]? bytes, string what)
    {
        if (bytes is null) return null;
        return bytes.Length >= HeaderSize && bytes[0] == Version
            ? new StoredState(bytes)
            : throw new MatchpointException($"{what}: expected version {Version} and at least {HeaderSize} bytes, found {(bytes.Length > 0 ? $"version {bytes[0]} and " : "")}{bytes.Length} bytes. "
                + "Give grain storage a database of its own.");
    }
}
