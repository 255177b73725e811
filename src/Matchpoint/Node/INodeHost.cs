namespace Matchpoint.Node;

/// <summary>What the parts of a node tell it.</summary>
internal interface INodeHost
{
    /// <summary>Something went so wrong that this node takes no more part.</summary>
    void Fail(Exception error);

    /// <summary>A part does something else now.</summary>
    void Report(NodeState state, string step);

    /// <summary>Something is to be known; repeated sentences of one source replace each other. Null takes it back.</summary>
    void Warn(string source, string? sentence);
}
