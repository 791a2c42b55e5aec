"""The lamp or siren at the site in figures and in one line beside the alarms: wanted, lit, and why. Pure."""

from collections.abc import Mapping
from typing import Any

from mine_controller.core.model.book import Book
from mine_controller.core.model.quantity import TEXT_MAX_AGE_S
from mine_controller.core.model.wiring import Wiring
from mine_controller.core.outputs.lamp import NAME
from mine_controller.render.given import Words
from mine_controller.render.plant import NEVER
from mine_controller.render.text import UNKNOWN, clean
from mine_controller.render.times import Moments

SENTENCE = 300


def lamp(book: Book, wiring: Wiring, words: Words, moments: Moments) -> dict[str, Any] | None:
    """None: no lamp is wired. `wanted`: the last decision's word, `on`: its relay's; `why`: why that is unknown."""
    if not wiring.lamp:
        return None
    image, decided = book.image, book.decision
    relay = image.channels.get(f"{wiring.lamp}:switch", NEVER) if image is not None else NEVER
    old = image is None or image.clock.plant_s - relay.at_s > TEXT_MAX_AGE_S
    known = not old and not relay.why and relay.value in ("on", "off")
    wish = next((one for one in decided.envelope.wishes if one.what == NAME), None) if decided is not None else None
    return {
        "wanted": None if wish is None else wish.value == "on",
        "on": relay.value == "on" if known else None,
        "on_age_s": moments.age_s(relay.at_s),
        "why": "" if known else clean(relay.why or "no new reading"),
        "reason": "" if wish is None else clean(words(wish.reason), SENTENCE),
    }


def said(told: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The line: `text`, `why`, and `bad` when it is not as it is wanted, or nobody knows."""
    if told is None:
        return None
    on, wanted = told["on"], told["wanted"]
    text = f"{UNKNOWN} ({told['why']})" if on is None else "lit" if on else "dark"
    text += "" if wanted is None or wanted == on else f", wanted {'lit' if wanted else 'dark'}"
    return {"text": text, "why": told["reason"], "bad": on is None or (wanted is not None and wanted != on)}
