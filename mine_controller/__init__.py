"""minectl: runs a Bitcoin mine that nobody is standing next to."""

__version__ = "0.1.0"
