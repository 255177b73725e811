namespace Matchpoint.Simulation.Clients;

/// <summary>All that clients asked and were told, in order.</summary>
internal sealed class History
{
    private readonly List<ClientOperation> _operations = [];
    private long _moments;
    private int _values;

    /// <summary>All operations, in the order of their calls.</summary>
    public IReadOnlyList<ClientOperation> Operations => _operations;

    /// <summary>The operations on single registers; those on several of them as one on each.</summary>
    public IEnumerable<ClientOperation> OfRegisters => _operations.Where(static operation => operation.Action != ClientAction.Transact).SelectMany(static operation => operation.OnEach());

    /// <summary>A value that nobody has written yet.</summary>
    public int NextValue() => ++_values;

    /// <summary>An operation is called.</summary>
    public void Call(ClientOperation operation)
    {
        operation.CalledAt = ++_moments;
        _operations.Add(operation);
    }

    /// <summary>An operation is answered.</summary>
    public void Answer(ClientOperation operation) => operation.AnsweredAt = ++_moments;
}
