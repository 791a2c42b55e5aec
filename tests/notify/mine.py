"""A site whose ticks are real from lock to unlock but for its devices, under a wall clock that a test sets."""

from contextlib import nullcontext
from typing import Any

from cli.place import Place

from mine_controller.config.load import load
from mine_controller.ports.clock import Clocks, Sources
from mine_controller.ports.journal import Journal
from mine_controller.ports.live import Live
from mine_controller.tick import Ports, tick

TOKEN = "4711:canary-token"
NOON = 1_784_116_800  # 2026-07-15 12:00 UTC, a Wednesday
TELEGRAM = f"""\
[telegram]
token = {TOKEN}
chat_id = -100
api_url = {{url}}
"""


class Mine(Place):
    """`tell` delivers, `ping` is all that follows; backups are left to their own tests."""

    def __init__(
        self, folder: Any, sections: str, *, live: bool = True, wall: int = NOON, timezone: str = "UTC"
    ) -> None:
        super().__init__(folder, live=live)
        text = self.path.read_text().replace("timezone = UTC", f"timezone = {timezone}")
        self.path.write_text(text.replace("[end]", f"{sections}\n[end]"))
        self.config = load(self.path)
        self.wire_for: Any = None
        self.at(wall)

    def at(self, wall: int) -> "Mine":
        """The time from now on, by both clocks; later than it was."""
        if self.began:
            assert wall >= self.wall, "time runs forward"
            self.plant.now += wall - self.wall
        self.began = wall - self.plant.now
        return self

    def _ports(self) -> Ports:
        sources = Sources(lambda: self.plant.now, lambda: self.wall, lambda: "boot-a", lambda: True)
        live = Live(self.config, sources=sources, wire_for=self.wire_for)
        live.clocks = Clocks(self.config.site.timezone, 120, sources)
        live.keep_copies = lambda *_given: None  # type: ignore[method-assign]
        journal = Journal(self.config, live.clocks, live.log)
        return Ports(
            nullcontext, live.clocks, self._ask, self._act, journal, self._wait, lambda _book: None,
            lambda book: live.tell(book, journal), lambda book: live.ping(book, journal),
        )  # fmt: skip

    def tick(self) -> Any:
        """One tick; its book. The clocks are two minutes further then."""
        began = self.plant.now
        book = tick(self._ports(), self.config.policy)
        self.plant.now = began + 120
        return book

    def log(self) -> str:
        return (self.path.parent / "mine.log").read_text()

    def notes(self, word: str) -> list[str]:
        """The lines of the log with this word."""
        return [line for line in self.log().splitlines() if word in line]
