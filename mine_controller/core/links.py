"""Ways to the internet, each judged by its own probes: down when proven, up again only after minutes of them. Pure.

What is remembered of a link: up (1, 0; absent: not known yet), bad and good (probes in a row), bad_s and good_s (since
when), at_s (the last probe judged), first_s (first looked at).
"""

from collections.abc import Mapping
from typing import Any

from mine_controller.core.model.quantity import TEXT_MAX_AGE_S
from mine_controller.core.model.reading import Value
from mine_controller.core.model.reason import Event, Reason
from mine_controller.core.model.wiring import UplinkSpec
from mine_controller.core.view import View
from mine_controller.record import NamedTuple

Link = Mapping[str, Any]
JITTER_S = 15  # a probe comes that much earlier or later within its tick: it must not cost a whole one


class Probe(NamedTuple):
    """One look at a link. good None: it can't be judged."""

    good: bool | None
    at_s: int
    why: str = ""
    loss_pct: float | None = None
    latency_ms: float | None = None


class Pace(NamedTuple):
    """Bad probes that prove a link down, good ones and seconds that prove it up, and what still counts as good."""

    confirm: int
    good_probes: int
    good_s: int
    max_loss_pct: float
    max_latency_ms: float


def probe(view: View, link: UplinkSpec, pace: Pace) -> Probe:
    """What its channel says now."""
    channels, end = view.image.channels, view.wiring.endpoints.get(link.channel.partition("/")[0])
    oldest_s = view.now_s - max(TEXT_MAX_AGE_S, 2 * end.every_s if end is not None else 0)
    word = _fresh(channels, f"{link.channel}:link", oldest_s)
    if word is None:
        told = channels.get(f"{link.channel}:link")
        return Probe(None, 0, (told.why if told is not None else "") or "no probe came back")
    at_s = channels[f"{link.channel}:link"].at_s
    loss = _number(_fresh(channels, f"{link.channel}:loss_pct", oldest_s))
    latency = _number(_fresh(channels, f"{link.channel}:latency_ms", oldest_s))
    if word != "up":
        return Probe(False, at_s, "it is down", loss, latency)
    if loss is not None and loss > pace.max_loss_pct:
        return Probe(False, at_s, f"{loss:g} % of the probes get lost", loss, latency)
    if pace.max_latency_ms and latency is not None and latency > pace.max_latency_ms:
        return Probe(False, at_s, f"{latency:g} ms to the other side", loss, latency)
    return Probe(True, at_s, "", loss, latency)


def _fresh(channels: Mapping[str, Value], key: str, oldest_s: int) -> Any:
    told = channels.get(key)
    return told.value if told is not None and not told.why and told.at_s >= oldest_s else None


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def watch(name: str, was: Link, seen: Probe, pace: Pace, now_s: int) -> tuple[dict[str, Any], Event | None]:
    """The link's memory after this probe, and what is to be told. NET2: no probe, no change, and the good row ends."""
    kept = dict(was)
    kept.setdefault("first_s", now_s)
    if seen.good is None:
        kept["good"], kept["good_s"] = 0, 0
        return kept, None
    if seen.at_s <= int(kept.get("at_s") or 0):
        return kept, None
    kept["at_s"] = seen.at_s
    if seen.good:
        return _better(name, kept, pace)
    kept["good"], kept["good_s"] = 0, 0
    kept["bad"] = int(kept.get("bad") or 0) + 1
    kept["bad_s"] = int(kept.get("bad_s") or 0) or seen.at_s
    if kept["bad"] < pace.confirm or kept.get("up") == 0:
        return kept, None
    kept["up"] = 0
    numbers = (("link", name), ("why", seen.why), ("for_s", now_s - int(kept["bad_s"])))
    return kept, Event("uplink_down", "warning", name, Reason("uplinks", "down", numbers))


def _better(name: str, kept: dict[str, Any], pace: Pace) -> tuple[dict[str, Any], Event | None]:
    kept["good"] = int(kept.get("good") or 0) + 1
    kept["good_s"] = int(kept.get("good_s") or 0) or kept["at_s"]
    lasted_s = kept["at_s"] - int(kept["good_s"]) + JITTER_S
    long_enough = kept["good"] >= pace.good_probes and lasted_s >= pace.good_s
    if kept.get("up") == 0 and not long_enough:
        return kept, None
    was_down = kept.get("up") == 0
    away_s = kept["at_s"] - int(kept.get("bad_s") or kept["at_s"])
    kept["up"], kept["bad"], kept["bad_s"] = 1, 0, 0
    if not was_down:
        return kept, None
    return kept, Event("uplink_up", "info", name, Reason("uplinks", "up", (("link", name), ("for_s", away_s))))


def all_down_since(links: Mapping[str, Link], specs: tuple[UplinkSpec, ...], silent_s: int, now_s: int) -> int:
    """Since when no way to the internet is left; 0: there is one, or nobody can say.

    A link nobody has judged for `silent_s` counts as gone with the others, not by itself: one at least is proven down.
    """
    since = []
    for spec in specs:
        link = links.get(spec.name) or {}
        if link.get("up") == 0:
            since.append(int(link.get("bad_s") or now_s))
        elif now_s - max(int(link.get("at_s") or 0), int(link.get("first_s") or 0)) < silent_s:
            return 0
    return max(since, default=0)
