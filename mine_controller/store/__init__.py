"""The one SQLite file, the inbox and the lock."""
