"""`minectl collect`: hears what is pushed to this machine and keeps the newest of it, with its time, for the tick."""
