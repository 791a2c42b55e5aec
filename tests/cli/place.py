"""A real site folder for the command line's tests: config.txt, fleet.csv, and ticks of the numbers-only plant."""

import socket
import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from click.testing import CliRunner, Result
from core.plant import Plant

from mine_controller.cli.main import group
from mine_controller.config.load import load
from mine_controller.core.model.image import Request
from mine_controller.ports.clock import Clocks, Sources
from mine_controller.ports.journal import Journal
from mine_controller.ports.log import Log
from mine_controller.store.inbox import pending
from mine_controller.store.stop import stop_requested
from mine_controller.tick import Ports, tick

if TYPE_CHECKING:
    from mine_controller.config.model import Config

MINERS = 8
TEXT = """\
[site]
name = Coop test
profile = coop-container
timezone = UTC
power_cap_kw = 1000
live = {live}

[power_signal coop]
url = http://127.0.0.1:{port}/signal
selector = .signal
run = run
off = off

[roomalert intake]
url = http://127.0.0.1:{port}

[iotawatt fans]
url = http://127.0.0.1:{port}

[controlbyweb fans]
url = http://127.0.0.1:{port}
relays = 9

[redfish pdu1]
url = http://127.0.0.1:{port}
user = admin
password = canary-pdu

[foreman mine]
url = http://127.0.0.1:{port}
client = 1
key = canary-key
nominal_w = 3400
standby_w = 25

[wiring]
signal = power_signal coop
inlet_c = roomalert intake/1, roomalert intake/2, roomalert intake/3
ambient_c = roomalert intake/5
humidity_pct = roomalert intake/1
smoke = roomalert intake/switch 1
{fans}

[end]
"""


def closed_port() -> int:
    """A port of this machine on which nobody listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def write_site(folder: Path, *, live: bool = True, port: int = 9) -> Path:
    """config.txt (0600) and fleet.csv."""
    fans = "\n".join(
        f"fan {n} = switch controlbyweb fans/{n}, watts iotawatt fans/Fan_{n}, normal 1500" for n in range(1, 10)
    )
    path = folder / "config.txt"
    path.write_text(TEXT.format(live="yes" if live else "no", port=port, fans=fans))
    path.chmod(0o600)
    rows = [f"m{at:03},02:11:22:33:00:{at:02x},foreman mine,,redfish pdu1/A{at + 1},,,,,," for at in range(MINERS)]
    header = "id,mac,group,name,outlet,breaker,phase,row,nominal_w,flags,note"
    (folder / "fleet.csv").write_text("\n".join([header, *rows]) + "\n")
    return path


class Place:
    """The site, its plant, and the command line as typed in it."""

    def __init__(self, folder: Path, *, live: bool = True, port: int = 9) -> None:
        self.path = write_site(folder, live=live, port=port)
        self.config: Config = load(self.path)
        self.plant = Plant(self.config.policy.wiring, self.config.policy)
        self.began = 0

    @property
    def wall(self) -> int:
        """Wall time of the plant: the last tick ended just now."""
        return self.plant.now + self.began

    def ticks(self, count: int = 1, *, of: int = 0) -> "Place":
        """Run ticks the way the shell runs them; the last of all `of` of a test began 120 s ago by the wall clock."""
        if not self.began:
            self.began = int(time.time()) - self.plant.now - 120 * (of or count)
        for _ in range(count):
            began = self.plant.now
            tick(self._ports(), self.config.policy)
            self.plant.now = began + 120
            self.plant._grow()
        return self

    def wire(self, line: str) -> None:
        """One more line of [wiring]; the board has a spare relay."""
        text = self.path.read_text().replace("relays = 9", "relays = 10").replace("[wiring]\n", f"[wiring]\n{line}\n")
        self.path.write_text(text)
        self.config = load(self.path)
        self.plant.wiring, self.plant.policy = self.config.policy.wiring, self.config.policy

    def _ports(self) -> Ports:
        sources = Sources(lambda: self.plant.now, lambda: self.wall, lambda: "boot-a", lambda: True)
        clocks = Clocks("UTC", 120, sources)
        journal = Journal(self.config, clocks, Log(self.config.paths.log))
        return Ports(nullcontext, clocks, self._ask, self._act, journal, self._wait, _no, _no, _no)

    def _ask(self, asked: Any, image: Any, clock: Any) -> Any:
        del image, clock
        self.plant.stop = "off" if stop_requested(self.config.paths) is None else "on"
        return tuple(self.plant.readings({one.endpoint for one in asked}))

    def _act(self, commands: Any, clock: Any) -> Any:
        del clock

        class Batch:
            pass

        batch: Any = Batch()
        batch.commands = commands
        return self.plant.act(batch)

    def _wait(self, book: Any, until_s: int) -> None:
        self.plant.now = max(self.plant.now, until_s)
        self.plant._grow()

    def without_hourly_copies(self) -> "Place":
        """The ticks above ran by the real clock: whether an hour began among them is chance."""
        for path in self.config.paths.backups.glob("hour-*.db"):
            path.unlink()
        return self

    def requests(self) -> tuple[Request, ...]:
        """What lies in the inbox."""
        return pending(self.config.paths)

    def run(self, *words: str, **about: Any) -> Result:
        """minectl WORDS --config this site."""
        return CliRunner().invoke(group, [*words, "--config", str(self.path)], catch_exceptions=False, **about)


def _no(book: Any) -> None:
    """A port the store's tests do without."""
