"""Does the mine obey? The signal is set to off, as a person would, and darkness is proven by watts."""

from typing import Any

from mine_controller.core.model.state import Shed
from mine_controller.ops.drills.scene import NotTried, Scene, held, may_begin

OBEY_WITHIN_S = 300
CURTAIL_S = 1200  # how long what was set lasts at most, should nobody take it back


def curtail(scene: Scene, figures: dict[str, Any]) -> bool:
    """The signal set to off; passed when measured power is below X in the contract's time."""
    may_begin(scene, "signal")
    if scene.book().state.mode == "IDLE":
        raise NotTried("nothing runs, so nothing could be shed")
    within_s = int(getattr(scene.config.policy.rules.get("signal"), "obey_within_s", OBEY_WITHIN_S))
    before = scene.book().state.shed
    with held(scene, "signal", "off", CURTAIL_S, "drill curtail"):
        gone_s = 0
        while gone_s < within_s + scene.config.site.tick_s:
            shed = _fresh(scene.book().state.shed, before)
            if shed is not None and (shed.shed_100_s is not None or shed.emergency):
                break
            scene.tell(_so_far(shed))
            gone_s += scene.next_tick()
        shed = _fresh(scene.book().state.shed, before)
        stragglers = [name for name, chase in sorted(scene.book().state.chases.items()) if chase.want == "stop"]
        figures |= _figures(shed, within_s, stragglers)
        return _judged(scene, figures)


def _fresh(shed: Shed | None, before: Shed | None) -> Shed | None:
    """The event of this drill, not one of before."""
    return None if shed is None or (before is not None and shed.seen_s == before.seen_s) else shed


def _so_far(shed: Shed | None) -> str:
    if shed is None:
        return "the tick has not begun to curtail"
    steps = (("50 %", shed.shed_50_s), ("90 %", shed.shed_90_s))
    gone = [name for name, at in steps if at is not None]
    return f"curtailing; of {shed.before_w} W {gone[-1] if gone else 'less than half'} gone, not proven yet"


def _figures(shed: Shed | None, within_s: int, stragglers: list[str]) -> dict[str, Any]:
    def since(at_s: int | None) -> int | None:
        return at_s - shed.signal_s if shed is not None and at_s is not None else None

    return {
        "obey_within_s": within_s,
        "first_command_s": since(shed.first_command_s if shed else None),
        "shed_50_s": since(shed.shed_50_s if shed else None),
        "shed_90_s": since(shed.shed_90_s if shed else None),
        "shed_100_s": since(shed.shed_100_s if shed else None),
        "before_w": shed.before_w if shed else None,
        "confirmed_w": shed.confirmed_w if shed else None,
        "floor_w": shed.floor_w if shed else None,
        "gentle": shed.gentle if shed else 0,
        "hard": shed.hard if shed else 0,
        "emergency": shed.emergency if shed else "",
        "stragglers": [name.removeprefix("miner ") for name in stragglers],
    }


def _judged(scene: Scene, figures: dict[str, Any]) -> bool:
    """One sentence with the figures; seconds count from the tick before the signal was seen, as a contract counts."""
    proven_s, within_s = figures["shed_100_s"], figures["obey_within_s"]
    late = ", ".join(figures["stragglers"][:12]) or "none"
    if proven_s is None:
        told = f"not proven below {figures['floor_w']} W; open: {late}"
        never = "no tick began to curtail; `minectl explain` tells why"
        scene.tell(never if figures["floor_w"] is None else told, good=False)
        return False
    text = f"{figures['before_w']} W -> {figures['confirmed_w']} W, proven {proven_s} s after the signal"
    good = proven_s <= within_s and not figures["emergency"]
    scene.tell(f"{text} ({within_s} s allowed); stragglers: {late}", good=good)
    return good
