"""Many runs side by side: in this process, in several, or on a Dask cluster. The work is a function and its task alone.

Tasks and results are pickled, so both are plain tuples; nothing is shared, and no order of finishing can change a
result.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import product
from typing import Any, TypeVar

from mine_controller.record import NamedTuple

PR_SET_PDEATHSIG = 1
PATIENCE = "10s"  # for the scheduler to answer
Task = TypeVar("Task")
Result = TypeVar("Result")


class Axis(NamedTuple):
    """One option and the values to try for it."""

    key: str
    values: tuple[str, ...]


class SchedulerError(Exception):
    """The cluster can't be used; the text is one sentence with the remedy."""


def axis(text: str) -> Axis:
    """("signal.grace_s", ("240", "360")) of "signal.grace_s=240,360". ValueError says what is wrong with it."""
    key, equals, values = (part.strip() for part in text.partition("="))
    found = tuple(value.strip() for value in values.split(",") if value.strip())
    if not equals or "." not in key or not found:
        raise ValueError(f"{text!r} is no sweep: write SECTION.OPTION=VALUE,VALUE, like cap.margin_pct=3,5,8")
    return Axis(key, tuple(dict.fromkeys(found)))


def grid(axes: Sequence[Axis]) -> tuple[tuple[tuple[str, str], ...], ...]:
    """Every combination, the last axis turning fastest; without axes the empty one."""
    keys = [one.key for one in axes]
    return tuple(tuple(zip(keys, values, strict=True)) for values in product(*(one.values for one in axes)))


def jobs_here() -> int:
    """The processors this process may use."""
    return len(os.sched_getaffinity(0))


def spread(
    work: Callable[[Task], Result], tasks: Sequence[Task], jobs: int, scheduler: str = ""
) -> Iterator[tuple[int, Result]]:
    """(place of its task, result) as they finish. What `work` raises is raised here; SchedulerError: no cluster."""
    if scheduler:
        yield from _on_cluster(work, tasks, scheduler)
    elif jobs <= 1 or len(tasks) <= 1:
        for at, task in enumerate(tasks):
            yield at, work(task)
    else:
        yield from _in_processes(work, tasks, min(jobs, len(tasks)))


def _in_processes(work: Callable[[Task], Result], tasks: Sequence[Task], jobs: int) -> Iterator[tuple[int, Result]]:
    from concurrent.futures import ProcessPoolExecutor, as_completed  # noqa: PLC0415 - only where there is much to do
    from multiprocessing import active_children, get_context  # noqa: PLC0415 - the same

    others = set(active_children())
    # Fresh processes: a fork would take along locks that threads of this one hold.
    with ProcessPoolExecutor(jobs, get_context("spawn"), _end_with, (os.getpid(),)) as pool:
        try:
            places = {pool.submit(work, task): at for at, task in enumerate(tasks)}
            for done in as_completed(places):
                yield places[done], done.result()
        except BaseException:  # also whoever leaves the loop early: it goes on up, and no process stays at work
            for child in set(active_children()) - others:  # what they are at is wanted no longer, and may take minutes
                child.terminate()
            # What still waits goes with them. Nothing is cancelled: the pool's own thread falls over that, and hangs.
            raise  # and leaving the pool waits until they are gone


def _end_with(parent: int) -> None:
    """End by the kernel's word with the process this one works for: nobody else would tell it that there is no more."""
    import ctypes  # noqa: PLC0415 - only where there is much to do
    import signal  # noqa: PLC0415 - the same

    with suppress(OSError, AttributeError):  # another system's: there it ends as it did
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it was gone before
            os._exit(1)


def _on_cluster(work: Callable[[Task], Result], tasks: Sequence[Task], scheduler: str) -> Iterator[tuple[int, Result]]:
    client, as_completed = _client(scheduler)
    try:
        places: dict[Any, int] = {
            client.submit(work, task, pure=False, key=f"minectl-{os.getpid()}-{at}"): at
            for at, task in enumerate(tasks)
        }
        for done in as_completed(list(places), loop=client.loop):
            yield places[done], done.result()
    finally:
        client.close()


def _client(scheduler: str) -> tuple[Any, Any]:
    try:
        from distributed import Client, as_completed  # noqa: PLC0415 - an optional extra
    except ImportError:
        raise SchedulerError("--scheduler needs Dask: .venv/bin/pip install '.[dask]' in the checkout") from None
    try:
        client: Any = Client(scheduler, timeout=PATIENCE, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise SchedulerError(f"no Dask scheduler answers at {scheduler} ({type(error).__name__})") from error
    return client, as_completed
