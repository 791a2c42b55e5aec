"""Searching the network over HTTP: `minectl discover` in a process of its own, one at a time, with its progress."""

import json
import os
import secrets
import subprocess
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from fastapi import APIRouter, Request

from mine_controller.api.asks import Ascii, Problem
from mine_controller.api.bodies import Search
from mine_controller.api.changes import admin, desk_of
from mine_controller.api.guard import caller_of
from mine_controller.api.reads import config_of, shown
from mine_controller.config.model import Config
from mine_controller.ops import discover
from mine_controller.ops.discover import BadTargetError
from mine_controller.ops.replies import Wanted

KEPT = 20
LONGEST_S = 900
LARGEST = 8_000_000  # of what it may say
MARK = "PROGRESS "
Start = Callable[[Config, list[str]], "subprocess.Popen[str]"]
router = APIRouter(prefix="/api/discover", tags=["discover"])


class Job:
    """One search. `state`: running, done, failed."""

    def __init__(self, process: "subprocess.Popen[str]", subnet: str) -> None:
        self.id, self.subnet = secrets.token_hex(8), subnet
        self.state, self.error = "running", ""
        self.found: dict[str, Any] | None = None
        self._done, self._all, self._began_s, self._took_s = 0, 0, time.monotonic(), 0.0
        self._process, self._last = process, ""
        self._killer = threading.Timer(LONGEST_S, process.kill)
        self._killer.daemon = True
        self._listener = threading.Thread(target=self._listen, name="search says", daemon=True)
        self.reader = threading.Thread(target=self._run, name="search", daemon=True)

    def start(self) -> "Job":
        """Begin to listen to it."""
        self._killer.start()
        self._listener.start()
        self.reader.start()
        return self

    def end(self) -> None:
        """Nobody wants it any more."""
        self._process.terminate()

    def _run(self) -> None:
        with self._process:  # closes its pipes, and waits for its end
            out: IO[str] | None = self._process.stdout
            text = out.read(LARGEST) if out is not None else ""
            self._listener.join(LONGEST_S)
        code = self._process.returncode
        self._killer.cancel()
        self._took_s = time.monotonic() - self._began_s
        try:
            self.found = json.loads(text) if text.strip() else None
        except ValueError:
            self.found = None  # it ended in the middle; what it said last tells why
        # that nobody it found could be added is no fault of the search: the result says who, why and what helps
        good = code == 0 or bool(self.found and self.found.get("not_added"))
        self.error = "" if good else self._last or f"the search ended with {code}"
        self.state = "done" if good and self.found is not None else "failed"

    def _listen(self) -> None:
        for line in self._process.stderr or ():
            words = line.removeprefix(MARK).split()
            if line.startswith(MARK) and len(words) == 2 and all(word.isdecimal() for word in words):
                self._done, self._all = int(words[0]), int(words[1])
            elif line.strip():
                self._last = line.strip()[:300]

    def told(self) -> dict[str, Any]:
        """For JSON."""
        took_s = self._took_s or time.monotonic() - self._began_s
        percent = 100 if self.state == "done" else self._done * 100 // self._all if self._all else 0
        made: dict[str, Any] = {"job": self.id, "state": self.state, "subnet": self.subnet or None, "percent": percent}
        made |= {"doors_done": self._done, "doors": self._all, "seconds": round(took_s, 1)}
        return made | {"error": self.error or None, "result": self.found}


class Jobs:
    """The last searches; the newest may be running."""

    def __init__(self, start: Start | None = None) -> None:
        self._start = start or searching
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Job] = OrderedDict()

    def free(self) -> None:
        """Problem 409 while a search runs."""
        at_work = next((job for job in list(self._kept.values()) if job.state == "running"), None)
        if at_work is not None:
            raise Problem(409, "a search runs already", job=at_work.id)

    def begin(self, config: Config, words: list[str], subnet: str) -> Job:
        """A new search. Problem 409 while one runs."""
        with self._lock:
            self.free()
            job = Job(self._start(config, words), subnet).start()
            self._kept[job.id] = job
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return job

    def get(self, name: str) -> Job:
        """Problem 404."""
        with self._lock:
            found = self._kept.get(name)
        if found is None:
            raise Problem(404, f"there is no search {name[:40]!r}; the last {KEPT} are kept while the service runs")
        return found

    def end(self) -> None:
        """The service ends, and with it what it started."""
        for job in list(self._kept.values()):
            if job.state == "running":
                job.end()


def searching(config: Config, words: list[str]) -> "subprocess.Popen[str]":
    """`minectl discover` as a process: that one talks to the network, this one does not."""
    root = str(Path(__file__).resolve().parents[2])
    line = [sys.executable, "-P", "-c", "from mine_controller.cli.main import main; main()"]
    return subprocess.Popen(  # noqa: S603 - our own program; the words are checked networks and fixed options
        [*line, "discover", *words, "--json", "--progress", "--config", str(config.paths.config)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env={**os.environ, "PYTHONPATH": root},
    )


def jobs_of(request: Request) -> Jobs:
    """The searches of this service."""
    found: Jobs = request.app.state.jobs
    return found


@router.post("", summary="Search a network for miners", status_code=202)
def post_search(request: Request, body: Search | None = None) -> Ascii:
    """A private network of at most a /16. Answers a job to ask after; `add` also lists the new ones (admin)."""
    body = body or Search()
    config = config_of(request)
    if body.add:
        admin(request)
    given = (body.subnet,) if body.subnet else ()
    try:
        found = discover.spans(given, config)
    except BadTargetError as error:
        raise Problem(422, str(error)) from None
    if any(one.public for one in found):
        raise Problem(422, "that is no private network: other people's machines are there")
    words = [*(one.text for one in found), *(["--add"] if body.add else [])]
    jobs = jobs_of(request)
    jobs.free()
    what = " ".join(one.text for one in found)
    # first: a search that the audit log lacks, and whose number nobody was told, must not run
    number = desk_of(request).note(caller_of(request), [Wanted("tick", ("discover", what[:200]), "a search began")])
    job = jobs.begin(config, words, body.subnet or "")
    return Ascii({"job": job.id, "request_id": number, "tick_started": False}, 202)


@router.get("/{job}", summary="Progress and finds of a search")
def get_search(request: Request, job: str) -> Ascii:
    """`result` is what `minectl discover --json` tells, once it is done."""
    return Ascii(shown(config_of(request), jobs_of(request).get(job).told()))
