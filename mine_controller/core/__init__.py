"""The pure core. No I/O, no clock, no randomness, no import of ours from outside this room.

`tests/test_doors.py` reads the import lines and holds this door shut.
"""
