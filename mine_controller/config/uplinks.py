"""[wiring]: the ways to the internet and the local pool.

* uplink starlink = uplink starlink
* uplink lte = openmptcprouter router/lte
* dummy_pool = dummy_pool local
"""

import re
from typing import Protocol

from mine_controller.config.lines import Entry
from mine_controller.core.model.wiring import UplinkSpec

WORDS = ("uplink", "dummy_pool")
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,20}")


class Desk(Protocol):
    """What wires the rest of the section: it checks references and takes problems."""

    def tell(self, entry: Entry, text: str) -> None:
        """One more problem of a line."""

    def channel(self, entry: Entry, text: str, quantity: str, need: str) -> str:
        """The channel of a reference, "" when it is none or not active yet."""

    def switches(self, channel: str) -> bool:
        """True when the section behind a channel takes on and off."""


class Lines:
    """The lines of both words, as they come."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.uplinks: dict[str, UplinkSpec] = {}
        self.dummy_pool = ""

    def line(self, entry: Entry) -> None:
        """One of them."""
        word, _, name = entry.key.partition(" ")
        text = " ".join(entry.value.split())
        if word == "dummy_pool":
            self._pool(entry, name, text)
        elif not _NAME.fullmatch(name):
            self.desk.tell(entry, "needs a name, like `uplink starlink = uplink starlink`")
        elif channel := self.desk.channel(entry, text, "link", "uplink"):
            same = next((one.name for one in self.uplinks.values() if one.channel == channel), "")
            if same:  # one line that is down would be every line
                self.desk.tell(entry, f"{channel} is uplink {same} already")
            self.uplinks[name] = UplinkSpec(name, channel)

    def _pool(self, entry: Entry, name: str, text: str) -> None:
        channel = "" if name else self.desk.channel(entry, text, "link", "dummy_pool")
        if name or "/" in channel:
            self.desk.tell(entry, "is one section, like `dummy_pool = dummy_pool local`")
        elif channel and not self.desk.switches(channel):
            self.desk.tell(entry, f"[{channel}] can't be opened and closed; write `dummy_pool = dummy_pool local`")
        else:
            self.dummy_pool = channel
