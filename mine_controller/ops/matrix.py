"""Cause and effect by experiment: the site's own image with each input good, worse, stale and unknown, decided anew."""

from collections.abc import Iterator

from mine_controller.core.decide import decide
from mine_controller.core.freeze import freeze
from mine_controller.core.model.decision import Decision
from mine_controller.core.model.image import Image
from mine_controller.core.model.policy import Policy
from mine_controller.core.model.reading import Scalar, Value
from mine_controller.core.model.state import State

STALE_S = 10_000
WORSE: dict[str, tuple[Scalar, ...]] = {
    "signal": ("off",),
    "inlet_c": (36.0, 39.0, 46.0),
    "humidity_pct": (95.0,),
    "smoke": ("alarm",),
    "water": ("alarm",),
    "stop": ("on",),
    "site_power_w": (10_000_000,),
}


def matrix(image: Image, state: State, policy: Policy) -> list[tuple[str, Decision]]:
    """(input state, decision) for every experiment; nothing is stored or sent."""
    return [(name, decide(one, state, policy)) for name, one in _experiments(image, policy)]


def _experiments(image: Image, policy: Policy) -> Iterator[tuple[str, Image]]:
    yield "as it is", image
    for name, role in policy.wiring.roles.items():
        for worse in WORSE.get(name, ()):
            yield f"{name} = {worse}", _with(image, policy, role.keys, worse)
        if name != "stop":
            yield f"{name} unknown", _stale(image, policy, role.keys)
    fans = [f"{spec.watts}:power_w" for spec in policy.wiring.fans if spec.watts]
    if fans:
        yield "all fans draw nothing", _with(image, policy, tuple(fans), 0)
        yield "fan watts unknown", _stale(image, policy, tuple(fans))
    outlets = [f"{spec.outlet}:power_w" for spec in policy.wiring.miners if spec.outlet]
    if outlets:
        yield "miner watts unknown", _stale(image, policy, tuple(outlets))


def _with(image: Image, policy: Policy, keys: tuple[str, ...], value: Scalar) -> Image:
    clock = image.clock._replace(plant_s=image.clock.plant_s + 1)  # a reading newer than the one judged already
    channels = {**image.channels, **{key: Value(value, clock.plant_s, key) for key in keys}}
    return freeze(image._replace(channels=channels), (), policy.wiring, clock)


def _stale(image: Image, policy: Policy, keys: tuple[str, ...]) -> Image:
    gone = {
        key: image.channels[key]._replace(at_s=image.clock.plant_s - STALE_S) for key in keys if key in image.channels
    }
    return freeze(image._replace(channels={**image.channels, **gone}), (), policy.wiring, image.clock)
