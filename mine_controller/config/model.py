"""What config.txt becomes: typed, frozen, complete. Nobody below `tick` imports this room."""

from pathlib import Path
from typing import Any

from mine_controller.core.model.policy import Policy
from mine_controller.core.model.pool import Pool
from mine_controller.core.option import Secret
from mine_controller.core.wording.spoken import Units, units
from mine_controller.record import NamedTuple


class Problem(NamedTuple):
    """One thing wrong (or worth knowing): where, what, and what to do."""

    line: int  # 1-based; 0 = the file as a whole
    section: str
    option: str
    text: str
    file: str = ""  # "" = config.txt; else "fleet.csv"

    @property
    def told(self) -> str:
        """In one line, with where it stands: "fleet.csv:17: ..."."""
        place = f"{self.file or 'config.txt'}{f':{self.line}' if self.line else ''}"
        return f"{place}: {self.text}"


class ConfigError(Exception):
    """Every problem of the file at once. `problems` is never empty."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(f"{len(problems)} problems in the config")
        self.problems = problems


class Endpoint(NamedTuple):
    """One device section. `section` ("roomalert intake") is its name everywhere."""

    kind: str
    name: str
    options: Any  # the kind's filled Options
    live: bool
    every_s: int
    line: int
    budget_s: float = 0.0  # what a whole read may take; 0 = what its kind takes

    @property
    def section(self) -> str:
        """Its name everywhere: "kind name"."""
        return f"{self.kind} {self.name}" if self.name else self.kind


class Paths(NamedTuple):
    """Where things lie; by default all in the folder of config.txt."""

    config: Path
    fleet: Path
    db: Path  # mine_data.db
    inbox: Path  # inbox.db
    lock: Path
    stop: Path  # the level file of emergency-stop
    www: Path
    log: Path
    run: Path  # tmpfs where there is one: intents.json, fast.json
    backups: Path
    templates: Path  # the owner's own templates, may not exist
    collect: Path  # collect.db, written by `minectl collect` alone

    @property
    def stop_kept(self) -> Path:
        """A copy of `stop` beside the config: a site whose data is moved elsewhere stays stopped."""
        return self.config.with_suffix(".stop")

    @property
    def beside(self) -> tuple[Path, ...]:
        """What a person wrote that lies in every copy of the database; config.txt goes there without its secrets."""
        return (self.fleet, self.config.parent / "profiles.txt")

    @property
    def samples(self) -> Path:
        """Answers that nobody could read, a folder each."""
        return self.db.parent / "samples"


class Site(NamedTuple):
    """[site], beside what `Policy.site` carries into the core."""

    name: str
    profile: str  # coop-container ...
    timezone: str
    tick_s: int
    live: bool
    currency: str
    temperature_unit: str  # C or F, for display only
    log_level: str
    publish: str  # full or public (leaves out addresses and wallets)

    @property
    def units(self) -> Units:
        """What people here read figures in."""
        return units(self.temperature_unit, self.currency)


class Config(NamedTuple):
    """All of it. `sha` is over the text of config.txt and fleet.csv; `secrets` are the values to redact."""

    site: Site
    policy: Policy
    endpoints: dict[str, Endpoint]
    channels: dict[str, Any]  # notify channel name -> its filled Options
    paths: Paths
    sha: str
    notes: tuple[Problem, ...] = ()  # warnings: literal secrets, absent protections, sections not yet active
    secrets: tuple[str, ...] = ()
    last_good: bool = False  # True: config.txt is broken, this is config.last-good
    broken: tuple[Problem, ...] = ()  # then: what is wrong with both files
    facts: Any = None  # [site] as its filled Options, for show and get
    texts: tuple[Secret, Secret | None] = (Secret(""), None)  # config.txt and fleet.csv as read, for `remember`
    pools: tuple[Pool, ...] = ()  # the [pool] sections that are filled in, in the order of the file
    keep: Any = None  # [keep] as its filled Options (config/keep.py)

    @property
    def fault(self) -> str:
        """Why the last good config is in force: the first problem and how many more there are; "" when it isn't."""
        if not self.last_good:
            return ""
        first = self.broken[0].told if self.broken else "it can't be read"
        return f"{first} (and {len(self.broken) - 1} more)" if len(self.broken) > 1 else first
