"""The image: everything known at one moment. Made by `freeze`, never changed after."""

from mine_controller.core.model.clock import Clock
from mine_controller.core.model.reading import Value
from mine_controller.record import NamedTuple


class Request(NamedTuple):
    """A person's or a service's wish out of inbox.db. `until_s` is wall time or 0 (until changed)."""

    id: int
    at: int
    source: str  # cli serve collect telegram
    actor: str
    verb: str  # set-state clear-state emergency-stop resume ack ...
    args: tuple[str, ...]  # ("signal", "off")
    reason: str = ""
    until: int = 0
    flags: tuple[str, ...] = ()  # stand-in accept-penalty
    uid: int = -1
    tty: str = ""


class Fan(NamedTuple):
    """One fan as seen. `on` is the relay's word (None unknown); `watts` None unknown."""

    name: str
    on: bool | None
    on_at: int
    watts: int | None
    watts_at: int


class Miners(NamedTuple):
    """Columns of equal length, in the order of the wiring.

    power_w: fresh watts or None (why unknown stands in the channel) · power_at: when last known ·
    word: its own word or None · outlet: "on" "off" None (unknown or has none) · address: by its first gentle lane.
    """

    ids: tuple[str, ...] = ()
    power_w: tuple[int | None, ...] = ()
    power_at: tuple[int, ...] = ()
    word: tuple[str | None, ...] = ()
    word_at: tuple[int, ...] = ()
    outlet: tuple[str | None, ...] = ()
    address: tuple[str | None, ...] = ()


class Image(NamedTuple):
    """`channels` is the truth (every channel's last value); `site`, `fans`, `miners` are read out of it."""

    clock: Clock
    channels: dict[str, Value]
    site: dict[str, Value]
    fans: tuple[Fan, ...]
    miners: Miners
    tickets: dict[str, str]
    requests: tuple[Request, ...] = ()
