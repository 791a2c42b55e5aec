"""What processes of a sweep are at in tests: of a file that they find by the path that `conftest` gives them."""

import os
import threading


def nap(seconds):
    """What a long task does to whoever waits for it."""
    threading.Event().wait(seconds)
    return seconds


def own(seconds):
    """Who has done it."""
    nap(seconds)
    return os.getpid()
