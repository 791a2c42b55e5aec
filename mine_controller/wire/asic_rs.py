"""The pipe to asic-rs, which works in a process of its own: a batch of jobs in, one answer each out, a hard deadline.

Its wheel sometimes aborts (SIGABRT, seen at exit) and its calls bound themselves by their own time-outs only. So
`run` starts `asic_child.py` as the leader of a process group, writes the batch as one line of JSON to its stdin,
reads lines until all jobs are told, and kills the group at the deadline whatever it is doing. Logins and pool
passwords go through the pipe alone, never through arguments or the environment.

A child's line is {"job": n, "began": true} right before it commands a unit, or {"job": n, "told": {...}} at its end;
{"missing": why} when there is no wheel. What was told counts even if the process dies right after. A job that had
begun and was not told may have reached its unit; one that had not begun reached nothing.
"""

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mine_controller.wire.door import Job, WireError

CHILD = Path(__file__).with_name("asic_child.py")
LEAST_S = 0.05  # less than this is no time to start a process in
GRACE_S = 0.2  # the child stops by itself so much before it is killed, so that what it knows still comes
LINE_CAP = 64 * 1024  # one answer; more is garbage
CHUNK = 65_536
MISSING = "asic-rs is not installed here (64-bit only): `sudo ./install.sh` tries it again; or leave it to the outlet"

Told = dict[str, Any]


def run(batch: Sequence[Job], until: float, child: Sequence[str] = ()) -> list[Told | WireError]:
    """What the child told of each job, in order, or why it told nothing; over by `until` (`time.monotonic`).

    Kinds of error: unreachable (nothing was sent), missing (no wheel), closed, timeout, bad_http (it may have been
    sent). `child` is the command of another child, for tests.
    """
    if not batch:
        return []
    left = until - time.monotonic()
    if left < LEAST_S:
        return [WireError("unreachable", "no time left to ask") for _ in batch]
    try:
        process = _start(child or (sys.executable, "-I", str(CHILD)))
    except OSError as error:
        return [WireError("unreachable", f"its process can't start: {os.strerror(error.errno or 0)}") for _ in batch]
    talk = _Talk(process, len(batch), until)
    try:
        why = talk.run(_line(batch, max(LEAST_S, left - GRACE_S)))
    finally:
        _end(process)
    return [talk.told.get(job) or _lost(talk, job, why) for job in range(len(batch))]


def _start(command: Sequence[str]) -> "subprocess.Popen[bytes]":
    """A leader of its own group, so that whatever it starts ends with it."""
    return subprocess.Popen(  # noqa: S603 - the interpreter and file of this program
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    )


def _line(batch: Sequence[Job], for_s: float) -> bytes:
    jobs = [{"job": at, **job._asdict()} for at, job in enumerate(batch)]
    return json.dumps({"for_s": round(for_s, 3), "jobs": jobs}).encode() + b"\n"


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Kill the group and take its exit, also when it has ended: a child of the child would live on."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    for pipe in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):  # the rest of a request nobody reads
            if pipe is not None:
                pipe.close()
    process.wait()


def _lost(talk: "_Talk", job: int, why: WireError) -> WireError:
    """The reason for one job that was not told of."""
    return why if job in talk.began or why.kind == "missing" else WireError("unreachable", why.why)


class _Talk:
    """One child being talked to."""

    def __init__(self, process: "subprocess.Popen[bytes]", jobs: int, until: float) -> None:
        self.process, self.jobs, self.until = process, jobs, until
        self.told: dict[int, Told] = {}
        self.began: set[int] = set()
        self.data = bytearray()
        self.missing = ""

    def run(self, request: bytes) -> WireError:
        """Write and read until all is told or the child is done with; why whatever is missing is missing."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.left = memoryview(request)
        with selectors.DefaultSelector() as waiting:
            for pipe, event in ((self.process.stdin, selectors.EVENT_WRITE), (self.process.stdout, _READ)):
                os.set_blocking(pipe.fileno(), False)
                waiting.register(pipe, event)
            while len(self.told) < self.jobs:
                left_s = self.until - time.monotonic()
                ready = waiting.select(left_s) if left_s > 0 else []
                if not ready:
                    return WireError("timeout", "asic-rs was not done in time and was ended")
                for key, events in ready:
                    if not events & _READ:
                        self._write(key.fd, waiting)
                    elif (why := self._read(key.fd)) is not None:
                        return why
        return WireError("closed", "asic-rs said nothing of it")

    def _write(self, fd: int, waiting: selectors.BaseSelector) -> None:
        try:
            self.left = self.left[os.write(fd, self.left) :]
        except BrokenPipeError:
            self.left = self.left[:0]  # reading tells how it ended
        if not self.left and self.process.stdin is not None:
            waiting.unregister(self.process.stdin)  # and stays open: its end tells the child that this process is gone

    def _read(self, fd: int) -> WireError | None:
        piece = os.read(fd, CHUNK)
        if not piece:
            return WireError("missing", self.missing) if self.missing else _died(self.process)
        self.data += piece
        for line in self._lines():
            if not self._hear(line):
                return WireError("bad_http", "asic-rs answered something unreadable")
        too_long = len(self.data) > LINE_CAP
        return WireError("bad_http", "asic-rs answered without an end") if too_long else None

    def _lines(self) -> Iterator[bytes]:
        while (end := self.data.find(b"\n")) >= 0:
            line = bytes(self.data[:end])
            del self.data[: end + 1]
            yield line

    def _hear(self, line: bytes) -> bool:
        """Take one line; False when it is none of a child's."""
        try:
            tree = json.loads(line)
        except (ValueError, RecursionError):
            return False
        if not isinstance(tree, dict):
            return False
        if "missing" in tree:
            self.missing = MISSING
            return True
        job, told = tree.get("job"), tree.get("told")
        if not isinstance(job, int) or not 0 <= job < self.jobs:
            return False
        if isinstance(told, dict) and told:
            self.told.setdefault(job, told)
        else:
            self.began.add(job)
        return True


_READ = selectors.EVENT_READ


def _died(process: "subprocess.Popen[bytes]") -> WireError:
    """How it ended; it has closed its stdout, so it is gone or as good as gone."""
    try:
        code = process.wait(0.2)
    except subprocess.TimeoutExpired:
        return WireError("closed", "asic-rs closed its pipe")
    if code < 0:
        return WireError("closed", f"asic-rs died of {_signal(-code)}")
    return WireError("closed", f"asic-rs ended early ({code})")


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
