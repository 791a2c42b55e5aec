"""One file a command, imported only when called; wording, no logic."""
