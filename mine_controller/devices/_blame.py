"""Where in a driver something went wrong, for the log: files, lines and functions, and no value of anything."""

from collections.abc import Callable
from pathlib import PurePath
from types import TracebackType
from typing import TypeVar

DEEPEST = 12  # frames; a driver that calls itself for ever is told by its last ones
Made = TypeVar("Made")
Faults = Callable[[str, str], None]  # the section, and what `where` gives


def nobody(section: str, where_: str) -> None:
    """Faults are told nobody."""
    del section, where_


def where(error: BaseException) -> str:
    """One line: the kind of the error and the way to it, the innermost frame first. Its text may hold a secret."""
    frames, trace = [], error.__traceback__
    while trace is not None:
        frames.append(_frame(trace))
        trace = trace.tb_next
    return " < ".join((type(error).__name__, *frames[: -DEEPEST - 1 : -1]))


def _frame(trace: TracebackType) -> str:
    code = trace.tb_frame.f_code
    return f"{PurePath(code.co_filename).name}:{trace.tb_lineno} {code.co_name}"


def alone(read: Callable[[], Made], broken: Callable[[str], Made]) -> Made:
    """What is made of one unit of many; where its answers set off a bug of its driver, what `broken` makes of that.

    One unit's strange answer is its own failure and not that of the group it stands in.
    """
    try:
        return read()
    except Exception as error:  # noqa: BLE001 - whatever it is, the other units are still read
        return broken(f"driver error: {where(error)}")
