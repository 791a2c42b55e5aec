"""One rule by itself: a view of plain numbers, its memory from round to round, and what it says."""

from typing import Any

from core.plant import WALL, wiring

from mine_controller.core import rules
from mine_controller.core.fleet import Fleet
from mine_controller.core.model.clock import Clock, Local
from mine_controller.core.model.image import Fan, Image, Miners
from mine_controller.core.model.policy import SiteOptions
from mine_controller.core.model.reading import Value
from mine_controller.core.model.reason import Advice
from mine_controller.core.model.state import FanBook, State
from mine_controller.core.model.wiring import Role
from mine_controller.core.option import fill
from mine_controller.core.view import View

BLANK = Fleet((), (), 0, 0, 0, 0, 0, 0, 0, 0, None, None, 0, 0)


class Desk:
    """A rule with its memory. Attributes are the world; `see` is one round."""

    def __init__(self, rule: str, miners: int = 10, fans: int = 4, **options: Any) -> None:
        self.rule = rules.load(rule)
        self.options = fill(self.rule.Options, options)
        self.wiring = wiring(miners, fans)
        self.site = SiteOptions("test", 100_000, True)
        self.now, self.memory = 10_000, {}
        self.roles: dict[str, Any] = {}
        self.known: dict[str, int] = {}  # when each role was known last
        self.why: dict[str, str] = {}
        self.fans = {spec.name: "proven" for spec in self.wiring.fans}
        self.fan_watts: int | None = 1500
        self.fans_on = fans  # so many of them
        self.state = State()
        self.channels: dict[str, Value] = {}
        self.words: tuple[str | None, ...] = (None,) * miners
        self.clock: dict[str, Any] = {}
        self.fleet: dict[str, Any] = {}
        self.last = Advice()

    def view(self) -> View:
        n = len(self.wiring.miners)
        on_n = self.fleet.get("on_n", n)
        on = tuple(at < on_n for at in range(n))
        est = tuple(3400 if one else 25 for one in on)
        base = BLANK._replace(
            on=on, est_w=est, on_n=on_n, measured_w=sum(est), miners_w=sum(est), proof_w=sum(est),
            nominal_w=3400 * n, standby_w=25 * n, fans_w=1500 * len(self.fans), other_w=1500 * len(self.fans),
        )  # fmt: skip
        fleet = base._replace(**self.fleet)
        clock = Clock(self.now, WALL + self.now, local=Local("2026-07-15", 720, 2), **{"opening": True} | self.clock)
        site = {
            name: value
            if isinstance(value, Value)
            else Value(value, self.known.get(name, 0), name, self.why.get(name, ""))
            for name, value in self.roles.items()
        }
        fans = tuple(
            Fan(name, at < self.fans_on, self.now, self.fan_watts, self.now) for at, name in enumerate(self.fans)
        )
        miners = Miners(
            tuple(spec.id for spec in self.wiring.miners), est, (self.now,) * n, self.words, (self.now,) * n,
            (None,) * n, ("1",) * n,
        )  # fmt: skip
        image = Image(clock, self.channels, site, fans, miners, {})
        books = {name: FanBook(state) for name, state in self.fans.items()}
        return View(image, fleet, self.wiring, self.site, self.state, books)

    def see(self, passed_s: int = 120, **roles: Any) -> Advice:
        """One round, so much later, with these roles from now on."""
        self.now += passed_s
        self.roles |= roles
        self.known |= {name: self.now for name, value in self.roles.items() if value is not None}
        self.last = self.rule.advise(self.view(), self.memory, self.options)
        self.memory = self.last.memory
        return self.last

    def limit(self, what: str) -> int | None:
        """The tightest amount of the last round's limits of that name; None: there is none."""
        found = [limit.amount for limit in self.last.limits if limit.what == what]
        return (max if what == "fans_min" else min)(found) if found else None

    def events(self) -> list[str]:
        """Kinds of the last round's events."""
        return [event.kind for event in self.last.events]

    def codes(self, what: str) -> list[str]:
        """Codes of the reasons of the last round's limits of that name."""
        return [limit.reason.code for limit in self.last.limits if limit.what == what]


def wired(desk, *roles):
    more = {name: Role(name, (f"meter m/{name}:x",), "high", 240) for name in roles}
    desk.wiring = desk.wiring._replace(roles={**desk.wiring.roles, **more})
    return desk
