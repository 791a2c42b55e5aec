"""Every curtailment as a bill dispute needs it: signal, first command, shed, kW over time, stragglers, who was told.

The figures of an event that is over stand in the event log (`curtail_report`), whose rows are chained by hashes. The
course of the power comes from the recorded rounds, decided again; where these are not kept any more, or do not fit,
from the row a tick. What is not known is None and says so; nothing is filled in.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from mine_controller.config.model import Config
from mine_controller.core.model.state import Shed
from mine_controller.core.shed import is_blind
from mine_controller.ops.recall import Recalled, kept_book, recall
from mine_controller.record import NamedTuple
from mine_controller.store import query
from mine_controller.store.events import EventRow
from mine_controller.store.outbox import Letter

BEFORE_S, AFTER_S = 600, 600  # how much of the power before and after belongs to the picture
TOLD_AFTER_S = 3600
MOST_LETTERS, MOST_EVENTS = 5000, 2000
OBEY_WITHIN_S = 300
STEPS = ("first_command_s", "shed_50_s", "shed_90_s", "shed_100_s")
NOT_CHANNELS = ("began", "config", "over", "quiet")  # what else stands in the last note of a letter
TOLD = "told"
BEGINS = "curtail"  # the kind of event with which the signal's rule begins
DOUBTS = ("dark_but_hot", "meters_disagree")  # alarms by which the watts of the proof are in doubt
BY_HAND_S = 300
SET = " set the signal to off"  # as core/wording/sentences.py says it


class Point(NamedTuple):
    """What was measured at a moment (wall seconds): the site's meter and the miners' own, W; None = not known."""

    at: int
    site_w: int | None
    miners_w: int | None
    mode: str


class Line(NamedTuple):
    """One row of the event log."""

    at: int
    severity: str
    kind: str
    about: str
    text: str


class Told(NamedTuple):
    """One message: `ways` is (channel, "told" or "no: why"); `told_at` wall time it ended, None = still open."""

    at: int
    severity: str
    text: str
    ways: tuple[tuple[str, str], ...]
    told_at: int | None


class Curtailment(NamedTuple):
    """One event. Moments are wall seconds; `steps` are seconds since the signal by STEPS, None = never."""

    cause: str
    by: str  # who set the signal by hand (a drill), "" for the real one
    signal_at: int
    ended_at: int | None  # None: it stands
    steps: dict[str, int | None]
    before_w: int | None
    confirmed_w: int | None
    floor_w: int | None  # X: below this it counts as down
    gentle: int
    hard: int
    stragglers: tuple[tuple[str, int], ...]  # (miner, rung of the ladder it stood on at the end)
    emergency: str
    obey_within_s: int
    seen_at: int | None = None  # when a tick saw the signal off; None where something else was the cause
    blind: bool = False  # the cause was a signal nobody could read: curtailed to be safe, and nobody has called
    points: tuple[Point, ...] = ()
    source: str = ""  # where the points come from: rounds, ticks or "" (nothing is kept)
    lines: tuple[Line, ...] = ()
    told: tuple[Told, ...] = ()
    shadow: str = ""  # "all": no tick of it could send anything; "part": some could not
    doubts: tuple[str, ...] = ()  # what was told during it that speaks against its proof, by DOUBTS

    @property
    def obeyed(self) -> bool | None:
        """Proven down in time; None while that is open."""
        proven_s = self.steps["shed_100_s"]
        if proven_s is not None:
            return proven_s <= self.obey_within_s
        return False if self.ended_at is not None else None


class Evidence(NamedTuple):
    """What stands behind the figures: how many events are chained, the last hash, and whether every row holds."""

    rows: int
    last: str
    intact: bool


class Report(NamedTuple):
    """All events asked for, newest first."""

    site: str
    timezone: str
    made_at: int
    config_sha: str
    evidence: Evidence
    events: tuple[Curtailment, ...]


def report(config: Config, since: int, until: int, now_s: int, *, details: bool = True) -> Report:
    """The curtailments that ended in that time, and one that stands. Raises StoreTrouble.

    Without `details` only what the event log itself says: no course of the power, no letters.
    """
    rows = query.events(config.paths, kind="curtail_report", since=since, until=until, limit=MOST_EVENTS)
    within_s = int(getattr(config.policy.rules.get("signal"), "obey_within_s", OBEY_WITHIN_S))
    found = [one for row in rows if (one := _ended(row, within_s)) is not None]
    standing = _standing(config, within_s) if until >= now_s else None
    events = [*([standing] if standing else []), *found]
    if details:
        letters = query.letters(config.paths, MOST_LETTERS)
        events = [_with_details(config, one, letters, now_s) for one in events]
    chain = query.chain(config.paths)
    evidence = Evidence(chain.rows, chain.last, chain.broken is None)
    return Report(config.site.name, config.site.timezone, now_s, config.sha, evidence, tuple(events))


def epoch(timestamp: str) -> int:
    """Wall seconds of a row's timestamp."""
    moment = datetime.fromisoformat(timestamp)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def _ended(row: EventRow, within_s: int) -> Curtailment | None:
    """An event out of its row; None for a row that is no report (damaged)."""
    try:
        _rule, code, pairs = json.loads(row.reason)
        told = {str(name): value for name, value in pairs}
        lasted_s = int(told["lasted_s"])
    except (ValueError, TypeError, KeyError):
        return None
    ended_at = epoch(row.timestamp)
    return Curtailment(
        str(told.get("cause", "")),
        "",
        ended_at - lasted_s,
        ended_at,
        {name: _whole(told.get(name)) for name in STEPS},
        _whole(told.get("before_w")),
        _whole(told.get("confirmed_w")),
        _whole(told.get("floor_w")),
        _whole(told.get("gentle")) or 0,
        _whole(told.get("hard")) or 0,
        tuple(_stragglers(str(told.get("stragglers", "")))),
        str(told.get("emergency", "")),
        _whole(told.get("within_s")) or within_s,
        blind=code == "report_blind",
    )


def _whole(value: object) -> int | None:
    """The number, None for "never" and whatever else is none."""
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _stragglers(text: str) -> Iterable[tuple[str, int]]:
    for word in text.split():
        name, _, rung = word.rpartition(":")
        if name:
            yield name, int(rung) if rung.isdecimal() else 0


def _standing(config: Config, within_s: int) -> Curtailment | None:
    """The event of now, out of the state of the last tick."""
    book = kept_book(config.paths)
    shed, image = book.state.shed, book.image
    if shed is None or shed.ended_s is not None or image is None:
        return None
    wall = image.clock.wall_s - image.clock.plant_s  # plant time to wall time, as of that tick
    late = [(name, chase.rung) for name, chase in sorted(book.state.chases.items()) if chase.want == "stop"]
    return Curtailment(
        shed.cause,
        "",
        wall + shed.signal_s,
        None,
        _steps(shed),
        shed.before_w,
        shed.confirmed_w,
        shed.floor_w,
        shed.gentle,
        shed.hard,
        tuple((name.removeprefix("miner "), rung) for name, rung in late),
        shed.emergency,
        shed.within_s or within_s,
        blind=is_blind(shed, book.state.memory),
    )


def _steps(shed: Shed) -> dict[str, int | None]:
    moments = (shed.first_command_s, shed.shed_50_s, shed.shed_90_s, shed.shed_100_s)
    return {name: at - shed.signal_s if at is not None else None for name, at in zip(STEPS, moments, strict=True)}


# -- its course ---------------------------------------------------------------------------------------------------


def _with_details(config: Config, one: Curtailment, letters: Sequence[Letter], now_s: int) -> Curtailment:
    ends_at = one.ended_at if one.ended_at is not None else now_s
    since, until = one.signal_at - BEFORE_S, ends_at + AFTER_S
    points, source = _course(config, since, until)
    rows = query.events(config.paths, since=one.signal_at - 1, until=ends_at, limit=MOST_EVENTS)
    lines = tuple(Line(epoch(row.timestamp), row.severity, row.kind, row.about, row.text) for row in reversed(rows))
    told = tuple(_told(letters, one.signal_at - 1, ends_at + TOLD_AFTER_S))
    seen_at = None if one.blind else next((line.at for line in lines if line.kind == BEGINS), None)
    shadow = _shadow(config, one.signal_at if seen_at is None else seen_at, ends_at)
    doubts = tuple(kind for kind in DOUBTS if any(line.kind == kind for line in lines))
    return one._replace(
        seen_at=seen_at, points=points, source=source, lines=lines, told=told, by=_by(config, one), shadow=shadow,
        doubts=doubts,
    )  # fmt: skip


def _shadow(config: Config, since: int, ends_at: int) -> str:
    """Whether its ticks could send anything, by the configs they ran on: what is configured today proves nothing."""
    ran_on = set(query.history(config.paths, since, max(since, ends_at - 1), ("config_sha", "code")))
    written = [text for sha, code in ran_on if (text := query.policy_text(config.paths, sha, code or ""))]
    live = set(map(_live, written))
    return "" if False not in live else "part" if True in live else "all"


def _live(policy: str) -> bool | None:
    """Of a policy as kept; None of one that is damaged."""
    try:
        return bool(json.loads(policy)["site"]["live"])
    except (ValueError, TypeError, KeyError):
        return None


def _by(config: Config, one: Curtailment) -> str:
    """Who set the signal to off by hand, by the reason of the first ticks of the event; "" for the utility's own."""
    ticks = query.history(config.paths, one.signal_at, one.signal_at + BY_HAND_S, ("reason",))
    found = (by for (reason,) in reversed(ticks) for by, set_, _ in [str(reason).partition(SET)] if set_)
    return next(found, "")


def _course(config: Config, since: int, until: int) -> tuple[tuple[Point, ...], str]:
    """The rounds of that time; where one of them can't be decided again, a point a tick."""
    points = []
    try:
        for found in recall(config.paths, since, until):
            if not isinstance(found, Recalled):
                return _ticks(config, since, until)
            points.append(_point(found))
    except ValueError:  # a damaged record: its tick still has its row
        return _ticks(config, since, until)
    return (tuple(points), "rounds") if points else _ticks(config, since, until)


def _point(found: Recalled) -> Point:
    held = found.image.site.get("site_power_w")
    site_w = held.value if held is not None else None
    miners_w = found.decision.plan.measured_w
    return Point(found.image.clock.wall_s, _whole(site_w), _whole(miners_w), found.decision.mode)


def _ticks(config: Config, since: int, until: int) -> tuple[tuple[Point, ...], str]:
    rows = query.history(config.paths, since, until, ("tick_at", "power_w", "fan_w", "mode"))
    points = tuple(Point(at, _whole(power_w), _less(power_w, fan_w), mode) for at, power_w, fan_w, mode in rows)
    return points[::-1], "ticks" if points else ""


def _less(power_w: object, fan_w: object) -> int | None:
    """The miners' share, as far as both are known."""
    whole, fans = _whole(power_w), _whole(fan_w)
    return whole - fans if whole is not None and fans is not None else None


def _told(letters: Sequence[Letter], since: int, until: int) -> Iterable[Told]:
    """The messages of that time, oldest first."""
    for letter in reversed(letters):
        try:
            body = json.loads(letter.body)
            at = int(body["at"])
        except (ValueError, TypeError, KeyError):
            continue  # a text without a moment belongs to no event
        if since <= at <= until:
            note: dict[str, Any] = dict(letter.tries[-1]) if letter.tries else {}
            ways = tuple((name, _word(value)) for name, value in note.items() if _is_way(name, value))
            yield Told(at, str(body.get("severity", "")), str(body.get("text", "")), ways, letter.told_at)


def _is_way(name: str, value: object) -> bool:
    return name not in NOT_CHANNELS and isinstance(value, str) and (value == TOLD or value.startswith("no"))


def _word(value: object) -> str:
    return str(value)[:120]
