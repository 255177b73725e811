using Microsoft.Extensions.Caching.Distributed;

namespace Matchpoint.Caching;

/// <summary>How long an entry lives.</summary>
/// <param name="Absolute">When it ends at the latest; null for never.</param>
/// <param name="Window">How long it may go unread; null for any time.</param>
internal readonly record struct CacheLifetime(DateTimeOffset? Absolute, TimeSpan? Window)
{
    /// <summary>The lifetime that options ask for.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The absolute expiration is past.</exception>
    public static CacheLifetime Of(DistributedCacheEntryOptions options, TimeSpan? defaultWindow, DateTimeOffset now)
    {
        var absolute = options.AbsoluteExpirationRelativeToNow is { } after ? now + after : options.AbsoluteExpiration;
        if (absolute <= now) throw new ArgumentOutOfRangeException(nameof(options), absolute, "The absolute expiration value must be in the future.");
        return new CacheLifetime(absolute, options.SlidingExpiration ?? (absolute is null ? defaultWindow : null));
    }

    /// <summary>When an entry ends that is read or set now. With a window, an eighth of it more, so that it can be prolonged before it must be.</summary>
    public DateTimeOffset? EndsFrom(DateTimeOffset now)
    {
        if (Window is not { } window) return Absolute;
        var end = now + window + (window / 8);
        return Absolute < end ? Absolute : end;
    }
}
