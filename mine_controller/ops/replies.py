"""A person's request on its way: judged at once as far as that goes, filed in the inbox, taken by a tick, answered.

The tick arbitrates; nothing here touches a device. `precheck` asks the very function that the tick asks.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Protocol

from mine_controller.config.model import Config, ConfigError
from mine_controller.core.model.clock import Clock
from mine_controller.core.model.image import Image, Miners, Request
from mine_controller.core.model.policy import Policy
from mine_controller.core.model.state import State
from mine_controller.core.overrides import (
    INPUTS,
    LONGEST_S,
    ONE_SIDED,
    ROLE_OF,
    SETTINGS,
    WORDS_OF_LIFE,
    Refused,
    take_requests,
)
from mine_controller.record import NamedTuple
from mine_controller.store.db import StoreTrouble
from mine_controller.store.inbox import file_requests, verdict_of

BUSY, OVER = 75, 70
TICK_S, LAST_S = 110, 5  # how long a tick may take before it is told to end, and then before it is killed
LONGEST_TICK_S, SOON_S = 120, 2  # while another tick is at work: how long its end is waited for, and how closely
TRIES, PAUSES = 25, 5  # while another tick is at work: how often a tick is started again, seconds between
MOST_CHANGES = 40  # rows of the audit log that one edit of config.txt may fill
OUTPUTS = ("fans", "miners", "max_power_kw", *WORDS_OF_LIFE, "band")
NAMED = ("fan.", "miner.", "mode.", "pool.", "uplink.", "reading.")  # and what stands behind them


class Person(Protocol):
    """Who asks."""

    @property
    def uid(self) -> int:
        """The real user id."""

    @property
    def actor(self) -> str:
        """The name to show."""

    @property
    def tty(self) -> str:
        """The terminal, "" without one."""


class Wanted(NamedTuple):
    """One request before it is filed. `until` is wall time, 0 = until changed."""

    verb: str
    args: tuple[str, ...] = ()
    reason: str = ""
    until: int = 0
    flags: tuple[str, ...] = ()


class Started(NamedTuple):
    """What became of a tick: its exit code (see `minectl tick`) and the last line it said."""

    code: int
    said: str = ""


class Answer(NamedTuple):
    """A verdict, or "" while none is there."""

    request: int
    verdict: str = ""
    why: str = ""


# -- judged at once -----------------------------------------------------------------------------------------------


def precheck(config: Config, wanted: Wanted, now_s: int) -> str:
    """What the tick would say to a set-state, as far as the config alone can tell. Raises Refused."""
    policy, key = config.policy, wanted.args[0]
    if key not in (*INPUTS, *OUTPUTS) and not key.startswith(NAMED):
        raise Refused(f"{key!r} can't be set{_near(key, keys(policy))}")
    if key in INPUTS and ROLE_OF.get(key, key) not in policy.wiring.roles:
        raise Refused(f"nothing in [wiring] provides {key}, so setting it would change nothing")
    request = Request(0, now_s, "cli", "", wanted.verb, wanted.args, wanted.reason, wanted.until, wanted.flags)
    image = Image(Clock(1, now_s), {}, {}, (), Miners(), {}, (request,))
    _state, verdicts, _events = take_requests(image, State(), policy)
    if verdicts[0].verdict != "done":
        raise Refused(verdicts[0].why)
    return verdicts[0].why


def keys(policy: Policy) -> tuple[str, ...]:
    """Every key that set-state takes at this site."""
    wiring = policy.wiring
    fans, miners = (f"fan.{spec.name}" for spec in wiring.fans), (f"miner.{spec.id}" for spec in wiring.miners)
    return (*INPUTS, *OUTPUTS, *fans, *miners)


def _near(key: str, known: Sequence[str]) -> str:
    close = get_close_matches(key, known, 3, 0.6)
    if close:
        return f"; did you mean {' or '.join(close)}?"
    return f"; keys are {', '.join(INPUTS)}, fans, fan.N, miners, miner.ID, max_power_kw"


def cautions(config: Config, wanted: Wanted, now_s: int) -> tuple[str, ...]:
    """What a person should know before a value is set on a site that runs for real."""
    if not config.policy.site.live:
        return ("shadow mode: decisions are made with this value; readings are shown as measured, and nothing is sent",)
    key, value = wanted.args
    lasting = key in (*WORDS_OF_LIFE, "band") or key.partition(".")[0] in SETTINGS  # as long as the owner says
    return (*_about(key, value, wanted.flags), *(() if lasting else _about_time(wanted.until, now_s)))


def _about(key: str, value: str, flags: tuple[str, ...]) -> Iterator[str]:
    if "accept-penalty" in flags:
        yield "this runs against what the utility says: the contract's penalty is yours, and every channel is told"
    elif "stand-in" in flags:
        yield "this counts only while the power signal can't be read, and ends when it says something stricter"
    elif key in INPUTS:
        yield "the site is live: the real value goes on counting beside this one, so it can only make things stricter"
        if key == "signal" and value == "run":
            yield "to run on your word while the page can't be read, add --stand-in and --site NAME"
        elif key in ONE_SIDED:
            yield f"no value of {key} frees what the sensor forbids"
    elif value in ("run", "on"):
        yield "safety and the contract go before it: it is a wish, not an order"
    elif key.startswith("fan") and value == "off":
        yield "a fan that the heat or the run-on needs stays on all the same"


def _about_time(until: int, now_s: int) -> Iterator[str]:
    if not until or until - now_s > LONGEST_S:
        yield f"on a live site it ends after {LONGEST_S // 3600} h; set it again if it is still needed then"


# -- filed and taken ----------------------------------------------------------------------------------------------


def file(config: Config, person: Person, wanted: Wanted) -> int:
    """Write the request into the inbox; gives its id. Raises StoreTrouble."""
    return file_all(config, person, [wanted])[0]


def file_all(config: Config, person: Person, wanted: Sequence[Wanted]) -> list[int]:
    """The same of several: all of them, or none where that fails or is interrupted. Raises StoreTrouble."""
    paths = config.paths
    fresh = not paths.inbox.exists()
    numbers = file_requests(paths, ("cli", person.actor, person.uid, person.tty), wanted)
    if fresh:
        give_to_owner(paths.inbox)
    return numbers


def tell_changes(path: Path, person: Person, changes: Sequence[tuple[str, str, str]], why: str) -> str:
    """File changes of config.txt (option, old, new; secrets as stars) for the audit log; gives what went wrong, or "".

    Before the first tick there is no log to tell, and nothing is filed: a site being set up leaves no trace elsewhere.
    """
    from mine_controller.config.lastgood import load_or_last_good  # noqa: PLC0415 - only where a config was changed

    try:
        config = load_or_last_good(path)
        if changes and config.paths.db.exists():
            rows = [Wanted("config", one, why) for one in changes[:MOST_CHANGES]]
            if len(changes) > MOST_CHANGES:
                rows.append(Wanted("config", ("more", "", f"{len(changes) - MOST_CHANGES} options"), why))
            file_all(config, person, rows)
    except (ConfigError, StoreTrouble) as trouble:
        return getattr(trouble, "text", "") or str(trouble)
    return ""


def give_to_owner(path: Path) -> None:
    """What root made in somebody's folder is that somebody's: the tick must be able to read it."""
    if os.geteuid() == 0:
        owner = path.parent.stat()
        with suppress(OSError):  # a foreign file system that knows no owners; then everybody can read it anyway
            os.chown(path, owner.st_uid, owner.st_gid)


def start_tick(config: Config) -> Started:
    """Run one tick in a process of its own and wait for it. It ends itself; what hangs is ended like under cron."""
    root = str(Path(__file__).resolve().parents[2])
    line = [sys.executable, "-P", "-c", "from mine_controller.cli.main import main; main()"]
    process = subprocess.Popen(  # noqa: S603 - our own program, on the config that is loaded already
        [*line, "tick", "--config", str(config.paths.config)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": root},
        start_new_session=True,  # Ctrl-C at the prompt ends the waiting, never a tick at work
        **_owner(config.paths.db.parent),
    )
    for seconds, end in ((TICK_S, process.terminate), (LAST_S, process.kill)):
        try:
            _, said = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            end()
        else:
            return Started(process.returncode, _last_line(said))
    _, said = process.communicate()
    return Started(OVER, _last_line(said))


def _owner(folder: Path) -> dict[str, Any]:
    """Root starts the tick as the one whose data it is, so that no file becomes root's."""
    if os.geteuid() != 0 or not folder.exists() or not folder.stat().st_uid:
        return {}
    return {"user": folder.stat().st_uid, "group": folder.stat().st_gid, "extra_groups": ()}


def _last_line(said: bytes) -> str:
    lines = said.decode("utf-8", "replace").strip().splitlines()
    return lines[-1][:300] if lines else ""


def take(
    config: Config,
    numbers: Sequence[int],
    *,
    start: Callable[[Config], Started] | None = None,
    pause: Callable[[float], None] = time.sleep,
    busy: Callable[[], None] = lambda: None,
) -> tuple[Started, tuple[Answer, ...]]:
    """Start a tick; while another one is at work, wait for its next round or for its end. Raises StoreTrouble."""
    told = False
    for _ in range(TRIES):
        done = (start or start_tick)(config)
        found = answers(config, numbers)
        if done.code != BUSY or all(one.verdict for one in found):
            return done, found
        if not told:
            busy()
            told = True
        for _ in range(PAUSES):
            pause(1)
            found = answers(config, numbers)
            if all(one.verdict for one in found):
                return done, found
    return done, found


def start_behind(
    config: Config,
    busy: Callable[[], None],
    obeyed: Callable[[], bool],
    pause: Callable[[float], None] | None = None,
) -> Started:
    """Start a tick, or one as soon as the tick at work ends: that one may have asked and acted for the last time.

    `obeyed` tells that some tick has, so that none has to be started: whoever ticks without a pause keeps the lock.
    """
    done = start_tick(config)
    if done.code == BUSY:
        busy()
    for _ in range(LONGEST_TICK_S // SOON_S):
        if done.code != BUSY:
            break
        (pause or time.sleep)(SOON_S)
        if obeyed():
            return Started(0)
        done = start_tick(config)
    return done


def answers(config: Config, numbers: Sequence[int]) -> tuple[Answer, ...]:
    """The verdicts there are. Raises StoreTrouble."""
    return tuple(Answer(number, *(verdict_of(config.paths, number) or ("", ""))) for number in numbers)
