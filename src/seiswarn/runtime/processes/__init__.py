"""The processes of the daemon, one module each; started by the supervisor, never by hand."""
