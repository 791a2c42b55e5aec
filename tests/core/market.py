"""A shelf of boards under prices by half hours: what is published, what is true, and the bands that follow them."""

from collections.abc import Sequence
from typing import Any

from core.plant import WALL
from core.shelf import Shelf, boards

from mine_controller.core.model.policy import PoolFacts
from mine_controller.core.model.reading import Reading
from mine_controller.core.model.wiring import EndpointSpec, Role, Wiring
from mine_controller.core.money.bands import DEFAULTS, Band
from mine_controller.core.money.prices import Slot, write
from mine_controller.core.option import fill
from mine_controller.core.rules import band, profit

HALF_S = 1800
PRICES = "octopus agile"
POOLS = (PoolFacts("dgb", "DGB", "dgb.example"), PoolFacts("bch", "BCH", "bch.example"),
         PoolFacts("btc", "BTC", "btc.example"), PoolFacts("xmr", "XMR", "xmr.example"))  # fmt: skip
BEGIN_S = (WALL + 10_000) // HALF_S * HALF_S + HALF_S  # wall time of the first slot of a market


def half_hours(*prices: float | None, begin_s: int = BEGIN_S) -> tuple[Slot, ...]:
    """Half hours in a row; None is a gap."""
    return tuple(Slot(begin_s + at * HALF_S, begin_s + (at + 1) * HALF_S, price)
                 for at, price in enumerate(prices) if price is not None)  # fmt: skip


def with_prices(wires: Wiring) -> Wiring:
    return wires._replace(
        roles={**wires.roles, "price": Role("price", (f"{PRICES}:slots",), "first", 240)},
        endpoints={**wires.endpoints, PRICES: EndpointSpec(PRICES)},
    )


def options(bands: Sequence[Band] = DEFAULTS, **more: Any) -> Any:
    return fill(band.Options, more)._replace(sections=tuple(bands))


class Market(Shelf):
    """Boards of a kind that runs eco, standard and overclock. `slots` is what is published now."""

    def __init__(self, slots: Sequence[Slot], *, bands: Sequence[Band] = DEFAULTS, live: bool = True, **more: Any):
        modes = ("eco", "standard", "overclock")
        wires = boards(more.pop("count", 2), modes=modes, pools=("dgb", "bch", "btc"), **more.pop("spec", {}))
        super().__init__(with_prices(more.pop("change", lambda one: one)(wires)), live=live)
        coins = more.pop("coins", None)
        rules = {**self.policy.rules, "band": options(bands, **more)}
        rules |= {"profit": coins} if coins is not None else {}
        self.policy = self.policy._replace(rules=rules, pools=POOLS)
        self.slots = tuple(slots)
        self.pool = dict.fromkeys(self.pool, "dgb")
        self.now = BEGIN_S - WALL - 2 * 120

    @property
    def wall_s(self) -> int:
        return WALL + self.now

    @property
    def band(self) -> str:
        return str(self.state.memory["band"]["band"])

    def readings(self, asked: set[str]) -> list[Reading]:
        found = super().readings(asked)
        if PRICES in asked and PRICES not in self.dead:
            found.append(Reading(f"{PRICES}:slots", write(self.slots), self.now))
        return found

    def _do(self, name: str, command: Any) -> str:
        if command.verb == "mode":
            self.told.append((self.now, name, command.verb, command.value))
            self.mode[name], self.power[name] = (
                command.value,
                {"eco": 12, "standard": 18, "overclock": 25}[command.value],
            )
            return "applied"
        return super()._do(name, command)

    def until(self, wall_s: int) -> "Market":
        while self.wall_s < wall_s:
            self.tick()
        return self

    def hashing(self) -> int:
        return sum(watts > 6 for watts in self.power.values())


def coins(**values: float) -> Any:
    made = [(name, fill(profit.Section, {"value": value})) for name, value in values.items()]
    return profit.with_sections(fill(profit.Options, {}), made)
