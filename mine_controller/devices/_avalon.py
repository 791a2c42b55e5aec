"""What Avalon families can be told, and in which words. Pure but for the steps it yields.

| family | stop, run | mode | pools |
| --- | --- | --- | --- |
| A10 | its hash boards off; back by a reboot | workmode 0 or 1, after a reboot | ascset setpool, one place |
| A13 | softoff at once; back by a reboot, unless it lists softon | the same | ascset setpool with a place |
| later A | softoff, softon at a moment of its clock | the same | the same |
| Q | as later A | workmode set 0 to 2 | its own command setpool |
| Mini 3 | as Q | none: its modes are heating, mining and night, which are no steps of power | as Q |
| Nano 3, Nano 3S | none | worklevel or workmode set 0 to 2 | its own command setpool |

A unit lists its ascset commands when it is asked for help; what is not in the list is not sent. A pool that it has in
one of its places is switched to; one that it has not is written to the place the section names, which counts after a
reboot, and no reboot is added on its own. The answer to setpool repeats the password: nothing of it is told. Changes of
mode and pool are written to flash: one that is so already is not sent. Forms after Canaan's A10 manual, the source of
the Nano 3S (04c84d31), clients of Nano 3, Q and Mini 3, and what the vendor's own FMS sends to a 1346.
"""

import hashlib
import re
from collections.abc import Generator
from functools import lru_cache
from typing import Any

from mine_controller.core.model.command import ACCEPTED, APPLIED, REFUSED, UNSUPPORTED, Command, Outcome
from mine_controller.core.model.pool import Pool
from mine_controller.devices import _cgminer_orders, _errands, _pools
from mine_controller.devices._cgminer_orders import Asking, Make
from mine_controller.devices._talks import Desk, Step
from mine_controller.devices.kind import BadReply
from mine_controller.record import NamedTuple
from mine_controller.wire import cgminer
from mine_controller.wire.door import WireError

MODES = ("low", "medium", "high")
SAME = {"eco": "low", "standard": "medium", "super": "high"}  # a Q's own words
NANO, NANO3S, Q, MINI, A10, A13, A = "nano3", "nano3s", "q", "mini", "a10", "a13", "a"
ROWS = (A10, A13, A)  # the big ones, for racks
THREE = {"low": 0, "medium": 1, "high": 2}
TWO = {"low": 0, "high": 1}
DELAY_S = 5  # softoff and softon name a moment; this much ahead it is not past when it arrives
LONGEST_LIST = 4096  # characters of a list of commands that is remembered
SLOWEST_FAN_PCT = 15  # as the firmware takes it
REBOOT_NEEDED = "takes effect after a reboot"
DELIVERED = "root"  # user and password of every unit as it leaves the maker, but for
HOME, HOME_DELIVERED = (NANO3S, Q, MINI), "admin"  # these, whose page asks for a password only: clients of all three
REFUSES_LOGIN = "it refuses the login: write user and password of its web page in this section"
HASH_MARK, HASH_DIGITS = "ff0000ff", 24  # how old Nano 3 firmware takes a password: this and so much of its sha256
_NUMBER_AT_END = re.compile(r"(?:^|\D)([0-9]{1,3})\]?\s*$")
_A10 = re.compile(r"\b10(?:xx|[0-9]{2})\b")
_A13 = re.compile(r"\b13(?:xx|[0-9]{2})\b")
_FAILED = re.compile(r"error ?:|failed|permit|unknown option|invalid", re.IGNORECASE)
_LOGIN = re.compile(r"auth|username|userpass|password invalid", re.IGNORECASE)

Orders = Generator[Step, cgminer.Tree, None]


class Way(NamedTuple):
    """How one unit is told. `listed` None: it gives no list; `when`: its own clock."""

    family: str
    listed: frozenset[str] | None
    when: int | None
    make: Make
    options: Any

    def has(self, word: str) -> bool:
        """Whether its list has the command; a unit without a list is believed."""
        return self.listed is None or word in self.listed


def family(version: cgminer.Tree) -> str:
    """By what the answer to `version` names."""
    named = f"{version.get('PROD', '')} {version.get('MODEL', '')}".lower()
    if "nano" in named:
        return NANO3S if re.search(r"nano ?3s", named) else NANO
    if "avalon0o" in named:
        return NANO
    if "mini" in named:
        return MINI
    if "avalon q" in named:
        return Q
    return A10 if _A10.search(named) else A13 if _A13.search(named) else A


# Nominal and standby watts of the small ones: with those of an A15 a Nano at full power would count as off, and so
# would a Mini 3 at its eco level. A Q was seen asleep at 146 and at 17 W.
DRAWS = {NANO: (140, 5), NANO3S: (140, 5), Q: (1700, 150), MINI: (800, 20)}


def family_of(ver: str) -> str:
    """By the `Ver` of its status text ("nano3s-...", "Q-...", "1066-...")."""
    name = ver.lower().partition("-")[0]
    if name.startswith("nano"):
        return NANO3S if name == NANO3S else NANO
    if name.startswith(("q", "mini")):
        return MINI if name.startswith("mini") else Q
    return A10 if _A10.fullmatch(name) else A13 if _A13.fullmatch(name) else A


def word_of(kind: str, number: int) -> str | None:
    """The word for a mode's number in this family, None for one that has none."""
    if kind == MINI:
        return None
    numbers = THREE if kind in (NANO, NANO3S, Q) else TWO
    return next((word for word, one in numbers.items() if one == number), None)


def listed(tree: cgminer.Tree) -> frozenset[str] | None:
    """The ascset commands out of the answer to help; None when it has no such list."""
    text = cgminer.status(tree).text
    if "|" not in text:
        return None
    return _words(text) if len(text) <= LONGEST_LIST else _words.__wrapped__(text)


@lru_cache(maxsize=16)  # units of a fleet give the same list thousands of times
def _words(text: str) -> frozenset[str]:
    return frozenset(word.strip() for word in text.rpartition(":")[2].split("|"))


def clock(*trees: cgminer.Tree) -> int | None:
    """The unit's clock, by the first answer that tells it."""
    return next((when for tree in trees if (when := cgminer.status(tree).when) is not None), None)


def orders(desk: Desk, way: Way) -> Orders:
    """The commands of one unit, settings first, one after the other."""
    for verb, order in (("mode", _mode), ("pool", _pool), ("fan", _fan), ("locate", _locate), ("restart", _restart)):
        for command in desk.of(verb):
            desk.say((yield from order(command, way)))
    for command in desk.of("stop", "run"):
        desk.say((yield from _switch(command, way)))


def _missing(command: Command, what: str = "") -> Outcome:
    return Outcome(command.id, UNSUPPORTED, what or "this model has no command for it")


def _sent(command: Command, way: Way, parameter: str, good: str = "") -> Asking:
    """One ascset, and what its answer says."""
    answer = yield Step(way.make("ascset", f"0,{parameter}"), changes=True)
    return judged(command, answer, good)


def judged(command: Command, answer: cgminer.Tree, good: str = "") -> Outcome:
    """What the answer to an ascset says; some firmware tells a failure with the letter of an information."""
    outcome = _cgminer_orders.judged(command, answer, good)
    said = cgminer.status(answer).text
    if outcome.verdict == ACCEPTED and _FAILED.search(said):
        outcome = Outcome(command.id, REFUSED, _cgminer_orders.judged(command, answer).why)
    if outcome.verdict == REFUSED and "permit" in outcome.why.lower():
        return outcome._replace(why=f"busy, again later: {outcome.why}"[:120])
    return outcome


def _switch(command: Command, way: Way) -> Asking:
    """Stop or run."""
    how = _how(way)
    if how == "none":
        return _missing(command)
    if how == "hashpower":
        parameter = "hashpower,0" if command.verb == "stop" else "reboot,0"
    elif how == "softoff" and command.verb == "stop":
        parameter = "softoff"
    elif how == "softoff" and (way.listed is None or "softon" not in way.listed):
        parameter = "reboot,0"  # nobody shows another way back from a softoff without a moment
    elif way.when is None:
        return Outcome(command.id, REFUSED, "before the command: the unit does not tell its clock")
    else:
        parameter = f"{'softoff' if command.verb == 'stop' else 'softon'},1:{way.when + DELAY_S}"
    try:
        return (yield from _sent(command, way, parameter))
    except WireError as error:
        if error.kind == "closed":
            raise WireError(error.kind, "hung up without a word, as some do when they obey") from None
        raise


def _how(way: Way) -> str:
    """The way to stop a unit: its list may lack softoff (Nano 3S)."""
    if way.options.stop != "auto":
        return str(way.options.stop)
    if way.listed is not None and "softoff" not in way.listed:
        return "hashpower" if "hashpower" in way.listed else "none"
    if way.family == A10:
        return "hashpower"
    if way.listed is None and way.family in (NANO, NANO3S):
        return "none"
    return "softoff" if way.family == A13 else "softoff_at"


def _restart(command: Command, way: Way) -> Asking:
    """A reboot; a unit that obeys closes the connection without an answer."""
    if not way.has("reboot"):
        return _missing(command)
    try:
        return (yield from _sent(command, way, "reboot,0", "rebooting"))
    except WireError as error:
        if error.kind != "closed":
            raise
        return Outcome(command.id, ACCEPTED, "hung up, as it does when it reboots")


def _mode(command: Command, way: Way) -> Asking:
    """Asked for first: a mode that is set already is not written again."""
    if way.family == MINI:
        return _missing(command, "its modes are heating, mining and night: none of these words is one of them")
    numbers = THREE if way.family in (NANO, NANO3S, Q) else TWO
    number = numbers.get(SAME.get(command.value, command.value))
    if number is None:
        return Outcome(command.id, REFUSED, f"its modes are {', '.join(numbers)}, not {command.value[:20]!r}")
    word = _mode_word(way)
    if not word:
        return _missing(command)
    query = "workmode,255" if numbers is TWO else f"{word},get"
    if (yield from _number(way, query)) == number:
        return Outcome(command.id, APPLIED, "was so already")
    if numbers is TWO:
        return (yield from _sent(command, way, f"workmode,{number}", REBOOT_NEEDED))
    outcome = yield from _sent(command, way, f"{word},set,{number}")
    if outcome.verdict != ACCEPTED:
        return outcome
    try:
        now = yield from _number(way, query)
    except (WireError, BadReply) as error:
        return outcome._replace(why=f"took it, and could not be read again: {error}"[:120])
    return Outcome(command.id, APPLIED) if now == number else outcome._replace(why="took it, and is on its way there")


def _mode_word(way: Way) -> str:
    """The command that sets its mode, "" where it has none."""
    if way.listed is None:
        return "worklevel" if way.family == NANO else "workmode"
    first, second = ("worklevel", "workmode") if way.family == NANO else ("workmode", "worklevel")
    return next((word for word in (first, second) if word in way.listed), "")


def _number(way: Way, query: str) -> Generator[Step, cgminer.Tree, int | None]:
    """The number at the end of its answer ("workmode 1", "WORKMODE[1]"), None when there is none."""
    answer = yield Step(way.make("ascset", f"0,{query}"))
    status = cgminer.status(answer)
    found = _NUMBER_AT_END.search(status.text) if status.good else None
    return int(found[1]) if found else None


def _fan(command: Command, way: Way) -> Asking:
    if not way.has("fan-spd"):
        return _missing(command)
    try:
        percent = _errands.fan(command.value, SLOWEST_FAN_PCT)
    except ValueError as error:
        return Outcome(command.id, REFUSED, str(error))
    return (yield from _sent(command, way, f"fan-spd,{-1 if percent is None else percent}"))


def _locate(command: Command, way: Way) -> Asking:
    """The light of the A series, read back. A Nano's lamp has the owner's colour and is left alone."""
    if (way.listed is None and way.family not in ROWS) or not way.has("led"):
        return _missing(command, "this model has no light to be found by")
    try:
        number = int(_errands.switch(command.value))
    except ValueError as error:
        return Outcome(command.id, REFUSED, str(error))
    outcome = yield from _sent(command, way, f"led,1-{number}")
    if outcome.verdict != ACCEPTED:
        return outcome
    try:
        now = yield from _number(way, "led,1-255")
    except (WireError, BadReply):
        return outcome
    return Outcome(command.id, APPLIED) if now == number else outcome


def _pool(command: Command, way: Way) -> Asking:
    """Switched to where it has it, written where it has not."""
    pool = _pools.named(way.options.pools, command.value)
    if pool is None:
        return Outcome(command.id, REFUSED, f"{command.value[:40]!r} is no pool of this section")
    rows = cgminer.rows((yield Step(way.make("pools", ""))), "POOLS")
    if _cgminer_orders.is_pool(_cgminer_orders.pool_in_use(rows), pool):
        return Outcome(command.id, APPLIED, "was so already")
    slot = _cgminer_orders.slot_of(rows, pool)
    if slot is not None:
        outcome = yield from _cgminer_orders.switched(command, pool, slot, way.make)
        if outcome.verdict not in (UNSUPPORTED, REFUSED):
            return outcome
        if slot == way.options.pool_slot:  # writing it there again would change nothing
            return Outcome(command.id, ACCEPTED, f"has it in its place already; {REBOOT_NEEDED}")
    return (yield from _setpool(command, way, pool))


def _setpool(command: Command, way: Way, pool: Pool) -> Asking:
    """Under the section's user; a home unit that refuses root is asked once more as admin."""
    options = way.options
    told = (pool.url, pool.user, pool.password.reveal(), options.user, options.password.reveal())
    if any("," in text for text in told):
        return Outcome(command.id, REFUSED, "its API can't take a comma in a pool or a login")
    outcome = yield from _written(command, way, pool, f"{options.user},{_password(way)}")
    if outcome.why == REFUSES_LOGIN and way.family in HOME and options.user == DELIVERED:
        login = f"{HOME_DELIVERED},{options.password.reveal() or HOME_DELIVERED}"
        outcome = yield from _written(command, way, pool, login)
    return outcome


def _written(command: Command, way: Way, pool: Pool, login: str) -> Asking:
    place = () if way.family == A10 else (str(way.options.pool_slot),)
    fields = ",".join((login, *place, pool.url, pool.user, pool.password.reveal()))
    own = way.family not in ROWS
    request = way.make("setpool", fields) if own else way.make("ascset", f"0,setpool,{fields}")
    answer = yield Step(request, changes=True)
    outcome, said = _cgminer_orders.judged(command, answer), cgminer.status(answer).text
    if outcome.verdict == ACCEPTED and "success" in said.lower():
        return Outcome(command.id, ACCEPTED, f"stored; {REBOOT_NEEDED}")
    if outcome.verdict in (ACCEPTED, REFUSED):  # its own words may hold what was sent
        return Outcome(command.id, REFUSED, REFUSES_LOGIN if _LOGIN.search(said) else "it does not take the pool")
    return outcome


def _password(way: Way) -> str:
    """The login's password as this unit wants it."""
    plain: str = way.options.password.reveal() or DELIVERED
    if way.options.login == "plain" or (way.options.login == "auto" and way.family != NANO):
        return plain
    return HASH_MARK + hashlib.sha256(plain.encode()).hexdigest()[:HASH_DIGITS]
