"""One line and an exit code for monitoring, by the conventions of monitoring plugins: 0 good .. 3 unknown."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from mine_controller.config.model import Config
from mine_controller.ops.recall import kept_book
from mine_controller.ports.kept import read_kept
from mine_controller.record import NamedTuple
from mine_controller.store import query
from mine_controller.store.db import StoreTrouble

OK, WARNING, CRITICAL, UNKNOWN = range(4)
WORDS = ("OK", "WARNING", "CRITICAL", "UNKNOWN")
LATE_TICKS, LOST_TICKS = 2, 5
LOOKED_BACK = 50  # ticks in which the last good one is looked for
BAD_MODES = ("FAULT", "EMERGENCY")
SHADOW = "shadow mode: nothing is sent"


class Health(NamedTuple):
    """`code` 0..3; `says` the reasons, the worst first; `figures` for graphs."""

    code: int
    says: tuple[str, ...]
    figures: tuple[tuple[str, Any], ...] = ()

    def line(self, site: str) -> str:
        """MINECTL OK - site: sentences | age=34s;240;600 power_w=951600 inlet_c=31.2."""
        text = f"MINECTL {WORDS[self.code]} - {site}: {'; '.join(self.says)}"
        figures = " ".join(f"{name}={_digits(value)}" for name, value in self.figures)
        return text.replace("|", "/") + (f" | {figures}" if figures else "")


def _digits(value: object) -> str:
    """A plugin's reader knows digits, a point and a minus, and no 9.81e-07 (a small board's rate in TH/s)."""
    said = str(value)
    return format(Decimal(said), "f") if isinstance(value, float) and "e" in said else said


def health(config: Config, now_s: int) -> Health:
    """Judge the site by its database alone: nothing is asked, nothing is written.

    Shadow mode is told and no fault: before what is good, behind what is not.
    """
    try:
        found, good = _judge(config, now_s)
    except StoreTrouble as trouble:
        found, good = Health(CRITICAL, (trouble.text,)), ()
    shadow = () if config.site.live else (SHADOW,)
    return found._replace(says=(*found.says, *shadow, *good))


def _judge(config: Config, now_s: int) -> tuple[Health, tuple[str, ...]]:
    """What is wrong, and beside it what is good."""
    rows = query.ticks(config.paths, limit=LOOKED_BACK)
    good = next((row for row in rows if row.ended_at is not None), None)
    if good is None:
        return Health(UNKNOWN, ("no tick has ended yet" if rows else "no tick has run yet",)), ()
    age_s, tick_s = now_s - good.tick_at, config.site.tick_s
    found = [_age(age_s, tick_s), _mode(rows[0]), *_alarms(config), *_backups(config)]
    if config.last_good:
        found.append((WARNING, f"config.txt has {count(config.broken)}; the last good one runs"))
    code = max(one for one, _ in found)
    wrong = tuple(text for judged, text in sorted(found, key=lambda one: -one[0]) if judged)
    good_too = tuple(text for judged, text in found if not judged)
    return Health(code, wrong, _figures(config, age_s, tick_s)), good_too


def _age(age_s: int, tick_s: int) -> tuple[int, str]:
    if age_s < -tick_s:
        return WARNING, f"the last tick lies {-age_s} s ahead: the clock was set back"
    code = CRITICAL if age_s > LOST_TICKS * tick_s else WARNING if age_s > LATE_TICKS * tick_s else OK
    return code, f"last good tick {max(0, age_s)} s ago"


def _mode(newest: query.TickRow) -> tuple[int, str]:
    return CRITICAL if newest.mode in BAD_MODES else OK, f"{newest.mode}: {newest.reason}"


def _alarms(config: Config) -> list[tuple[int, str]]:
    """What nobody has seen yet counts; what was acked is only told, what is shelved or a consequence is not."""
    alarms = kept_book(config.paths).state.alarms.values()
    out = []
    for severity, code in (("emergency", CRITICAL), ("warning", WARNING)):
        names = [f"{alarm['kind']} {alarm['about']}" for alarm in alarms if _is(alarm, "active", severity)]
        if names:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            out.append((code, f"{len(names)} open {severity}: {', '.join(names[:3])}{more}"))
    acked = sum(alarm.get("state") == "acked" for alarm in alarms)
    return [*out, (OK, f"{acked} acked")] if acked else out


def _is(alarm: dict[str, Any], state: str, severity: str) -> bool:
    """An alarm without a state is one of an older program, and stands."""
    return bool(alarm.get("state", "active") == state and alarm["severity"] == severity)


def _backups(config: Config) -> list[tuple[int, str]]:
    trouble = read_kept(config.paths).trouble
    return [(WARNING, f"backup: {trouble}")] if trouble else []


_FIGURES = ("power_w", "inlet_c", "outlet_c", "cap_w", "miners_hashing", "miners_total", "fans_on", "hashrate_ths")


def _figures(config: Config, age_s: int, tick_s: int) -> tuple[tuple[str, Any], ...]:
    """Performance data as monitoring plugins write it: value[unit];warn;crit;min;max, U for unknown."""
    row = query.history(config.paths, columns=_FIGURES, most=1)[0]
    last = {name: "U" if value is None else value for name, value in zip(_FIGURES, row, strict=True)}
    cap_w = f";;;0;{last['cap_w']}" if last["cap_w"] != "U" else ""
    of_all = f";;;0;{last['miners_total']}" if last["miners_total"] != "U" else ""
    found = [
        ("age", f"{max(0, age_s)}s;{LATE_TICKS * tick_s};{LOST_TICKS * tick_s}"),
        ("power_w", f"{last['power_w']}{cap_w}"),
        ("inlet_c", last["inlet_c"]),
        ("outlet_c", last["outlet_c"]),
        ("miners", f"{last['miners_hashing']}{of_all}"),
        ("fans", last["fans_on"]),
        ("hashrate_ths", last["hashrate_ths"]),
        ("db", f"{config.paths.db.stat().st_size}B"),
    ]
    return tuple(found)


def count(problems: Sequence[object]) -> str:
    """How many problems of a config there are, in words of a sentence."""
    return "a problem" if len(problems) == 1 else f"{len(problems)} problems"
