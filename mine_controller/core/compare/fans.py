"""Fans: up in any round, down only in the opening one and where nothing forbids it. Pure."""

from mine_controller.core.compare.work import Work, new_id
from mine_controller.core.looks import at_fan
from mine_controller.core.model.command import Command
from mine_controller.core.model.reason import Reason
from mine_controller.core.model.state import Chase
from mine_controller.core.reach import commandable


def move_fans(work: Work) -> None:
    """Fan-ups in any round; fan-downs only in the opening one and only when nothing forbids them (smoke excepted)."""
    view, wanted = work.view, set(work.plan.fans_on)
    smoke = work.envelope.fans_max == 0
    for fan, spec in zip(view.image.fans, view.wiring.fans, strict=True):
        want = "on" if spec.name in wanted else "off"
        target, chase = f"fan {spec.name}", work.chases.get(f"fan {spec.name}")
        if fan.on is (want == "on"):
            if chase is not None:
                work.chases.pop(target)
            if want == "on" and view.fans[spec.name].state == "starting":
                work.looks.extend(at_fan(view, spec.watts, view.fans[spec.name].since_s))
            continue
        if want == "off" and not smoke and (work.envelope.no_fan_down is not None or not view.image.clock.opening):
            continue
        if want == "off" and fan.on is None:
            continue
        _send_fan(work, target, spec.switch, spec.active_low, want, chase)


def _send_fan(work: Work, target: str, switch: str, active_low: bool, want: str, chase: Chase | None) -> None:
    view, now_s = work.view, work.view.now_s
    lane, _, address = switch.partition("/")
    if not commandable(view, lane):
        return
    if chase is not None and chase.want == want and chase.sent_s is not None and now_s - chase.sent_s < 10:
        return
    tries = chase.tries + 1 if chase is not None and chase.want == want else 1
    if tries > 2 and not view.image.clock.opening:
        return
    sent = Chase(want, 0, tries, chase.began_s if chase is not None and chase.want == want else now_s, now_s)
    verb = ("off" if want == "on" else "on") if active_low else want
    reason = _why_fan(work, want)
    command = Command(new_id(work), target, verb, lane, address, 0, reason)
    work.chases[target] = sent._replace(command=command.id)
    work.commands.append(command)
    work.looks.append((now_s + 3, lane))


def _why_fan(work: Work, want: str) -> Reason:
    if want == "off":
        return Reason("choose", "fan_down", (("fans", len(work.plan.fans_on)),))
    for limit in work.envelope.binding:
        if limit.what == "fans_min":
            return limit.reason
    return Reason("choose", "fans_first", (("fans", len(work.plan.fans_on)),))
