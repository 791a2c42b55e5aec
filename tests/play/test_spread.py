"""Work spread over processes: who has seen enough is not kept waiting for the rest."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from multiprocessing import active_children

import pytest
from play.naps import nap

from mine_controller.play.sweep import spread

PARENT = """
import time
from play.naps import own
from mine_controller.play.sweep import spread

if __name__ == "__main__":
    for _, number in spread(own, [0, 0, 300], 2):
        print(number, flush=True)
"""


LEAVER = """
from play.naps import nap
from mine_controller.play.sweep import spread

if __name__ == "__main__":
    results = spread(nap, [0, *[300] * 12], 2)
    next(results)
    try:
        results.throw(KeyboardInterrupt)
    except KeyboardInterrupt:
        print("left")
"""


def is_there(number):
    with suppress(ProcessLookupError):
        os.kill(number, 0)
        return True
    return False


@pytest.mark.parametrize("ends", [signal.SIGHUP, signal.SIGKILL])
def test_no_process_outlives_whoever_wanted_its_work(ends, tmp_path):
    """A line lost in the middle of a backtest left its processes behind for ever: they waited for work to come."""
    (tmp_path / "parent.py").write_text(PARENT)
    path = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    parent = subprocess.Popen([sys.executable, tmp_path / "parent.py"], env={**os.environ, **path}, stdout=-1)
    children = {int(parent.stdout.readline()) for _ in range(2)}
    parent.send_signal(ends)
    assert parent.wait(30) == -ends
    parent.stdout.close()
    until = time.monotonic() + 30
    while any(map(is_there, children)) and time.monotonic() < until:
        time.sleep(0.05)
    left = [number for number in children if is_there(number)]
    for number in left:
        os.kill(number, signal.SIGKILL)
    assert left == []


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


def test_who_leaves_while_much_waits_its_turn_ends_at_once_and_says_nothing_of_the_library(tmp_path):
    """Ctrl-C in a large sweep: the pool's thread fell over what had been taken back, and the command hung for ever."""
    (tmp_path / "leaver.py").write_text(LEAVER)
    path = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(
        [sys.executable, tmp_path / "leaver.py"],
        env={**os.environ, **path},
        stdout=-1,
        stderr=-1,
        start_new_session=True,
    ) as one:
        try:
            said = one.communicate(timeout=60)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(one.pid, signal.SIGKILL)
    assert (one.returncode, *said) == (0, b"left\n", b"")
