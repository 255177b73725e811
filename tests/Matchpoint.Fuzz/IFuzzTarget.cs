namespace Matchpoint.Fuzz;

/// <summary>Something that takes bytes from outside. Whatever they are, it accepts them or refuses them in the way that it documents: any exception that leaves it is a bug.</summary>
internal interface IFuzzTarget
{
    /// <summary>Its name, and its folder's in the corpus.</summary>
    string Name { get; }

    /// <summary>Good input to begin from.</summary>
    IEnumerable<byte[]> Seeds { get; }

    /// <summary>Gives it bytes.</summary>
    void Run(ReadOnlySpan<byte> input);
}
