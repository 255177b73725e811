using System.Buffers;
using Matchpoint.Node;
using Matchpoint.Protocol;
using Matchpoint.Protocol.Identities;
using Matchpoint.Protocol.Messages;
using Matchpoint.Storage.Data;
using Matchpoint.Storage.Log;
using Matchpoint.Syncup;
using Matchpoint.Transport;

namespace Matchpoint.Repairs;

/// <summary>
/// Gives ranges of the log, as they stand here, to members that found theirs damaged. It needs no primary: whoever asks proves all of it, and a group may have no primary exactly because
/// one of its members mends its log.
/// </summary>
internal sealed class RangeDonor(RecordLog log, Members members, Func<Vlsn> durable) : IDisposable
{
    /// <summary>The service's name.</summary>
    public const string Service = "REP_REPAIR";

    private const int FrameBytes = 256 * 1024;
    private const int MostAtOnce = 2;

    private readonly SemaphoreSlim _turns = new(MostAtOnce, MostAtOnce);

    /// <summary>Serves one member: its request, then all of the range.</summary>
    public async Task ServeAsync(Channel channel, CancellationToken stopping)
    {
        try
        {
            var request = RangeRequest.Decode((await channel.ReceiveAsync(Limits.MessageTimeout, stopping).ConfigureAwait(false)).Span);
            if ((Admission.WhyNot(channel, request.Name) ?? WhyNot(request, log.Directory.Identity)) is { } refusal)
            {
                await channel.CloseAsync(GoodbyeCode.Refused, refusal).ConfigureAwait(false);
                return;
            }

            if (!_turns.Wait(0, CancellationToken.None))
            {
                await channel.CloseAsync(GoodbyeCode.Busy, $"'{members.Self}' gives its log to other members").ConfigureAwait(false);
                return;
            }

            try
            {
                await GiveAsync(channel, request, stopping).ConfigureAwait(false);
            }
            finally
            {
                _turns.Release();
            }
        }
        catch (ChannelClosedException)
        {
            // It has all that it lacked, or went: then it comes back.
        }
        catch (Exception error)
        {
            await SessionFailure.CloseAsync(channel, error).ConfigureAwait(false);
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _turns.Dispose();

    private string? WhyNot(in RangeRequest request, NodeIdentity identity) =>
        request.Version != RangeRequest.CurrentVersion ? $"version {request.Version} of ranges is asked for, and this node speaks {RangeRequest.CurrentVersion}"
        : request.Group != identity.Group ? $"'{request.Name}' belongs to group {request.Group}, this node to group {identity.Group}"
        : !members.Contains(request.Name) || request.Name == members.Self || request.Node == identity.Node ? $"'{request.Name}' ({request.Node}) is no other member of this group"
        : null;

    private async Task GiveAsync(Channel channel, RangeRequest request, CancellationToken stopping)
    {
        using var view = log.View();
        if (request.From >= view.End.End || view.PositionBefore(request.From) is not { } before)
        {
            var held = view.First.IsNull ? "no record" : $"bytes {view.Segments.First().Before.End} to {view.End.End}";
            await channel.CloseAsync(GoodbyeCode.Refused, $"'{members.Self}' has no record that begins at byte {request.From} of the log: it holds {held}").ConfigureAwait(false);
            return;
        }

        var end = request.To < view.End.End ? request.To : view.End.End;
        channel.Write(new RangeOffer(before, end, durable()));
        await channel.FlushAsync(Limits.MessageTimeout, stopping).ConfigureAwait(false);
        var frame = ArrayPool<byte>.Shared.Rent(FrameBytes);
        try
        {
            for (var lsn = request.From; lsn < end;)
            {
                if (!view.TryCopy(lsn, frame.AsSpan(LogBytes.HeaderSize), out var length))
                {
                    // One record alone is longer than the frame.
                    ArrayPool<byte>.Shared.Return(frame);
                    frame = ArrayPool<byte>.Shared.Rent(LogBytes.HeaderSize + length);
                    continue;
                }

                LogBytes.WriteHeader(frame, lsn);
                await channel.SendAsync(frame.AsMemory(0, LogBytes.HeaderSize + length), Limits.MessageTimeout, stopping).ConfigureAwait(false);
                lsn = lsn.Plus(length);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(frame);
        }

        // Whoever asked says goodbye; a close of ours might overtake what it has not read yet.
        await channel.ReceiveAsync(Limits.MessageTimeout, stopping).ConfigureAwait(false);
        throw new ProtocolException("a range of the log", "opcode", "a goodbye", "another message");
    }
}
