"""The permissive relay: pulsed after each good tick, after the dead-man, through the board's own driver and lane.

Good is what the dead-man calls success: saved, inputs fresh, no FAULT. Nothing is sent in shadow, with `live = no` in
the board's section, or while a curtailment stays unproven where the owner wants it to fall then.
"""

import time
from collections.abc import Callable
from typing import Any

from mine_controller.config.model import Config
from mine_controller.core.model.book import Book
from mine_controller.core.model.command import APPLIED, Command, Outcome
from mine_controller.core.model.reason import Reason
from mine_controller.notify.permissive import Options, lane_of
from mine_controller.ports.log import Log
from mine_controller.ports.pulse import trouble
from mine_controller.ports.tell import once_in
from mine_controller.wire.door import Wire

SAID_EVERY_S = 3600  # what stays the same is a line an hour
REASON = Reason("permissive", "good_tick")


def permissive_of(config: Config) -> list[tuple[str, Options]]:
    """Every [permissive]."""
    return [(title, some) for title, some in config.channels.items() if title.partition(" ")[0] == "permissive"]


def withheld(config: Config, book: Book, unsaved: str, options: Options) -> str:
    """Why it is not pulsed after this tick, "" when it is."""
    if not config.site.live:
        return "shadow mode"
    wrong = trouble(config, book, unsaved)
    shed = book.state.shed
    if not wrong and options.trip_on_unproven and shed is not None and shed.emergency and shed.ended_s is None:
        return "a curtailment is unproven"
    return wrong


def permit(
    config: Config,
    book: Book,
    unsaved: str,
    wire_for: Callable[[str, float], Wire],
    log: Log,
    until: float,
) -> None:
    """Pulse each permissive relay, or say why not. Ends by `until` (monotonic); raises nothing a board can cause."""
    for title, options in permissive_of(config):
        why = withheld(config, book, unsaved, options)
        outcome = None if why else _pulse(config, book, options, wire_for, until)
        text = f"not pulsed: {why}" if outcome is None else f"{outcome.verdict} {outcome.why}".strip()
        good = outcome is not None and outcome.verdict == APPLIED
        said = "WARN" if not good and config.site.live else "INFO"
        if once_in(config.paths.run / f"said-{title.replace(' ', '-')}", SAID_EVERY_S, text):
            log.say(int(time.time()), said, "permissive", relay=options.relay, text=text)


def _pulse(
    config: Config, book: Book, options: Options, wire_for: Callable[[str, float], Wire], until: float
) -> Outcome:
    from mine_controller.devices.act import act  # noqa: PLC0415 - only where a relay is wired

    section, number = lane_of(options)
    wall_s = book.image.clock.wall_s if book.image is not None else 0
    command = Command(
        f"{wall_s}.permissive", "permissive", "pulse", section, number, 0, REASON, "", str(options.pulse_s)
    )
    at: Callable[[float], Any] = int
    return act((command,), config.endpoints, (), at, wire_for, until)[0]
