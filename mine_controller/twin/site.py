"""What every twin site shares: a world, devices at addresses, their faults, and a story laid over plant time.

A site of its own kind says what a story can do to it (`deeds`), what it has (`has`), and where its devices stand.
"""

from collections.abc import Callable, Mapping
from typing import Final, Protocol

from mine_controller.record import NamedTuple
from mine_controller.twin import story as stories
from mine_controller.twin.answer import Answer, Asked, Server, Talker, not_found
from mine_controller.twin.faults import Fault, Faults

LOOPBACK: Final = "127.0.0.1"
FIRST_PORT: Final = 18_100  # for names only, where nothing listens
Deed = Callable[[list[str]], None]


class World(Protocol):
    """The physics behind a site. `now_s` is plant time from 0; `start_wall_s` the wall clock at that moment."""

    seed: int
    start_wall_s: int
    now_s: float

    def advance(self, to_s: float) -> None:
        """Move to plant second `to_s`; going back does nothing."""

    def touch(self) -> None:
        """Something was changed from outside."""

    def energy_kwh(self) -> float:
        """What the miners used since second 0."""

    def permitted_kwh(self) -> float:
        """Nominal energy of the healthy miners while they were permitted to run."""


class Served(NamedTuple):
    """A device of the site: its config section, what answers for it, and where."""

    section: str
    server: Server | Talker
    port: int
    host: str = LOOPBACK
    unit: str = ""  # the miner's id, where a section serves several
    side: str = ""  # which of its ports, where it has several
    bare: bool = False  # a connection without HTTP

    @property
    def netloc(self) -> str:
        """host:port of its URL."""
        return f"{self.host}:{self.port}"

    @property
    def name(self) -> str:
        """Its section, which of its units, and which side of that."""
        name = f"{self.section}/{self.unit}" if self.unit else self.section
        return f"{name} {self.side}" if self.side else name


class Door(NamedTuple):
    """A place where something may listen. Doors of one lot share a port; `usual` is the one the real device has.

    `lot` is the config section, or a section and the option that holds another port of its units. `bare`: without HTTP.
    `stays`: a bare line is not closed after its first answer.
    """

    lot: str
    host: str = LOOPBACK
    usual: int = 0
    bare: bool = False
    stays: bool = False


class Person(NamedTuple):
    """What somebody in the story asks of minectl at a second: `set-state KEY VALUE`; value "clear" takes it back."""

    at_s: float
    key: str
    value: str


class Site:
    """Everything of one twin. `advance` moves world and story together; `answer` and `talk` ask one device."""

    kind = ""  # the name of its template under sites/

    def __init__(self, world: World, story: stories.Story, zone: str) -> None:
        self.plant, self.story, self.zone = world, story, zone
        self.faults = Faults()
        self.served: dict[str, Served] = {}
        self.by_netloc: dict[str, Served] = {}
        self.told: list[stories.Step] = []  # what the story has done so far
        self.unfit: list[stories.Step] = []  # what it asked of units this site does not have
        self.wishes: list[Person] = []  # what persons of the story asked for and nobody has fetched yet
        self._script = stories.Script(story, world.start_wall_s, zone)
        self.place({})

    # ---------------------------------------------------------------- what a site says of itself

    def deeds(self) -> Mapping[str, Deed]:
        """By the word of a story: what does it here."""
        return {}

    def has(self, what: str, words: list[str]) -> bool:
        """Whether the unit a step names exists here; the word itself is known."""
        del what, words
        return True

    def place(self, ports: Mapping[str, int]) -> None:
        """Say on which port each section is found; the rest gets names only. Fills `served` and `by_netloc`."""
        del ports

    def doors(self) -> tuple[Door, ...]:
        """Every place where a device listens or may come to listen."""
        return tuple(Door(name) for name in self.served)

    def starts(self) -> list[int]:
        """How often each miner truly began to start."""
        return []

    # ---------------------------------------------------------------- what all sites do

    def put(self, rows: list[Served]) -> None:
        """These are the devices, at these addresses."""
        self.served = {row.name: row for row in rows}
        self.by_netloc = {row.netloc: row for row in rows}

    def expect(self, step: stories.Step) -> None:
        """One more step, at its second, beside what the story holds."""
        self._script.add(step)

    def advance(self, to_s: float) -> None:
        """Move the world to plant second `to_s`, playing what the story holds on the way."""
        for step in self._script.due(to_s):
            self.plant.advance(step.at_s)
            self.play(step)
        self.plant.advance(to_s)

    def play(self, step: stories.Step) -> None:
        """Make one step of a story true, now; one that names a unit this site does not have changes nothing."""
        words, deed = step.words.split(), self.deeds().get(step.what)
        if deed is None or not self.has(step.what, words):
            self.unfit.append(step)
            return
        self.told.append(step)
        self.plant.touch()
        deed(words)

    def fault_of(self, served: Served) -> Fault:
        """What is wrong with this device's connection now."""
        return self.faults.of(served.section)

    def reach(self, served: Served, at_s: float) -> None:
        """Before a device is asked: bring along what has a clock of its own. Others see the world as it stands."""

    def answer(self, served: Served, asked: Asked, at_s: float) -> Answer:
        """What this device answers, bent by its fault. Timing faults are the door's business."""
        fault = self.fault_of(served)
        self.reach(served, at_s)
        ask = getattr(served.server, "answer", None)
        if ask is None or fault.kind == "unauthorised":
            return self.faults.bend(served.name, asked.path, not_found(), fault)
        return self.faults.bend(served.name, asked.path, ask(asked, at_s), fault)

    def talk(self, served: Served, request: bytes, at_s: float) -> bytes:
        """The same for a device that is asked over a bare connection."""
        self.reach(served, at_s)
        talk = getattr(served.server, "talk", None)
        said: bytes = talk(request, at_s) if talk is not None else b""
        return self.faults.twist(served.name, request, said, self.fault_of(served))

    def fetch_wishes(self) -> tuple[Person, ...]:
        """What persons asked for since the last call."""
        wishes, self.wishes = tuple(self.wishes), []
        return wishes

    def person(self, words: list[str]) -> None:
        """A person of the story asks for something: KEY VALUE, or KEY clear."""
        self.wishes.append(Person(self.plant.now_s, words[0], words[1]))
