"""Outputs that follow a wish and move no power: the local pool's door, the wall's pump, the lamp (`lamp.py`). Pure.

One command after another, far apart, until the channel says of itself what is wished: a missed one does not matter.
"""

from mine_controller.core.model.command import Command
from mine_controller.core.model.decision import Envelope
from mine_controller.core.model.quantity import TEXT_MAX_AGE_S
from mine_controller.core.model.reason import Wish
from mine_controller.core.model.state import Chase
from mine_controller.core.reach import answers, commandable
from mine_controller.core.view import View
from mine_controller.record import NamedTuple

AGAIN_S = 60  # the same word to an output that does not follow
TARGETS = ("pool ", "wall ", "lamp ")  # how the targets of their commands begin


class Level(NamedTuple):
    """One output. `wish`: the wish it follows; `soon`: the word that may also be sent in a later round of the tick."""

    target: str  # of its command
    channel: str  # what says whether it is on: "controlbyweb fans/8"
    wish: str
    soon: str


def levels(view: View, envelope: Envelope, chases: dict[str, Chase], sent: int) -> list[Command]:
    """The commands of this round, numbered from `sent` on; `chases` are brought up to date in place."""
    pool, wall = view.wiring.dummy_pool, view.wiring.wall
    wired = [Level(f"pool {pool}", pool, "dummy_pool", "on")] if pool else []  # needed now, a second look has proven
    wired += [Level("wall pump", wall, "wall", "off")] if wall else []
    wishes = {one.what: one for one in envelope.wishes if one.what in ("dummy_pool", "wall")}
    followed = {one.target for one in wired if one.wish in wishes}
    for gone in [name for name in chases if name.startswith(("pool ", "wall ")) and name not in followed]:
        del chases[gone]
    out: list[Command] = []
    for one in wired:
        if one.target in followed:
            command = follow(view, chases, one, wishes[one.wish], sent + len(out))
            out += [command] if command is not None else []
    return out


def follow(view: View, chases: dict[str, Chase], one: Level, wish: Wish, number: int) -> Command | None:
    """The command that makes one output follow its wish, if one is due; `chases` are brought up to date in place."""
    chase, seen = chases.get(one.target), view.image.channels.get(f"{one.channel}:switch")
    lane, _, address = one.channel.partition("/")
    want, sent_s = str(wish.value), (chase.sent_s or 0) if chase is not None else 0
    fresh = seen is not None and not seen.why and view.now_s - seen.at_s <= TEXT_MAX_AGE_S and seen.at_s > sent_s
    if fresh and seen is not None and seen.value == want:
        chases.pop(one.target, None)
        return None
    waits = chase is not None and chase.want == want and view.now_s - sent_s < AGAIN_S
    late = not view.image.clock.opening and want != one.soon
    if waits or late or not answers(view, lane) or not commandable(view, lane):
        return None
    tries = chase.tries + 1 if chase is not None and chase.want == want else 1
    command = Command(command_id(view, number), one.target, want, lane, address, 0, wish.reason)
    chases[one.target] = Chase(want, 0, tries, view.now_s, view.now_s, command=command.id)
    return command


def command_id(view: View, number: int) -> str:
    """The dedupe key of this round's command of that number."""
    clock = view.image.clock
    return f"{clock.began_s}.{clock.plant_s}.{number}"
