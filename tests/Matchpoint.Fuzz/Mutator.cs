namespace Matchpoint.Fuzz;

/// <summary>Changes good input a little, blindly: what every test run does for a moment. A coverage-guided fuzzer does it with eyes.</summary>
internal sealed class Mutator(int seed)
{
    private const int MostBytes = 4096;

    private static readonly byte[] Interesting = [0, 1, 0x7f, 0x80, 0xff, 0xfe, 16, 64];

    private readonly Random _random = new(seed);

    /// <summary>A changed one of some inputs.</summary>
    public byte[] Change(IReadOnlyList<byte[]> inputs)
    {
        List<byte> bytes = [.. inputs[_random.Next(inputs.Count)]];
        for (var i = _random.Next(1, 8); i > 0; i--) Change(bytes, inputs);
        return bytes.Count <= MostBytes ? [.. bytes] : [.. bytes.Take(MostBytes)];
    }

    private void Change(List<byte> bytes, IReadOnlyList<byte[]> inputs)
    {
        if (bytes.Count == 0) bytes.Add(0);
        var at = _random.Next(bytes.Count);
        switch (_random.Next(8))
        {
            case 0:
                bytes[at] ^= (byte)(1 << _random.Next(8));
                break;
            case 1:
                bytes[at] = Interesting[_random.Next(Interesting.Length)];
                break;
            case 2:
                bytes[at] += (byte)(_random.Next(33) - 16);
                break;
            case 3:
                bytes.Insert(at, (byte)_random.Next(256));
                break;
            case 4:
                bytes.RemoveRange(at, _random.Next(Math.Min(16, bytes.Count - at) + 1));
                break;
            case 5:
                var other = inputs[_random.Next(inputs.Count)];
                var from = _random.Next(other.Length + 1);
                bytes.InsertRange(at, other.Skip(from).Take(_random.Next(64)));
                break;
            case 6:
                bytes.RemoveRange(at, bytes.Count - at);
                break;
            default:
                bytes.AddRange(bytes.Skip(at).Take(32).ToArray());
                break;
        }
    }
}
