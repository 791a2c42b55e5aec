"""A planted bug shown: the story that reveals it, without it and with it, and a whole day of the mine with it inside.

For whoever wants to see that the laws can fail: `minectl demo --plant NAME`.
"""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mine_controller.config.load import load
from mine_controller.config.model import Config
from mine_controller.play import demo
from mine_controller.play.planted import BUGS, Bug, plant
from mine_controller.play.stage import Stage
from mine_controller.record import NamedTuple
from mine_controller.twin import agile, coop, home, offgrid, story, tariff

if TYPE_CHECKING:
    from mine_controller.twin.site import Site

Progress = Callable[[int, int], None]
HEAD = "title its own story\ndate 2026-07-15\n"
USUAL = {"miners": 24, "pdus": 2, "weather": "july", "hour": 12.0, "running": True, "cap_kw": 1000}
ZONES = {agile.Site.kind: tariff.ZONE, home.Site.kind: home.ZONE, offgrid.Site.kind: offgrid.ZONE}
STILL: dict[str, dict[str, Any]] = {coop.Site.kind: {"extras": False}, offgrid.Site.kind: {"extras": False}}


class Law(NamedTuple):
    """A law that was broken: how often it was said (100 at most are kept), and the first sentence."""

    name: str
    times: int
    first: str


class Shown(NamedTuple):
    """What came of it. `clean`: its story without the bug, which must break nothing."""

    bug: Bug
    clean: tuple[Law, ...]
    own: tuple[Law, ...]
    day: tuple[Law, ...]
    ticks: int

    @property
    def seen(self) -> bool:
        """Whether every law that should speak up did, and none without the bug."""
        return not self.clean and set(self.bug.by) <= {law.name for law in (*self.own, *self.day)}


def named(name: str) -> Bug | None:
    """The bug of that name; None: there is none."""
    return next((bug for bug in BUGS if bug.name == name), None)


def show(bug: Bug, folder: Path, seed: int, hours: int, progress: Progress) -> Shown:
    """Play its story twice, then a day. OSError: the folder can't be written."""
    clean = _laws(_own(bug, folder / "own").play(bug.deeds, bug.ticks))
    with plant(bug):
        own = _laws(_own(bug, folder / "own").play(bug.deeds, bug.ticks))
        stage = _day(bug, folder / "day", seed)
        total = hours * 3600 // stage.config.site.tick_s
        for at in range(total):
            stage.tick()
            progress(at + 1, total)
    return Shown(bug, clean, own, _laws(stage), total)


def _laws(stage: Stage) -> tuple[Law, ...]:
    found = stage.found
    first = dict(reversed(found))
    return tuple(Law(name, times, first[name]) for name, times in Counter(name for name, _ in found).items())


def _kind(bug: Bug) -> str:
    """The site the bug is at home on."""
    return str(bug.stage.get("site", coop.Site.kind))


def _day(bug: Bug, folder: Path, seed: int) -> Stage:
    """The packaged day of its site; nothing of it is ill but the program."""
    site: Site = demo.SITES[_kind(bug)](seed, **STILL.get(_kind(bug), {}))
    return Stage(demo.write_config(folder, site), site, again=bool(bug.stage.get("again")))


def _own(bug: Bug, folder: Path) -> Stage:
    kind = _kind(bug)
    usual = {**USUAL, "weather": "savanna"} if kind == offgrid.Site.kind else USUAL
    about: dict[str, Any] = {**usual, **bug.stage}
    told = story.parse(f"{HEAD}weather {about['weather']}\n")
    if kind in ZONES:
        start, more = told.start_wall_s(ZONES[kind]) + int(about["hour"] * 3600), dict(STILL.get(kind, {}))
        more |= {"miners": about["miners"]} if kind == offgrid.Site.kind else {}
        site: Site = demo.SITES[kind](1, start, story=told, **more)
        return Stage(demo.write_config(folder, site), site)
    start = told.start_wall_s() + int(about["hour"] * 3600)
    size = {name: about[name] for name in ("miners", "pdus", "running")}
    site = coop.build(1, start, story=told, extras=False, **size)
    return Stage(_capped(demo.write_config(folder, site), about["cap_kw"]), site, again=bool(about.get("again")))


def _capped(config: Config, cap_kw: int) -> Config:
    """The same config under another cap."""
    path = config.paths.config
    text = path.read_text("utf-8").replace("power_cap_kw = 1000", f"power_cap_kw = {cap_kw}")
    path.write_text(text, "utf-8")
    return load(path)
