"""What the kernel says of its clock: whether something keeps it right."""

import ctypes
from typing import Any

import pytest

from mine_controller.ports.clock import synced

UNSYNC = 5  # what adjtimex answers while its flag STA_UNSYNC stands
LIMIT_US = 16_000_000  # where the kernel's own estimate of its error ends


def kernel(monkeypatch: pytest.MonkeyPatch, code: int, error_us: int) -> None:
    """adjtimex that answers so: in its struct stand modes, offset, freq and then the largest error."""

    class Library:
        def adjtimex(self, pointer: Any) -> int:
            told = ctypes.cast(pointer, ctypes.POINTER(ctypes.c_long))
            told[3] = error_us
            return code

    monkeypatch.setattr(ctypes, "CDLL", lambda _name: Library())


def test_a_clock_kept_by_chrony_without_rtcsync_is_kept(monkeypatch: pytest.MonkeyPatch):
    """It leaves the kernel's flag as it is and tells the error alone; `timedatectl` goes by that, too."""
    kernel(monkeypatch, UNSYNC, 9_776)
    assert synced()


@pytest.mark.parametrize(
    ("code", "error_us", "kept"),
    [(0, 500, True), (UNSYNC, LIMIT_US, False), (0, LIMIT_US, False), (-1, 0, False), (0, LIMIT_US - 1, True)],
)
def test_a_clock_is_kept_as_long_as_its_error_is_below_the_kernels_limit(
    monkeypatch: pytest.MonkeyPatch, code: int, error_us: int, kept: bool
):
    kernel(monkeypatch, code, error_us)
    assert synced() is kept
