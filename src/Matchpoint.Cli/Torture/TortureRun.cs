using System.Globalization;
using System.Text;
using Matchpoint.Cli.Terminal;
using Matchpoint.Client;
using Matchpoint.Storage;
using Matchpoint.Transport;

namespace Matchpoint.Cli.Torture;

/// <summary>What a torture came to.</summary>
/// <param name="Seed">What its faults were drawn from.</param>
/// <param name="Rounds">How many rounds there were.</param>
/// <param name="Seconds">How long it took.</param>
/// <param name="Faults">How often each fault was made and struck, and each change was.</param>
/// <param name="CopiesSeen">How often somebody was seen to fetch a full copy, where it was looked for.</param>
/// <param name="Impossible">What could not be done on this machine, and why.</param>
/// <param name="Acknowledged">Transactions that were acknowledged.</param>
/// <param name="Unknown">Transactions whose outcome nobody knew at first.</param>
/// <param name="Reads">Linearizable reads.</param>
/// <param name="Violations">What was broken.</param>
internal sealed record TortureResult(
    int Seed, int Rounds, double Seconds, IReadOnlyDictionary<TortureFault, int> Faults, int CopiesSeen, IReadOnlyDictionary<TortureFault, string> Impossible,
    long Acknowledged, long Unknown, long Reads, IReadOnlyList<string> Violations);

/// <summary>
/// Three to five real processes, links that fail, clients that count. Round by round something is broken, the members are changed, and somebody's data is taken away; then all is
/// healed, and the group must take writes again, come together, hold every acknowledged write, and be equal on all that hold data.
/// </summary>
internal sealed class TortureRun(string directory, int seed, Action<string> tell)
{
    private const int Clients = 4;
    private const int WritesAfter = 20;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>Long enough for a full copy that is slowed down on purpose.</summary>
    private static readonly TimeSpan SettlePatience = TimeSpan.FromSeconds(90);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    private readonly SortedDictionary<TortureFault, int> _made = [];

    /// <summary>Called with what the members said last when something is broken, before anything is removed.</summary>
    public Action<IEnumerable<string>> OnViolation { get; init; } = static _ => { };

    /// <summary>Runs it for some rounds, or until its time is up; it ends with the first violation.</summary>
    public async Task<TortureResult> RunAsync(int rounds, TimeSpan most, CancellationToken cancellation)
    {
        using var disk = SmallDisk.Mount(directory, "c");
        var (result, said) = await RunAsync(disk, rounds, most, cancellation);
        if (result.Violations.Count > 0) OnViolation(said);
        return result;
    }

    private async Task<(TortureResult Result, IReadOnlyCollection<string> Said)> RunAsync(SmallDisk disk, int rounds, TimeSpan most, CancellationToken cancellation)
    {
        var start = TimeProvider.System.GetTimestamp();
        await using var group = TortureGroup.Start(directory);
        var parts = new Parts(group, new TortureOperator(group), new TortureFaults(group, disk), new TortureDisks(group, Path.Combine(directory, "backups")));
        if (disk.WhyNot is { } whyNoDisk) parts.Faults.Impossible.Add(TortureFault.FullDisk, whyNoDisk);
        if (TortureFaults.WhyNoStrace() is { } why) parts.Faults.Impossible.Add(TortureFault.FailedFlush, why);

        var clients = Enumerable.Range(0, Clients).Select(i => new TortureClient(i, isLinked => isLinked ? group.LinkedEndpoints : group.Endpoints, new Random(unchecked(seed + i)))).ToList();
        var round = 0;
        List<string> violations = [];
        try
        {
            await parts.Operator.SettleAsync(SettlePatience, cancellation);
            foreach (var client in clients) client.Start();
            tell($"   0  seed {seed}; the log does not begin at record 1 any more: whoever has nothing needs a full copy{await parts.Disks.OutrunAsync(new Random(seed), cancellation)}");
            while (round < rounds && TimeProvider.System.GetElapsedTime(start) < most && violations.Count == 0)
            {
                round++;
                await RunRoundAsync(parts, clients, round, violations, cancellation);
            }
        }
        catch (Exception error) when (TortureCase.IsCase(error, cancellation))
        {
            // What nobody has thought of is a case as well.
            violations.Add(TortureCase.Describe(round, error, IsExpected(error)));
            if (!IsExpected(error)) tell(error.ToString());
        }
        finally
        {
            foreach (var client in clients) await client.DisposeAsync();
        }

        violations.AddRange(clients.Select(static client => client.Violation).OfType<string>().Except(violations));
        if (parts.Disks.CopiesCut > 0) _made[TortureFault.CutCopy] = parts.Disks.CopiesCut;
        var result = new TortureResult(
            seed, round, TimeProvider.System.GetElapsedTime(start).TotalSeconds, _made, parts.Disks.CopiesSeen, parts.Faults.Impossible, clients.Sum(static client => client.Transactions),
            clients.Sum(static client => client.Unknown), clients.Sum(static client => client.Reads), violations);
        return (result, group.Said);
    }

    private async Task RunRoundAsync(Parts parts, List<TortureClient> clients, int round, List<string> violations, CancellationToken cancellation)
    {
        var (group, @operator, faults, disks) = parts;
        List<string> made = [];
        var plan = RoundPlan.Of(seed, round);
        if (plan.BacksUp) await disks.BackUpAsync(cancellation);
        var (taking, altering) = (new Random(plan.Takes ?? 0), new Random(plan.Changes ?? 0));
        var loss = plan.Takes is null ? null : disks.Draw(taking, @operator.Truth);
        var change = plan.Changes is null ? null : @operator.Draw(altering, mayTakeVotes: loss is null && disks.Victim is null);
        try
        {
            ClientRequest? asked = null;
            var changing = Task.FromResult<string?>(null);
            var copied = "";
            if (change is var (kind, whose))
            {
                asked = @operator.Prepare(altering, kind, whose);
                changing = @operator.ChangeAsync(asked, cancellation);
                if (kind is TortureFault.AddVoter or TortureFault.AddSecondary) copied = await disks.CutCopyAsync(altering, whose, cancellation);
                else await Task.Delay(TimeSpan.FromMilliseconds(altering.Next(300)), TimeProvider.System, cancellation);
            }

            if (loss is var (lost, victim))
            {
                var (struck, done) = await disks.MakeAsync(taking, lost, victim, cancellation);
                if (struck) Count(lost);
                made.Add($"{lost} {victim}{done}");
            }

            foreach (var drawn in plan.Passing)
            {
                var passing = new Random(drawn);
                var primary = (await group.StatusesAsync(cancellation)).FirstOrDefault(static status => status?.State == NodeState.Primary)?.Name ?? @operator.Truth.Primary;
                var (fault, member) = faults.Draw(passing, primary);
                if (!group[member].IsRunning && fault is TortureFault.Stop or TortureFault.Kill or TortureFault.Leave) continue;
                made.Add(fault == TortureFault.KillAll ? $"{fault}" : $"{fault} {member}{(member == primary ? " (primary)" : "")}");
                if (await faults.MakeAsync(passing, fault, member, cancellation)) Count(fault);
            }

            faults.Heal();
            var healed = TimeProvider.System.GetTimestamp();
            await @operator.MendUntilAsync(changing, cancellation);
            if (change is var (what, changed)) made.Insert(0, $"{what} {changed}{copied}{(await changing is { } whyNot ? $" ({whyNot})" : "")}");
            if (asked is not null && await changing is null)
            {
                Count(change!.Value.Change);
                await @operator.FollowAsync(asked, cancellation);
            }

            await @operator.MendUntilAsync(MoreAsync(clients, cancellation), cancellation);
            var writes = TimeProvider.System.GetElapsedTime(healed);
            await @operator.MendUntilAsync(Task.WhenAll(clients.Select(client => client.HoldAsync(Patience, cancellation))), cancellation);
            try
            {
                await TogetherAsync(parts, clients, violations, cancellation);
            }
            finally
            {
                foreach (var client in clients) client.GoOn();
            }

            var together = TimeProvider.System.GetElapsedTime(healed);
            if (disks.Victim is { } unread) made.Add($"{unread} has not read yet what is damaged");
            Tell($"writes again after {writes.TotalSeconds:0.00} s, together after {together.TotalSeconds:0.00} s");
        }
        catch (Exception error) when (TortureCase.IsCase(error, cancellation))
        {
            Tell($"BROKEN: {error.Message}");
            throw;
        }

        void Count(TortureFault fault) => _made[fault] = _made.GetValueOrDefault(fault) + 1;

        void Tell(string outcome) => tell(string.Create(
            CultureInfo.InvariantCulture,
            $"{round,4}  {outcome}, {Show.Count(clients.Sum(static client => client.Transactions))} acknowledged, members {Members(@operator.Truth)}  {string.Join(", then ", made)}"));
    }

    /// <summary>The members in short: a voter by its name, others with their kind.</summary>
    private static string Members(GroupTruth truth) =>
        string.Join(' ', truth.Members.Select(static member => member.Kind == MemberKind.Voter ? member.Name : $"{member.Name}/{member.Kind.ToString().ToLowerInvariant()}"));

    /// <summary>Every client gets some more acknowledged.</summary>
    private static async Task MoreAsync(List<TortureClient> clients, CancellationToken cancellation)
    {
        var targets = clients.ConvertAll(static client => client.Transactions + WritesAfter);
        var start = TimeProvider.System.GetTimestamp();
        while (clients.Zip(targets).Any(static pair => pair.First.Transactions < pair.Second))
        {
            if (clients.Exists(static client => client.Violation is not null)) return; // Such a client may have ended; it is told below.
            if (TimeProvider.System.GetElapsedTime(start) > Patience) throw new TimeoutException($"the group did not take writes within {Patience.TotalSeconds:0} s after everything was healed");
            await Task.Delay(Pause, TimeProvider.System, cancellation);
        }
    }

    /// <summary>All members follow, and hold what they must. One whose flush still fails ends in the middle of that, and then it is done again.</summary>
    private static async Task TogetherAsync(Parts parts, List<TortureClient> clients, List<string> violations, CancellationToken cancellation)
    {
        var start = TimeProvider.System.GetTimestamp();
        while (true)
        {
            await parts.Operator.SettleAsync(SettlePatience, cancellation);
            try
            {
                await CheckAsync(parts, clients, violations, cancellation);
                parts.Disks.Look(parts.Operator.Truth, cancellation);
                return;
            }
            catch (Exception error) when (IsRefusal(error) && TimeProvider.System.GetElapsedTime(start) < Patience)
            {
                // It is started again, or mends what it has found just now.
            }
        }
    }

    private static async Task CheckAsync(Parts parts, List<TortureClient> clients, List<string> violations, CancellationToken cancellation)
    {
        var holders = parts.Operator.Truth.Members.Where(static member => member.Kind != MemberKind.Arbiter).Select(static member => member.Name).ToList();
        var digests = new List<string?>();
        foreach (var name in holders) digests.Add(await parts.Group.DigestAsync(name, cancellation));
        if (digests.Distinct(StringComparer.Ordinal).Count() > 1)
            violations.Add($"the members hold different data: {string.Join(", ", holders.Zip(digests, static (name, digest) => $"{name} {digest}"))}");
        foreach (var client in clients)
        {
            if (client.Violation is { } violation) violations.Add(violation);
            await CheckEntriesAsync(parts.Group[holders[0]].Listen, client.Truth, violations, cancellation);
        }
    }

    private static async Task CheckEntriesAsync(Endpoint endpoint, CounterTruth truth, List<string> violations, CancellationToken cancellation)
    {
        await using var reader = await NodeClient.ConnectAsync(endpoint, Patience, cancellation);
        var answer = await reader.AskAsync(new ClientRequest { Op = "get", Key = Encoding.UTF8.GetBytes(truth.Counter) }, Patience, cancellation);
        List<(string, string)> entries = [];
        var scan = new ClientRequest { Op = "scan", Key = Encoding.UTF8.GetBytes(truth.Entries), To = Encoding.UTF8.GetBytes(truth.Entries + "~") };
        await foreach (var part in reader.AskManyAsync(scan, Patience, cancellation))
        {
            foreach (var item in part.Items ?? []) entries.Add((Encoding.UTF8.GetString(item.Key), Encoding.UTF8.GetString(item.Value ?? [])));
        }

        if (truth.WhyWrong(answer.Found ? Encoding.UTF8.GetString(answer.Value ?? []) : null, entries) is { } wrong) violations.Add(wrong);
    }

    /// <summary>A member is not there, or does not answer, or says no: where that lasts, it is a case as any other.</summary>
    private static bool IsRefusal(Exception error) => error is ConnectException or ChannelException or ClientException;

    private static bool IsExpected(Exception error) => IsRefusal(error) || error is TimeoutException or TortureException or StorageException;

    private sealed record Parts(TortureGroup Group, TortureOperator Operator, TortureFaults Faults, TortureDisks Disks);
}
