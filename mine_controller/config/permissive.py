"""[permissive] against the boards there are: its relay must be able to pulse, and nothing else may hang on it.

And against the time between ticks: a pulse that is over before the next one lets the contactor fall at every tick.
"""

from collections.abc import Mapping
from typing import Any

from mine_controller.config.lines import Document, Section, nearest
from mine_controller.config.relays import never, place
from mine_controller.config.site import Options as Site
from mine_controller.config.site import tick_s
from mine_controller.config.wiring import Kinds, Wired
from mine_controller.config.work import Work
from mine_controller.core.model.wiring import Wiring
from mine_controller.notify.permissive import check as faults
from mine_controller.notify.permissive import lane_of

KIND = "permissive"


def check(
    document: Document, channels: Mapping[str, Any], kinds: Kinds, wiring: Wiring, facts: Site, work: Work
) -> None:
    """Tell what is wrong with each such section; one whose board is not yet active is a note."""
    first: dict[tuple[str, ...], str] = {}
    for title, options in channels.items():
        if title.partition(" ")[0] != KIND:
            continue
        _holds(document.sections[title], options.pulse_s, tick_s(facts), work)
        if faults(options):
            continue  # no relay, or not written as one: told by the section's own check
        line = document.sections[title].entries["relay"].line
        section, number = lane_of(options)
        wired = kinds.get(section)
        other = first.setdefault(place(options.relay, kinds), title)
        fan = next((spec.name for spec in wiring.fans if spec.switch == options.relay), "")
        if wired is None:
            work.tell(line, title, "relay", f"there is no section [{section}]{nearest(section, kinds)}")
        elif "pulse" not in wired.module.CAN.verbs:
            work.tell(line, title, "relay", f"a {wired.section.kind} can't pulse a relay; a controlbyweb board can")
        elif fan:
            work.tell(line, title, "relay", f"drives fan {fan} already: a fan must never be pulsed")
        elif wired.endpoint is None:
            work.note(line, title, "relay", f"waits while [{section}] is not yet active")
        elif why := _unfit(wired, number):
            work.tell(line, title, "relay", why)
        elif other != title:  # each holds it for its own time, so what one lets fall the other holds
            of = document.sections[other].entries["relay"].line
            say = work.note if options._replace(relay="") == channels[other]._replace(relay="") else work.tell
            say(line, title, "relay", f"{options.relay} is the relay of [{other}] already (line {of}): keep one")
        else:
            _commanded(wired, line, title, facts, work)


def _unfit(wired: Wired, number: str) -> str:
    """What speaks against this relay of a board that is active."""
    options = wired.endpoint.options if wired.endpoint is not None else None
    if not 0 < int(number) <= int(getattr(options, "relays", 99)):
        return f"[{wired.section.title}] has {getattr(options, 'relays', 'no such')} relays"
    why = never(wired, number, "pulse")
    return f"can't be pulsed: {why}" if why else ""


def _commanded(wired: Wired, line: int, title: str, facts: Site, work: Work) -> None:
    """A board that is only asked, on a site that is live."""
    if facts.live and wired.endpoint is not None and not wired.endpoint.live:
        text = (
            f"is never pulsed while [{wired.section.title}] has live = no: write yes there, or the contactor stays open"
        )
        work.note(line, title, "relay", text)


def _holds(section: Section, pulse_s: int, tick_s: int, work: Work) -> None:
    """Whether one pulse lasts until the next one, and over a tick that is late."""
    line = section.entries["pulse_s"].line if "pulse_s" in section.entries else section.line
    if pulse_s <= tick_s:
        text = f"is over before the next tick, {tick_s} s later: the relay would fall each time; write more"
        work.tell(line, section.title, "pulse_s", text)
    elif pulse_s < 2 * tick_s:
        text = f"one late tick lets it fall: ticks are {tick_s} s apart, so {2 * tick_s} s or more are better"
        work.note(line, section.title, "pulse_s", text)
