namespace Matchpoint.Protocol;

/// <summary>A peer sent what it may not send. The connection ends; nothing else is touched.</summary>
/// <param name="message">The message's name, or the exchange it broke.</param>
/// <param name="field">Which part of it is wrong.</param>
/// <param name="expected">What may stand there.</param>
/// <param name="found">What stood there.</param>
internal sealed class ProtocolException(string message, string field, string expected, string found)
    : Exception($"{message}: {field}: expected {expected}, found {found}.")
{
    /// <summary>The message's name, or the exchange it broke.</summary>
    public string MessageName { get; } = message;

    /// <summary>Which part of it is wrong.</summary>
    public string Field { get; } = field;

    /// <summary>What may stand there.</summary>
    public string Expected { get; } = expected;

    /// <summary>What stood there.</summary>
    public string Found { get; } = found;
}
