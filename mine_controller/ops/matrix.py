"""Cause and effect by experiment: the site's own image with each input good, worse, stale and unknown, decided anew."""

from collections.abc import Iterator

from mine_controller.core.decide import decide
from mine_controller.core.freeze import freeze
from mine_controller.core.model.decision import Decision
from mine_controller.core.model.image import Image
from mine_controller.core.model.policy import Policy
from mine_controller.core.model.reading import Scalar, Value
from mine_controller.core.model.state import State

STALE_S = 3600
SILENT = "silent for 1 h"
WORSE: dict[str, tuple[Scalar, ...]] = {
    "signal": ("off",),
    "inlet_c": (36.0, 39.0, 46.0),
    "humidity_pct": (95.0,),
    "supply_kw": (0.0,),
    "battery_soc_pct": (0,),
    "generator_load_pct": (150,),
    "smoke": ("alarm",),
    "water": ("alarm",),
    "stop": ("on",),
    "site_power_w": (10_000_000,),
}


def matrix(image: Image, state: State, policy: Policy) -> list[tuple[str, Decision]]:
    """(input state, decision) for every experiment; nothing is stored or sent. A silence that does nothing more than
    a failed reading is left out.
    """
    rows: list[tuple[str, Decision]] = []
    for name, one in _experiments(image, policy):
        decision = decide(one, state, policy)
        if not name.endswith(SILENT) or _effect(decision) != _effect(rows[-1][1]):
            rows.append((name, decision))
    return rows


def _effect(decision: Decision) -> tuple[object, ...]:
    return decision.mode, decision.plan.run, decision.plan.fans_on, decision.envelope.no_start is None


def _experiments(image: Image, policy: Policy) -> Iterator[tuple[str, Image]]:
    yield "as it is", image
    for name, role in policy.wiring.roles.items():
        for worse in WORSE.get(name, ()):
            yield f"{name} = {worse}", _with(image, policy, role.keys, worse)
        if name != "stop":
            yield f"{name} unknown", _gone(image, policy, role.keys, 0)
            yield f"{name} {SILENT}", _gone(image, policy, role.keys, STALE_S)
    fans = [f"{spec.watts}:power_w" for spec in policy.wiring.fans if spec.watts]
    if fans:
        yield "all fans draw nothing", _with(image, policy, tuple(fans), 0)
        yield "fan watts unknown", _gone(image, policy, tuple(fans), 0)
        yield f"fan watts {SILENT}", _gone(image, policy, tuple(fans), STALE_S)
    outlets = [f"{spec.outlet}:power_w" for spec in policy.wiring.miners if spec.outlet]
    if outlets:
        yield "miner watts unknown", _gone(image, policy, tuple(outlets), 0)
        yield f"miner watts {SILENT}", _gone(image, policy, tuple(outlets), STALE_S)


def _with(image: Image, policy: Policy, keys: tuple[str, ...], value: Scalar) -> Image:
    clock = image.clock._replace(plant_s=image.clock.plant_s + 1)  # a reading newer than the one judged already
    channels = {**image.channels, **{key: Value(value, clock.plant_s, key) for key in keys}}
    return freeze(image._replace(channels=channels), (), policy.wiring, clock)


def _gone(image: Image, policy: Policy, keys: tuple[str, ...], age_s: int) -> Image:
    """The last good value is `age_s` older than it is, and no new one has come."""
    gone = {
        key: image.channels[key]._replace(value=None, at_s=image.channels[key].at_s - age_s, why="no answer")
        for key in keys
        if key in image.channels
    }
    return freeze(image._replace(channels={**image.channels, **gone}), (), policy.wiring, image.clock)
