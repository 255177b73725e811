namespace Matchpoint.Simulation.Group;

/// <summary>How full copies went.</summary>
/// <param name="Made">How many were fetched whole, and opened.</param>
/// <param name="Cut">How many of these were cut in the middle by a death of whoever fetched them.</param>
/// <param name="Resumed">How many of those went on where they were.</param>
/// <param name="Bereft">How many were being given when their donor died.</param>
/// <param name="ByAnother">How many of those another donor gave.</param>
internal readonly record struct CopyFigures(int Made, int Cut, int Resumed, int Bereft, int ByAnother)
{
    /// <summary>Both together.</summary>
    public static CopyFigures operator +(CopyFigures one, CopyFigures other) =>
        new(one.Made + other.Made, one.Cut + other.Cut, one.Resumed + other.Resumed, one.Bereft + other.Bereft, one.ByAnother + other.ByAnother);

    /// <inheritdoc/>
    public override string ToString() => $"{Made} full copies ({Cut} cut by a death of who fetched, {Resumed} of them resumed; {Bereft} by a death of who gave, {ByAnother} of them given by another)";
}

/// <summary>Counts full copies, by what the nodes tell of them and by who died meanwhile.</summary>
internal sealed class CopyCount(IReadOnlyList<SimulatedMachine> machines)
{
    private readonly Dictionary<SimulatedMachine, Fetch> _fetches = [];

    /// <summary>What was counted.</summary>
    public CopyFigures Figures { get; private set; }

    /// <summary>More of a copy has come.</summary>
    public void OnProgress(SimulatedMachine machine, CopyProgress progress)
    {
        var process = machine.Process!;
        var donor = machines.First(each => each.Name == progress.Donor).Process!;
        if (_fetches.GetValueOrDefault(machine) is not { } fetch)
        {
            _fetches[machine] = new Fetch { By = process, Donor = donor, Bytes = progress.Bytes };
            return;
        }

        if (fetch.By != process)
        {
            fetch.IsCut = true;
            // Anew, there would be the first chunk alone.
            fetch.IsResumed |= progress.Bytes > fetch.Bytes;
        }

        if (!fetch.Donor.IsAlive) fetch.IsBereft = true;
        if (donor.Name != fetch.Donor.Name) fetch.IsByAnother = fetch.IsBereft;
        (fetch.By, fetch.Donor, fetch.Bytes) = (process, donor, progress.Bytes);
    }

    /// <summary>A copy was opened.</summary>
    public void OnCopied(SimulatedMachine machine)
    {
        _fetches.Remove(machine, out var fetch);
        Figures += new CopyFigures(1, Count(fetch?.IsCut), Count(fetch is { IsCut: true, IsResumed: true }), Count(fetch?.IsBereft), Count(fetch?.IsByAnother));

        static int Count(bool? what) => what == true ? 1 : 0;
    }

    private sealed class Fetch
    {
        public required SimulatedProcess By { get; set; }

        public required SimulatedProcess Donor { get; set; }

        public required long Bytes { get; set; }

        public bool IsCut { get; set; }

        public bool IsResumed { get; set; }

        public bool IsBereft { get; set; }

        public bool IsByAnother { get; set; }
    }
}
