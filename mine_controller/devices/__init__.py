"""What hangs on wires: one file a kind, and the two ways to speak with all of them, `ask` and `act`."""
