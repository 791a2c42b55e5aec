"""A home with boards, pools, prices by half hours and bands: a real folder, ticks on a shelf of numbers."""

import time
from pathlib import Path
from typing import Any

from cli.place import Place
from core.shelf import Shelf

from mine_controller.config.load import load
from mine_controller.core.model.reading import Reading
from mine_controller.core.money.prices import Slot, write
from mine_controller.store.stop import stop_requested

HALF_S = 1800
GROUP = "bitaxe shelf"
BANDS = """\
[band 1]
coin = off

# nights and other half-price hours
[band 2]
max_price = 20
coin = DGB
modes = bitaxe eco, nerdqaxe eco, avalon low

[band 3]
max_price = 12
coin = BTC
modes = bitaxe standard

"""
TEXT = """\
[site]
name = Attic
profile = agile-home
timezone = Europe/London
currency = GBP
live = yes

[bitaxe shelf]
hosts = 127.0.0.1
nominal_w = 20
standby_w = 3

[octopus agile]
region = H

[pool dgb]
url = stratum+tcp://dgb.example:3333
user = walletcanary
coin = DGB
fallback = btc

[pool btc]
url = stratum+tcp://btc.example:3333
user = walletcanary
coin = BTC

{bands}
[schedule quiet]
hours = 22:00-07:00
modes = eco

[profit BTC]
value = 4.32

[profit DGB]
value = 4.0

[wiring]
price = octopus agile
[end]
"""


def write_home(folder: Path, bands: str = BANDS) -> Path:
    path = folder / "config.txt"
    path.write_text(TEXT.format(bands=bands))
    path.chmod(0o600)
    rows = [f"b{at},02:00:00:00:00:{at:02x},{GROUP},,,,,,,," for at in range(2)]
    header = "id,mac,group,name,outlet,breaker,phase,row,nominal_w,flags,note"
    (folder / "fleet.csv").write_text("\n".join([header, *rows]) + "\n")
    return path


class Attic(Shelf):
    """Two boards of the site's own wiring, each with a hash rate; `slots` is what is published."""

    def __init__(self, config: Any) -> None:
        super().__init__(config.policy.wiring)
        self.policy = config.policy
        self.slots: tuple[Slot, ...] = ()
        self.asked: dict[str, int] = {}  # the watts told when the boards were asked last
        self.pool = dict.fromkeys(self.pool, "dgb")
        self.audited = False

    def readings(self, asked: set[str]) -> list[Reading]:
        out = [Reading("stop:switch", self.stop, self.now)]
        out += [Reading(f"{end}:health", "ok", self.now) for end in asked]
        if "octopus agile" in asked:
            out.append(Reading("octopus agile:slots", write(self.slots), self.now))
        self.asked = dict(self.power) if GROUP in asked else self.asked
        for spec in self.wiring.miners if GROUP in asked else ():
            out += [Reading(f"{GROUP}/{spec.mac}{key}", value, self.now) for key, value in self._of(spec.id)]
            if self.power[spec.id] > 6:
                out.append(Reading(f"{GROUP}/{spec.mac}:hashrate_ths", 1.2, self.now))
        return out


class Home(Place):
    """The site and the command line as typed in it. Its ticks end now."""

    def __init__(self, folder: Path, bands: str = BANDS) -> None:
        self.path = write_home(folder, bands)
        self.config = load(self.path)
        self.plant: Any = Attic(self.config)
        self.began = 0

    def prices(self, *prices: float, ticks: int) -> "Home":
        """Half hours, the first from a minute before the first of so many ticks on; the last tick ends now."""
        self.began = int(time.time()) - self.plant.now - 120 * ticks
        begin_s = self.wall - 60  # no edge near now, at whatever minute the test runs
        self.plant.slots = tuple(
            Slot(begin_s + at * HALF_S, begin_s + (at + 1) * HALF_S, price) for at, price in enumerate(prices)
        )
        return self

    def _ask(self, asked: Any, image: Any, clock: Any) -> Any:
        del image, clock
        self.plant.stop = "off" if stop_requested(self.config.paths) is None else "on"
        return tuple(self.plant.readings({one.endpoint for one in asked}))
