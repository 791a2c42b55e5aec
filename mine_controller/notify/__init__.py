"""One file a channel."""
