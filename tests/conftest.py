"""Shared by all rooms: where test doubles live, Hypothesis without deadlines (the machine is noisy), a soak's time."""

import contextlib
import os
import random
import signal
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parent))

settings.register_profile(
    "tests", deadline=None, max_examples=60, suppress_health_check=list(HealthCheck), derandomize=True
)
settings.load_profile("tests")

SOAK_S = 60 * float(os.environ.get("MINECTL_SOAK_MINUTES", "0"))
ENDS = [0.0]
PLANTED = contextlib.ExitStack()
SHARE = 4  # no soak takes more than this part of the time, so that others get some


def pytest_configure():
    """One seed for the whole soak, its worker processes too; and a bug in the program, where one is asked for.

    `MINECTL_PLANT=signal_ignored pytest tests/core` shows that the suite turns red (`minectl demo --plant list`).
    """
    if SOAK_S:
        os.environ.setdefault("MINECTL_SOAK_SEED", str(random.SystemRandom().randrange(1 << 30)))
    if name := os.environ.get("MINECTL_PLANT"):
        from mine_controller.play import planted, shown  # noqa: PLC0415 - every other run goes without

        PLANTED.enter_context(planted.plant(shown.named(name)))


def pytest_unconfigure():
    PLANTED.close()


def pytest_sessionstart(session):
    """From here on it counts, not from the slow start of everything before; and what repeats it is said."""
    ENDS[:] = [time.monotonic() + SOAK_S]
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if SOAK_S and reporter is not None:
        reporter.write_line(
            f"soak of {SOAK_S / 60:g} minutes; MINECTL_SOAK_SEED={os.environ['MINECTL_SOAK_SEED']} repeats it"
        )


@pytest.fixture(autouse=True)
def _soak_in_time(request):
    """`./install.sh soak --minutes N` is over after N minutes: what still runs then ends, unbroken so far."""
    left_s = min(ENDS[0] - time.monotonic(), SOAK_S / SHARE)
    if not SOAK_S or request.node.get_closest_marker("soak") is None:
        yield
        return
    if left_s <= 0:
        pytest.skip(f"the {SOAK_S / 60:g} minutes are over")
    before = signal.signal(signal.SIGUSR1, lambda *_: pytest.skip(f"unbroken for {left_s:.0f} s, then time was up"))
    timer = threading.Timer(left_s, os.kill, (os.getpid(), signal.SIGUSR1))
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        signal.signal(signal.SIGUSR1, before)
