"""Prometheus text out of the status document. No timestamps; what is unknown has no sample. Pure.

Names are a promise: docs/monitoring.md, the rules and the dashboard under cron/ rest on them. Written by hand because
prometheus_client costs a tick three times the import of everything else here; promtool reads the result in the tests.
"""

from collections.abc import Callable, Iterable
from typing import Any

from mine_controller.core.miners.hearing import told_now
from mine_controller.core.model.book import Book
from mine_controller.core.model.quantity import QUANTITIES, ROLES
from mine_controller.core.model.wiring import Wiring
from mine_controller.core.modes import MODES
from mine_controller.record import NamedTuple
from mine_controller.render.fleet import STATES, Unit, units
from mine_controller.render.text import clean

PREFIX = "minectl_"
Labels = tuple[tuple[str, str], ...]


class Sample(NamedTuple):
    """One line. `value` None: unknown, so it is left out."""

    value: float | bool | None
    labels: Labels = ()


class Family(NamedTuple):
    """A metric: `name` without prefix, ends in its unit."""

    name: str
    help: str
    samples: tuple[Sample, ...]


class Each(NamedTuple):
    """One miner. None: unknown."""

    name: str
    running: bool | None
    power_w: int | None
    hashes_per_s: float | None
    chip_c: float | None


def each(book: Book, wiring: Wiring) -> tuple[Each, ...]:
    """Every miner by itself, however many; the document leaves them out where they are many."""
    channels = book.image.channels if book.image is not None else {}
    now_s = book.image.clock.plant_s if book.image is not None else 0

    def told(unit: Unit, quantity: str) -> float | None:
        place = f"{unit.spec.group}/{unit.spec.mac}"
        one = channels.get(f"{place}:{quantity}")
        old = one is None or unit.lost or now_s - one.at_s > QUANTITIES[quantity].max_age_s
        if one is None or old or not told_now(channels, place, f":{quantity}"):
            return None
        return float(one.value) if isinstance(one.value, int | float) else None

    rows = []
    for unit in units(book, wiring):
        running = None if unit.state == "unknown" else unit.state == "running"
        rate, ths = told(unit, "rate_hs"), told(unit, "hashrate_ths")
        rate = ths * 1e12 if rate is None and ths is not None else rate
        rows.append(Each(clean(unit.spec.id, 40), running, unit.power_w, rate, told(unit, "chip_c")))
    return tuple(rows)


def metrics(made: dict[str, Any], miners: tuple[Each, ...] = ()) -> str:
    """The document as exposition text; a family without any known sample is left out whole."""
    families = (
        *(*_site(made), *_alarms(made), *_supply(made), *_network(made), *_machines(made), *_roles(made)),
        *(*_fans(made), *_miners(made), *_each(miners), *_contract(made), *_inputs(made)),
    )
    return "".join(_family(family) for family in families)


def _family(family: Family) -> str:
    lines = [_line(family.name, sample) for sample in family.samples if sample.value is not None]
    if not lines:
        return ""
    head = f"# HELP {PREFIX}{family.name} {family.help}\n# TYPE {PREFIX}{family.name} gauge\n"
    return head + "".join(lines)


def _line(name: str, sample: Sample) -> str:
    labels = ",".join(f'{key}="{_escaped(value)}"' for key, value in sample.labels)
    value = sample.value
    shown = repr(float(value)) if isinstance(value, float) and not value.is_integer() else str(int(value or 0))
    return f"{PREFIX}{name}{{{labels}}} {shown}\n" if labels else f"{PREFIX}{name} {shown}\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _one(name: str, told: str, value: float | bool | None) -> Family:
    return Family(name, told, (Sample(value),))


def _site(made: dict[str, Any]) -> Iterable[Family]:
    about = (("site", made["site"]), ("version", made["version"]))
    yield Family("info", "Always 1; labels tell the site and the version.", (Sample(1, about),))
    yield _one("live", "1 when commands are sent, 0 in shadow mode.", made["live"])
    yield _one(
        "last_tick_timestamp_seconds", "When the last tick read the mine, in seconds since 1970.", made["tick_at"]
    )
    yield _one("tick_interval_seconds", "How far apart ticks are planned.", made["tick_s"])
    left_out = made.get("ticks_skipped") or {}  # a document that an older version wrote has none
    yield _one(
        "ticks_skipped", "Ticks that found the lock taken since the controller started.", left_out.get("since_start")
    )
    yield Family(
        "mode",
        "1 for the mode the mine is in, 0 for the others.",
        tuple(Sample(made["mode"] == mode, (("mode", mode),)) for mode in MODES),
    )
    yield _one("overrides", "Overrides of persons in force.", len(made["overrides"]))
    yield _one("emergency_stop", "1 while a person's emergency stop is in force.", made["emergency_stop"])
    yield _one("site_power_watts", "Power of the whole site.", made["power_w"])
    yield _one("site_power_known", "Parts of the site power that are known.", made["power_known"])
    yield _one("power_cap_watts", "The most the site may draw.", made["cap_w"])
    yield _one("power_permitted_watts", "What the miners may draw now.", made["permitted_w"])
    yield _one("miners_power_watts", "Sum of the miners' known power.", made["miners_w"])
    yield _one("fans_power_watts", "Sum of the fans' known power.", made["fans_w"])


def _alarms(made: dict[str, Any]) -> Iterable[Family]:
    severities = [alarm["severity"] for alarm in made["alarms"]]
    yield Family(
        "alarms",
        "Open alarms by severity.",
        tuple(Sample(severities.count(one), (("severity", one),)) for one in ("warning", "emergency")),
    )
    named = {
        (("kind", alarm["kind"]), ("about", alarm["about"]), ("severity", alarm["severity"])): None
        for alarm in made["alarms"]
    }
    yield Family("alarm_active", "1 for each open alarm.", tuple(Sample(1, labels) for labels in named))


def _supply(made: dict[str, Any]) -> Iterable[Family]:
    told = made["supply"]
    if told is None:
        return
    share = told["used_pct"]
    yield _one("supply_held_watts", "What counts of what the source can give.", told["held_w"])
    yield _one("supply_available_watts", "What the source can give by the last reckoning.", told["available_w"])
    yield _one("supply_used_ratio", "Site power as a share of the supply that counts.", _ratio(share))


def _ratio(percent: float | None) -> float | None:
    return None if percent is None else round(percent / 100, 4)


def _network(made: dict[str, Any]) -> Iterable[Family]:
    """Uplinks in base units, and the holding pool."""
    links = made["uplinks"]

    def column(of: Callable[[dict[str, Any]], float | bool | None]) -> tuple[Sample, ...]:
        return tuple(Sample(of(one), (("uplink", one["name"]),)) for one in links)

    yield Family(
        "uplink_up",
        "1 while the uplink carries.",
        column(lambda one: None if one["link"] is None else one["link"] == "up"),
    )
    yield Family(
        "uplink_latency_seconds", "How long a connection over it takes.",
        column(lambda one: None if one["latency_ms"] is None else round(one["latency_ms"] / 1000, 4)),
    )  # fmt: skip
    yield Family("uplink_loss_ratio", "Share of tries lost on it.", column(lambda one: _ratio(one["loss_pct"])))
    loss = made.get("share_loss_pct")  # a document that an older version wrote has none
    yield _one("share_loss_ratio", "Share of all shares rejected or stale, last half hour.", _ratio(loss))
    pool = made["holding_pool"]
    if pool is not None:
        yield _one("holding_pool_up", "1 while the holding pool runs.", pool["lives"])
        yield _one("holding_pool_open", "1 while it takes miners.", pool["open"])
        yield _one("holding_pool_miners", "Miners working for it.", pool["clients"])


def _machines(made: dict[str, Any]) -> Iterable[Family]:
    """The controller and its UPS: temperature, room, load, battery, and what is wrong (contacts)."""
    by_metric: dict[str, list[Sample]] = {}
    for one in made["machines"]:
        labels = (("section", one["section"]), ("part", one["part"]))
        if one["quantity"] == "contact":
            value: float | bool | None = None if one["value"] is None else one["value"] == "alarm"
        else:
            value = one["value"]
        quantity = "temp_c" if one["quantity"] == "board_c" else one["quantity"]  # one metric for warm boards and UPSs
        by_metric.setdefault(quantity, []).append(Sample(value, labels))
    for quantity, samples in by_metric.items():
        if quantity == "contact":
            yield Family("machine_trouble", "1 while that part of the controller or UPS is in trouble.", tuple(samples))
        else:
            about = QUANTITIES[quantity]
            yield Family(f"machine_{about.metric}", f"{about.label} of the controller or UPS.", tuple(samples))


def _roles(made: dict[str, Any]) -> Iterable[Family]:
    """Readings by the metric name of their quantity, with the role as a label."""
    by_metric: dict[str, list[Sample]] = {}
    helps: dict[str, str] = {}
    for name, one in made["readings"].items():
        role = ROLES.get(name)
        quantity = QUANTITIES.get(role.quantity if role is not None else "temp_c" if name.endswith("_c") else name)
        if quantity is not None and name != "supply_kw" and isinstance(one["value"], int | float):
            by_metric.setdefault(quantity.metric, []).append(Sample(one["value"], (("role", name.rpartition("_")[0]),)))
            helps[quantity.metric] = f"{quantity.label} by role."
    yield from (Family(name, helps[name], tuple(samples)) for name, samples in by_metric.items())


def _fans(made: dict[str, Any]) -> Iterable[Family]:
    def column(field: str) -> tuple[Sample, ...]:
        return tuple(Sample(fan[field], (("fan", fan["name"]),)) for fan in made["fans"])

    proven = tuple(
        Sample(None if fan["state"] == "unknown" else fan["state"] == "proven", (("fan", fan["name"]),))
        for fan in made["fans"]
    )
    yield Family("fan_wanted", "1 when the fan is wanted on.", column("wanted"))
    yield Family("fan_on", "1 when the fan's relay says on.", column("on"))
    yield Family("fan_power_watts", "Power of the fan.", column("watts"))
    yield Family("fan_proven", "1 when the fan's own power proves that it moves air.", proven)
    wall = made.get("wall")  # a document that an older version wrote has none
    if wall is not None:
        yield _one("wall_pump_wanted", "1 when the evaporative wall's pump is wanted on.", wall["wanted"])
        yield _one("wall_pump_on", "1 when its relay says on.", wall["on"])
        yield _one("wall_tank_alarm", "1 when its tank is empty.", wall["tank"] == "alarm" if wall["tank"] else None)
        yield _one("wall_dry", "1 while the wall runs and cools nothing.", wall["dry"])


def _miners(made: dict[str, Any]) -> Iterable[Family]:
    miners = made["miners"]
    yield Family(
        "miners",
        "Miners by state; the states add up to all of them.",
        tuple(Sample(miners[state], (("state", state),)) for state in STATES),
    )
    yield _one("miners_configured", "Miners in the configuration.", miners["total"])
    yield _one("miners_online", "Miners that answer or draw working power.", miners["online"])
    yield _one("miners_hashing", "Miners that say that they hash.", miners["hashing"])
    yield _one("miners_power_known", "Miners whose power is known.", miners["power_known"])


def _each(miners: tuple[Each, ...]) -> Iterable[Family]:
    def column(of: Callable[[Each], float | bool | None]) -> tuple[Sample, ...]:
        return tuple(Sample(of(one), (("miner", one.name),)) for one in miners)

    yield Family("miner_running", "1 while the miner runs.", column(lambda one: one.running))
    yield Family("miner_power_watts", "Power of the miner.", column(lambda one: one.power_w))
    yield Family(
        "miner_hashes_per_second", "Hash rate of the miner, by its own word.", column(lambda one: one.hashes_per_s)
    )
    yield Family("miner_chip_celsius", "Hottest chip of the miner.", column(lambda one: one.chip_c))


def _contract(made: dict[str, Any]) -> Iterable[Family]:
    signal, obey = made["signal"], made["time_to_obey"] or {}
    word = signal["value"]
    yield Family(
        "signal",
        "1 for the word the utility's power signal says.",
        tuple(Sample(None if word is None else word == one, (("word", one),)) for one in ("run", "warn", "off")),
    )
    yield _one("signal_age_seconds", "Age of the last word of the power signal.", signal["age_s"])
    yield _one("time_to_obey_seconds", "How long a stop of everything now running would take.", obey.get("seconds"))
    yield _one("time_to_obey_limit_seconds", "How long it may take.", obey.get("within_s"))


def _inputs(made: dict[str, Any]) -> Iterable[Family]:
    def column(field: str) -> tuple[Sample, ...]:
        return tuple(Sample(one[field], (("endpoint", one["endpoint"]),)) for one in made["inputs"])

    yield Family("input_up", "1 when the endpoint answered the last time it was asked.", column("ok"))
    yield Family("input_age_seconds", "Age of the newest value of the endpoint.", column("age_s"))
    yield Family("input_failures", "Failures in a row.", column("fails"))
