using System.Text;

namespace Matchpoint;

/// <summary>
/// Keys and values as text in UTF-8. A text that has no UTF-8 form (half of a surrogate pair) is refused, so that two texts never become one
/// key. Bytes that are no UTF-8 are read with the replacement character in their place.
/// </summary>
public static class TextExtensions
{
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>The value of a key as text; null when it has none.</summary>
    /// <param name="database">The database.</param>
    /// <param name="key">The key.</param>
    /// <param name="level">How fresh the value is to be.</param>
    /// <param name="cancellation">Gives up waiting.</param>
    /// <exception cref="StaleReadException">It could not be served as fresh as that in time.</exception>
    public static async ValueTask<string?> GetTextAsync(
        this MatchpointDatabase database, string key, ReadLevel level = default, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(database);
        return Text(await database.GetAsync(Bytes(key), level, cancellation).ConfigureAwait(false));
    }

    /// <summary>Sets a key to a value.</summary>
    /// <param name="database">The database.</param>
    /// <param name="key">The key: at most 64 KiB in UTF-8.</param>
    /// <param name="value">The value: at most 16 MiB in UTF-8.</param>
    /// <param name="options">How the commit differs from the group's others.</param>
    /// <param name="cancellation">Gives up waiting; the outcome is unknown then.</param>
    /// <returns>The commit's place in the log.</returns>
    /// <exception cref="NotPrimaryException">This node takes no writes now.</exception>
    /// <exception cref="InsufficientAcksException">It was not acknowledged in time: the outcome is unknown.</exception>
    public static ValueTask<CommitToken> PutAsync(
        this MatchpointDatabase database, string key, string value, CommitOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(database);
        return database.PutAsync(Bytes(key), Bytes(value), options, cancellation);
    }

    /// <summary>Removes a key; nothing happens when it is not there.</summary>
    /// <inheritdoc cref="PutAsync"/>
    public static ValueTask<CommitToken> DeleteAsync(
        this MatchpointDatabase database, string key, CommitOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(database);
        return database.DeleteAsync(Bytes(key), options, cancellation);
    }

    /// <summary>Sets a key to a value if it has the expected one.</summary>
    /// <param name="database">The database.</param>
    /// <param name="key">The key.</param>
    /// <param name="expected">The value it must have; null: it must have none.</param>
    /// <param name="value">The new value; null removes the key.</param>
    /// <param name="options">How the commit differs from the group's others.</param>
    /// <param name="cancellation">Gives up waiting; the outcome is unknown then.</param>
    /// <returns>The commit's place in the log; null when the key has another value, and nothing was written.</returns>
    /// <inheritdoc cref="PutAsync" path="/exception"/>
    public static ValueTask<CommitToken?> CompareAndSetAsync(
        this MatchpointDatabase database, string key, string? expected, string? value, CommitOptions? options = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(database);
        return database.CompareAndSetAsync(Bytes(key), OrNull(expected), OrNull(value), options, cancellation);
    }

    /// <summary>The value of a key as text; null when it has none.</summary>
    /// <param name="transaction">The transaction.</param>
    /// <param name="key">The key.</param>
    /// <param name="database">The database's name; the default one when not given.</param>
    public static string? GetText(this MatchpointTransaction transaction, string key, string? database = null)
    {
        ArgumentNullException.ThrowIfNull(transaction);
        return Text(transaction.Get(Bytes(key), database));
    }

    /// <summary>Sets a key to a value.</summary>
    /// <param name="transaction">The transaction.</param>
    /// <param name="key">The key: at most 64 KiB in UTF-8.</param>
    /// <param name="value">The value: at most 16 MiB in UTF-8.</param>
    /// <param name="database">The database's name; it is made when there is none. The default one when not given.</param>
    /// <exception cref="ArgumentException">The key or the value is too long.</exception>
    /// <exception cref="MatchpointException">The transaction has become too large.</exception>
    public static void Put(this MatchpointTransaction transaction, string key, string value, string? database = null)
    {
        ArgumentNullException.ThrowIfNull(transaction);
        transaction.Put(Bytes(key), Bytes(value), database);
    }

    /// <summary>Removes a key; nothing happens when it is not there.</summary>
    /// <inheritdoc cref="Put"/>
    public static void Delete(this MatchpointTransaction transaction, string key, string? database = null)
    {
        ArgumentNullException.ThrowIfNull(transaction);
        transaction.Delete(Bytes(key), database);
    }

    private static byte[] Bytes(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return Strict.GetBytes(text);
    }

    private static byte[]? OrNull(string? text) => text is null ? null : Bytes(text);

    private static string? Text(byte[]? bytes) => bytes is null ? null : Encoding.UTF8.GetString(bytes);
}
