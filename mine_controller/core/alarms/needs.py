"""What `[site] require` names and nobody can tell now. Pure.

The signal, the inlet, fan watts and what the rule for the source looks at have alarms of their own, which know what
follows from their silence; here is the rest.
"""

from collections.abc import Iterator

from mine_controller.core.model.quantity import ROLES
from mine_controller.core.once import Once
from mine_controller.core.power.feed import METER
from mine_controller.core.reach import can_not_answer
from mine_controller.core.view import View

TOLD_BY_RULES = ("signal", "inlet_c", "site_power_w")  # the last is one of several ways to know the power
STILL = "frozen"  # how the reason begins of what stands still, by its driver or by `freeze`


def lost(view: View) -> Iterator[tuple[str, str]]:
    """(its word in `require`, why it is unknown) of each required input that is wired and not known."""
    needs = view.site.require
    if not needs:
        return
    by_supply = (view.state.memory.get("supply") or {}).get("seen_s") or {}
    for name in view.wiring.roles:
        kind = ROLES.get(name)
        if kind is None or kind.word not in needs or name in TOLD_BY_RULES or name in by_supply:
            continue
        if view.role(name).value is None:
            yield kind.word, view.role(name).brief(120)
    metered = view.wired(METER)
    if "site_meter" in needs and metered and view.fleet.meter_w is None:
        yield "site_meter", view.role(METER).brief(120)
    elif "power" in needs and view.fleet.meter_w is None and view.fleet.measured_w is None and _could_tell(view):
        yield "power", view.role(METER).brief(120) if metered else "no miner and no outlet tells its watts"


def _could_tell(view: View) -> bool:
    """False while all that could tell watts is without power itself."""
    return view.wired(METER) or any(not can_not_answer(view, at) for at in range(len(view.wiring.miners)))


def still(view: View) -> dict[str, str]:
    """Endpoints whose figures stand still, and why that is thought: by what they feed, of a PDU its first outlet."""
    wiring, channels = view.wiring, view.image.channels
    keys = [key for role in wiring.roles.values() for key in role.keys]
    keys += [f"{fan.watts}:power_w" for fan in wiring.fans if fan.watts]
    found: dict[str, str] = {}
    for key in (*keys, *_metered_of(wiring.miners)):
        value = channels.get(key)
        if value is not None and value.why.startswith(STILL):
            found.setdefault(key.partition("/")[0].partition(":")[0], value.why)
    return found


_metered_of = Once(
    lambda miners: tuple(
        {spec.outlet.partition("/")[0]: f"{spec.outlet}:power_w" for spec in miners if spec.outlet_metered}.values()
    )
)
