// A work queue on the stream of changes. Producers put jobs. Workers follow the stream, claim each job they see, do it, and remember how far they are.
using Matchpoint;

const int Jobs = 20;
const int BeforeRestart = 12;
var directory = Directory.CreateTempSubdirectory("matchpoint-queue-").FullName;

await using (var node = await MatchpointNode.OpenAsync(directory))
{
    var producing = Task.WhenAll(ProduceAsync(node, 0), ProduceAsync(node, 1));
    await Task.WhenAll(WorkAsync(node, "anna", BeforeRestart), WorkAsync(node, "bert", BeforeRestart));
    await producing;
    Console.WriteLine("the program stops half-way, and starts again");
}

int done;
int doneOnce;
await using (var node = await MatchpointNode.OpenAsync(directory))
{
    await Task.WhenAll(WorkAsync(node, "anna", Jobs - BeforeRestart), WorkAsync(node, "bert", Jobs - BeforeRestart));
    var counts = new List<string>();
    await foreach (var job in node.Database("done").ScanAsync()) counts.Add(job.ValueText);
    (done, doneOnce) = (counts.Count, counts.Count(count => count == "1"));
}

Directory.Delete(directory, recursive: true);
Console.WriteLine($"{Jobs} jobs put, {done} done, {doneOnce} of them once");
return doneOnce == Jobs ? 0 : 1;

static async Task ProduceAsync(MatchpointNode node, int producer)
{
    var jobs = node.Database("jobs");
    for (var i = producer; i < Jobs; i += 2) await jobs.PutAsync($"job-{i:00}", $"work number {i}");
}

// Follows the jobs from where this worker was last, until it has seen so many.
static async Task WorkAsync(MatchpointNode node, string worker, int toSee)
{
    var claims = node.Database("claims");
    var remembered = await node.Database("workers").GetTextAsync(worker);
    var after = remembered is null ? CommitToken.Beginning : CommitToken.Parse(remembered);
    Console.WriteLine($"{worker} begins behind {after}");
    await foreach (var set in node.ChangesAsync(after))
    {
        // The stream brings every change of every database, this worker's own ones too.
        var jobs = set.Changes.Where(change => change is { Database: "jobs", Kind: ChangeKind.Put }).ToList();
        if (jobs.Count == 0) continue;
        foreach (var job in jobs)
        {
            // Whoever sets the key first has the job. A claim of its own is one that this worker did not finish before it was stopped.
            var isMine = await claims.CompareAndSetAsync(job.KeyText, expected: null, worker) is not null
                || await claims.GetTextAsync(job.KeyText) == worker;
            if (isMine) await FinishAsync(node, worker, job);
        }

        await node.Database("workers").PutAsync(worker, set.Token.ToString());
        toSee -= jobs.Count;
        if (toSee <= 0) return;
    }
}

// What the job leaves behind and that it is done are one transaction: no job takes effect twice.
static async Task FinishAsync(MatchpointNode node, string worker, Change job)
{
    await node.TransactAsync(transaction =>
    {
        if (transaction.GetText(job.KeyText, "results") is not null) return;
        transaction.Put(job.KeyText, $"{worker} did {job.ValueText}", "results");
        transaction.Put(job.KeyText, $"{int.Parse(transaction.GetText(job.KeyText, "done") ?? "0") + 1}", "done");
    });
    Console.WriteLine($"{worker} did {job.KeyText}");
}
