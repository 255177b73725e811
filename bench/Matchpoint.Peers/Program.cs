using Matchpoint.Peers;

return await PeersCommand.Create().Parse(args).InvokeAsync();
