"""A made-up site and its ticks, of any size, for the tests of the store."""

import random
from typing import Any, NamedTuple

from mine_controller.core.freeze import freeze
from mine_controller.core.model.book import Book
from mine_controller.core.model.clock import Clock
from mine_controller.core.model.command import APPLIED, Command, Outcome
from mine_controller.core.model.decision import Decision, Envelope, Plan, Verdict
from mine_controller.core.model.image import Image, Request
from mine_controller.core.model.policy import Policy, SiteOptions
from mine_controller.core.model.quantity import ROLES
from mine_controller.core.model.reading import Reading
from mine_controller.core.model.reason import Event, Reason
from mine_controller.core.model.round import Round
from mine_controller.core.model.state import Chase, MinerBook, State, Unit
from mine_controller.core.model.wiring import EndpointSpec, FanSpec, Lane, MinerSpec, Path, Role, Wiring
from mine_controller.store.history import TickFacts
from mine_controller.store.state import ClockFacts

NOON = 1_772_366_400  # 2026-03-01T12:00:00Z
BOOT = "boot-a"
GAP = 120


def role(name: str, *keys: str) -> Role:
    return Role(name, keys, ROLES[name].vote, 240)


def policy(miners: int = 4, *, live: bool = True) -> Policy:
    dice = random.Random(7)
    macs = [":".join(f"{dice.randrange(256):02x}" for _ in range(6)) for _ in range(miners)]
    specs = tuple(
        MinerSpec(
            f"a{place:03d}", mac, "foreman mine", 3400, 20, f"redfish pdu{place // 48 + 1}/A{place % 48 + 1}",
            paths=(Path("foreman mine", 60, True), Path(f"redfish pdu{place // 48 + 1}", 10, False)),
        )
        for place, mac in enumerate(macs)
    )  # fmt: skip
    fans = tuple(FanSpec(str(n), f"controlbyweb fans/{n}", f"iotawatt fans/Fan_{n}", 1500) for n in range(1, 10))
    roles = {
        "signal": role("signal", "power_signal coop:signal"),
        "inlet_c": role(
            "inlet_c", "roomalert intake/1:temp_c", "roomalert intake/2:temp_c", "roomalert intake/3:temp_c"
        ),
        "humidity_pct": role("humidity_pct", "roomalert intake/1:humidity_pct"),
        "site_power_w": role("site_power_w", "emoncms meter:power_w"),
    }
    endpoints = {name: EndpointSpec(name) for name in ("roomalert intake", "foreman mine", "power_signal coop")}
    lanes = {"foreman mine": Lane("foreman mine"), "redfish pdu1": Lane("redfish pdu1")}
    wiring = Wiring(roles, fans, specs, (), lanes, endpoints)
    return Policy(SiteOptions("test", 1_000_000, live), {}, wiring)


def clock(at: int, opening: bool = True, began: int | None = None) -> Clock:
    plant_s = at - NOON + 10_000
    return Clock(plant_s, at, began_s=plant_s if began is None else began, soft_end_s=plant_s + 90, opening=opening)


def facts(at: int) -> ClockFacts:
    return ClockFacts(at - NOON + 10_000, BOOT, at - NOON + 5000, at)


def readings(rules: Policy, at: int, seed: int = 0) -> tuple[Reading, ...]:
    """Everything a full round hears, with noisy watts and chips."""
    dice = random.Random(seed + at)
    plant_s = at - NOON + 10_000
    found: list[tuple[str, Any]] = [("power_signal coop:signal", "run"), ("power_signal coop:health", "ok")]
    found += [(f"roomalert intake/{n}:temp_c", round(22 + dice.random(), 1)) for n in (1, 2, 3)]
    found += [("roomalert intake/1:humidity_pct", 44.5), ("emoncms meter:power_w", 500_000 + dice.randrange(9000))]
    for fan in rules.wiring.fans:
        found += [(f"{fan.switch}:switch", "on"), (f"{fan.watts}:power_w", 1450 + dice.randrange(90))]
    for spec in rules.wiring.miners:
        own = f"{spec.group}/{spec.mac}"
        found += [(f"{own}:address", str(90000 + int(spec.id[1:]))), (f"{own}:word", "hashing")]
        found += [
            (f"{own}:chip_c", round(60 + dice.random() * 9, 1)),
            (f"{own}:hashrate_ths", round(99 + dice.random(), 2)),
        ]
        found += [(f"{spec.outlet}:switch", "on"), (f"{spec.outlet}:power_w", 3300 + dice.randrange(200))]
    return tuple(Reading(key, value, plant_s) for key, value in found)


def full_state(rules: Policy) -> State:
    books = {
        spec.id: MinerBook(
            True, place + 3, 9000 + place, 8000, "2026-03-01", 1, (8100, 8200), "", 1, (8300,), 7200 + place
        )
        for place, spec in enumerate(rules.wiring.miners)
    }
    units = {
        spec.id: Unit(33_000 + 7 * place % 900, 215 + place % 9, "Antminer-2023.10", f"10.0.1.{place}")
        for place, spec in enumerate(rules.wiring.miners)
    }
    return State(
        units=units,
        miners=books,
        memory={"air": {"need": 3, "proven_s": 9990}},
        lanes={"foreman mine": 1.25},
        mode="RUNNING",
    )


class Made(NamedTuple):
    """One tick as the shell would hand it to the store."""

    tick: TickFacts
    rounds: tuple[Round, ...]
    book: Book


def make_tick(
    rules: Policy, book: Book, at: int, *, commands: int = 0, events: int = 0, requests: tuple[Request, ...] = ()
) -> Made:
    """A quiet tick, or one whose first round sends `commands` stops and tells `events`."""
    now = clock(at)
    heard = readings(rules, at)
    image = freeze(book.image, heard, rules.wiring, now, requests)
    decision = decided(rules, book.state, image, commands, events)
    outcomes = tuple(Outcome(one.id, APPLIED, "", None, now.plant_s + 2) for one in decision.commands)
    this = Round(0, now, heard, requests, image, decision, outcomes)
    answered = {name: chase._replace(answer=APPLIED) for name, chase in decision.state.chases.items()}
    state = decision.state._replace(chases=answered)
    return Made(TickFacts(at, "c0ffee" * 10, rules, facts(at)), (this,), book.after(image, state, decision))


def decided(rules: Policy, before: State, image: Image, commands: int, events: int) -> Decision:
    """A decision in the shape of a real one: every miner a little older, some told to stop."""
    at, plant_s = image.clock.wall_s, image.clock.plant_s
    orders = tuple(order(rules, at, n) for n in range(commands))
    books = {name: book._replace(run_s=book.run_s + GAP) for name, book in before.miners.items()}
    chases = {one.target: Chase("stop", 0, 1, plant_s, plant_s, command=one.id) for one in orders}
    memory = {**before.memory, "signal": {"value": "run", "at": plant_s}}
    state = before._replace(miners=books, chases=chases, memory=memory, mode="RUNNING", mode_s=plant_s)
    count = len(rules.wiring.miners)
    known_w = sum(watts for watts in image.miners.power_w if watts is not None)
    plan = Plan((True,) * count, (), tuple(range(commands)), {}, ("1", "2"), known_w, known_w, 1_000_000)
    return Decision(
        state, orders, None, "CURTAILING" if commands else "RUNNING",
        Reason("decide", "running", (("on", 3), ("miners", 4))),
        Envelope(), plan, tuple(told(at, n) for n in range(events)),
        tuple(Verdict(one.id, "done", "as asked") for one in image.requests),
    )  # fmt: skip


def told(at: int, number: int) -> Event:
    return Event("test", "info", f"event {number}", Reason("test", "told", (("at", at), ("n", number))))


def order(rules: Policy, at: int, number: int) -> Command:
    spec = rules.wiring.miners[number]
    reason = Reason("signal", "curtail_off", (("since_s", 10),))
    return Command(f"{at}.0.{number}", f"miner {spec.id}", "stop", "foreman mine", str(90000 + number), 0, reason)
