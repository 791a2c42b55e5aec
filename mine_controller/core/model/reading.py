"""A reading: one value of one channel as a device reported it. Never changed after `parse`."""

from mine_controller.record import NamedTuple

Scalar = int | float | str | None
LAST_KNOWN = ", last known "  # at the end of why something is unknown


class Reading(NamedTuple):
    """`key` is "kind name/channel:quantity", for example "roomalert intake/1:temp_c" or "redfish pdu1/A1:power_w".

    `value` None means unknown, and `why` says why in a few words; 0 is never a stand-in. `at_s` is plant time.
    `trust`: measured, test (set-state on an input), person (a stand-in while the real one is unknown).
    """

    key: str
    value: Scalar
    at_s: int
    why: str = ""
    trust: str = "measured"

    @property
    def source(self) -> str:
        """The channel without the quantity: "roomalert intake/1"."""
        return self.key.rpartition(":")[0]

    @property
    def quantity(self) -> str:
        """The quantity: "temp_c"."""
        return self.key.rpartition(":")[2]


class Value(NamedTuple):
    """What the image holds for a channel or a role. `at_s` is when the value was last *known*, also while it is not.

    value None, at_s 0: never seen.
    """

    value: Scalar
    at_s: int
    source: str = ""
    why: str = ""

    def brief(self, most: int) -> str:
        """Why it is unknown, in so many letters: how long it has been stays whole, as a figure cut short is another.

        The rest ends behind a word: a letter that breaks off in one reads as if more of it were lost.
        """
        head, mark, age = self.why.rpartition(LAST_KNOWN)
        tail = mark + age
        if len(self.why) <= most:
            return self.why
        return cut(self.why, most) if not mark or len(tail) + 12 > most else cut(head, most - len(tail)) + tail


def cut(text: str, most: int) -> str:
    """Whole words of it, and dots for the rest, where it is longer than `most` letters."""
    if len(text) <= most:
        return text
    room = text[: most - 3]
    return (room.rpartition(" ")[0] or room[:-1]) + " ..."
