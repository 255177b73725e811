namespace Matchpoint.Storage.State;

/// <summary>Where states lie: the kind of state that a node keeps.</summary>
internal interface IStateStore
{
    /// <summary>
    /// Looks at the state in a directory that nobody has open. Nothing of it is changed, whatever is found. What is to be opened is looked at first: opening removes what the version that
    /// is found does not name, and where the name of a newer one was damaged that is all there is.
    /// </summary>
    /// <returns>All that it holds; null where there is none.</returns>
    /// <exception cref="DamageException">What is there cannot be used.</exception>
    /// <exception cref="StorageException">The directory cannot be used.</exception>
    IStateSnapshot? Look(string path);

    /// <summary>Opens the state in a directory, or makes one where there is none.</summary>
    /// <exception cref="DamageException">What is there cannot be used.</exception>
    /// <exception cref="StorageException">The directory cannot be used.</exception>
    IState Open(string path);

    /// <summary>Moves what lies in a directory aside, so that another state can be made there.</summary>
    /// <param name="path">The directory.</param>
    /// <param name="into">Where it goes: to stay there, for a person to look at, whatever becomes of what lies around the state.</param>
    /// <returns>Where it is now; null where there was nothing.</returns>
    string? SetAside(string path, string into);

    /// <summary>Removes what lies in a directory, and the directory; nothing happens when it is not there. Nothing of it may be open.</summary>
    void Remove(string path);
}
