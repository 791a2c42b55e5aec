"""Does a fan prove what it does? One is stopped or started and its watts are looked at."""

from typing import Any

from mine_controller.config.model import Config
from mine_controller.core.freeze import freeze
from mine_controller.core.model.image import Fan
from mine_controller.core.model.wiring import FanSpec
from mine_controller.core.watch import PROVEN_SHARE_PCT, WELDED_SHARE_PCT
from mine_controller.core.wording.words import speaker
from mine_controller.ops.drills.scene import UNSAFE, NotTried, Scene, Work, held, may_begin, plant_of
from mine_controller.ops.recall import last_seen

FAN_S = 900  # how long what was set lasts at most, should nobody take it back
FAN_TICKS = 4


def fan(name: str) -> Work:
    """One fan on and off, each proven by its watts.

    While miners draw power no fan goes down, whoever asks: then only one that stands still can be tried, and its off
    is left for when the mine is dark.
    """

    def work(scene: Scene, figures: dict[str, Any]) -> bool:
        spec = _spec(scene.config, name)
        may_begin(scene, aside=UNSAFE)
        seen = _fan(scene, name)
        if seen is None or (seen.on is None and seen.watts is None):
            raise NotTried(f"neither relay nor watts of fan {name} are known; `minectl probe` its sections")
        turns = seen.on is True or (seen.watts or 0) * 100 >= spec.normal_w * PROVEN_SHARE_PCT
        kept = _kept_on(scene)
        if turns and kept:
            raise NotTried(f"fan {name} turns and stays on ({kept}): name one that stands still, or wait until dark")
        for value in ("off", "on") if turns else ("on", "off"):
            if value == "off" and kept:
                scene.tell(f"off is not tried: {kept}")
                continue
            figures[value] = _turned(scene, spec, value)
            if not figures[value]["proven"]:
                return False
        return True

    return work


def _kept_on(scene: Scene) -> str:
    """Why no fan may go down now, "" when one may."""
    found = last_seen(scene.config.paths, scene.config.policy)
    decision = found.book.decision if found is not None else None
    why = decision.envelope.no_fan_down if decision is not None else None
    return speaker(scene.config.site.units)(why) if why else ""


def _spec(config: Config, name: str) -> FanSpec:
    fans = config.policy.wiring.fans
    spec = next((one for one in fans if one.name == name), None)
    if spec is None:
        raise NotTried(f"there is no fan {name!r}; fans are {', '.join(one.name for one in fans) or 'none'}")
    if not spec.watts:
        raise NotTried(f"[wiring] names no watts for fan {name}: nothing could prove what it does")
    return spec


def _fan(scene: Scene, name: str) -> Fan | None:
    """The fan as the last tick read it; the store keeps channels, and `freeze` makes fans of them."""
    image = scene.book().image
    if image is None:
        return None
    seen = freeze(image, (), scene.config.policy.wiring, image.clock._replace(rebooted=False))
    return next((one for one in seen.fans if one.name == name), None)


def _turned(scene: Scene, spec: FanSpec, value: str) -> dict[str, Any]:
    """Hold it so and look, for a few ticks; on reaches 60 % of its normal watts, off falls below 30 %."""
    began_s, asked_s, seen = scene.now_s, plant_of(scene.book()), None
    with held(scene, f"fan.{spec.name}", value, FAN_S, "drill fan"):
        for look in range(FAN_TICKS):
            seen = _fan(scene, spec.name)
            if seen is not None and _shows(seen, spec, value, asked_s):
                took_s = scene.now_s - began_s
                scene.tell(f"fan {spec.name} is {value}: {seen.watts} W of {spec.normal_w} W, {took_s} s", good=True)
                return {"proven": True, "watts": seen.watts, "took_s": took_s}
            if look + 1 < FAN_TICKS:
                scene.next_tick()
        _why_not(scene, spec, value, seen)
    return {"proven": False, "watts": seen.watts if seen else None, "took_s": None}


def _shows(seen: Fan, spec: FanSpec, value: str, since_s: int) -> bool:
    """Watts read after it was asked for; the relay's own word must not say the contrary."""
    if seen.watts is None or seen.watts_at <= since_s or seen.on is (value == "off"):
        return False
    share = seen.watts * 100
    on = share >= spec.normal_w * PROVEN_SHARE_PCT
    return on if value == "on" else share <= spec.normal_w * WELDED_SHARE_PCT


def _why_not(scene: Scene, spec: FanSpec, value: str, seen: Fan | None) -> None:
    """Say what stood in the way: a need of the site that came up meanwhile, or the relay and the fan themselves."""
    kept = _kept_on(scene) if value == "off" else ""
    if kept:
        raise NotTried(f"fan {spec.name} stays on, because something came up: {kept}")
    watts = "unknown" if seen is None or seen.watts is None else f"{seen.watts} W of {spec.normal_w} W"
    relay = {True: "on", False: "off", None: "unknown"}[seen.on if seen else None]
    scene.tell(f"fan {spec.name} was told {value} and that is not proven: relay {relay}, {watts}", good=False)
