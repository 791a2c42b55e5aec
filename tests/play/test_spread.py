"""Work spread over processes: who has seen enough is not kept waiting for the rest."""

import threading
import time
from multiprocessing import active_children

import pytest

from mine_controller.play.sweep import spread


def nap(seconds):
    """What a long task does to whoever waits for it."""
    threading.Event().wait(seconds)
    return seconds


@pytest.mark.parametrize("leaves", ["has seen enough", "fails"])
def test_who_leaves_early_leaves_no_process_at_work_behind(leaves):
    before, began = set(active_children()), time.monotonic()
    results = spread(nap, [0, 300, 300], 2)
    assert next(results) == (0, 0)
    if leaves == "fails":
        with pytest.raises(KeyboardInterrupt):
            results.throw(KeyboardInterrupt)
    else:
        results.close()
    assert set(active_children()) <= before
    assert time.monotonic() - began < 200  # the others would have taken 300
