"""The evaporative wall in figures and in one line of the air panel: its pump, its tank, and whether it cools. Pure."""

from collections.abc import Mapping
from typing import Any

from mine_controller.core.model.book import Book
from mine_controller.core.model.quantity import TEXT_MAX_AGE_S
from mine_controller.core.model.wiring import Wiring
from mine_controller.render.given import Words
from mine_controller.render.plant import NEVER
from mine_controller.render.text import UNKNOWN, clean
from mine_controller.render.times import Moments

WISH = "wall"
SENTENCE = 300
_TANK = {"ok": "tank has water", "alarm": "TANK EMPTY"}


def wall(book: Book, wiring: Wiring, words: Words, moments: Moments) -> dict[str, Any] | None:
    """None: no pump is wired. `on`: its relay's word; `tank`: "" where no float switch is wired, None unknown."""
    if not wiring.wall:
        return None
    image, decided = book.image, book.decision
    relay = image.channels.get(f"{wiring.wall}:switch", NEVER) if image is not None else NEVER
    tank = image.site.get("tank", NEVER) if image is not None else NEVER
    old = image is None or image.clock.plant_s - relay.at_s > TEXT_MAX_AGE_S
    known = not old and not relay.why and relay.value in ("on", "off")
    wish = next((one for one in decided.envelope.wishes if one.what == WISH), None) if decided is not None else None
    wired = "tank" in wiring.roles
    return {
        "wanted": None if wish is None else wish.value == "on",
        "on": relay.value == "on" if known else None,
        "on_age_s": moments.age_s(relay.at_s),
        "tank": (tank.value if tank.value in _TANK else None) if wired else "",
        "tank_why": clean(tank.why) if wired else "",
        "dry": None if wish is None else bool(book.state.memory.get(WISH, {}).get("dry_told")),
        "reason": "" if wish is None else clean(words(wish.reason), SENTENCE),
    }


def said(told: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The line of the panel: `text`, `why`, and `bad` when somebody should look."""
    if told is None:
        return None
    parts = [_pump(told["wanted"], told["on"]), *_tank(told), *(["COOLS NOTHING"] if told["dry"] else [])]
    apart = told["on"] is not None and told["wanted"] is not None and told["on"] != told["wanted"]
    bad = bool(told["dry"]) or told["tank"] in ("alarm", None) or told["on"] is None or apart
    return {"text": ", ".join(parts), "why": told["reason"], "bad": bad}


def _pump(wanted: bool | None, on: bool | None) -> str:
    word = UNKNOWN if on is None else "on" if on else "off"
    if wanted is None or wanted == on:
        return f"pump {word}"
    return f"pump {word}, wanted {_on(wanted)}" if on is None else f"pump {word} though wanted {_on(wanted)}"


def _on(value: bool) -> str:
    return "on" if value else "off"


def _tank(told: Mapping[str, Any]) -> list[str]:
    if told["tank"] == "":
        return []
    if told["tank"] is None:
        return [f"tank {UNKNOWN}" + (f" ({told['tank_why']})" if told["tank_why"] else "")]
    return [_TANK[told["tank"]]]
