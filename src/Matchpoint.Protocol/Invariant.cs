using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Matchpoint.Protocol;

/// <summary>What must hold whatever a peer or a disk does. A broken one is a bug of ours: the node stops and keeps its files.</summary>
internal static class Invariant
{
    /// <summary>Throws <see cref="InvariantException"/> with the message when the condition does not hold.</summary>
    public static void Holds(
        [DoesNotReturnIf(false)] bool condition,
        [InterpolatedStringHandlerArgument(nameof(condition))] ref InvariantMessage message)
    {
        if (!condition) throw new InvariantException(message.ToStringAndClear());
    }

    /// <inheritdoc cref="Holds(bool, ref InvariantMessage)"/>
    public static void Holds([DoesNotReturnIf(false)] bool condition, string message)
    {
        if (!condition) throw new InvariantException(message);
    }

    /// <summary>The exception for a case that a closed type cannot have: <c>_ =&gt; throw Invariant.Unreachable(value)</c>.</summary>
    public static InvariantException Unreachable(object? value, [CallerMemberName] string where = "") =>
        new($"{where} does not know the case {value?.GetType().Name ?? "null"} ({value}).");
}

/// <summary>Builds the message only when the condition failed, so that an invariant costs a branch and nothing else.</summary>
[InterpolatedStringHandler]
internal ref struct InvariantMessage
{
    private DefaultInterpolatedStringHandler _text;

    /// <summary>Called by the compiler.</summary>
    public InvariantMessage(int literalLength, int formattedCount, bool condition, out bool isEnabled)
    {
        isEnabled = !condition;
        _text = condition ? default : new DefaultInterpolatedStringHandler(literalLength, formattedCount);
    }

    /// <summary>Called by the compiler.</summary>
    public void AppendLiteral(string value) => _text.AppendLiteral(value);

    /// <summary>Called by the compiler.</summary>
    public void AppendFormatted<T>(T value) => _text.AppendFormatted(value);

    internal string ToStringAndClear() => _text.ToStringAndClear();
}

/// <summary>An invariant of Matchpoint was broken: a bug, not a condition of the machine or of a peer.</summary>
internal sealed class InvariantException(string message) : Exception($"Broken invariant: {message} This is a bug in Matchpoint.");
