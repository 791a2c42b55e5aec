"""The fleet summed up once a round: who is on, what they draw, what counts as dark. Pure.

Thresholds after DESIGN law 10: "still on" = above max(15 % of nominal, 2 x standby); the curtailed floor
X = max(5 % of the load before, 1.25 x standby + min(10 kW, 2 % of nominal)); an unknown miner counts nominal x 1.10.
"""

from typing import NamedTuple

from mine_controller.core.model.image import Image
from mine_controller.core.model.state import State
from mine_controller.core.model.wiring import MinerSpec, Wiring

FLOOR_SPARE_W = 10_000
ASLEEP = frozenset({"sleeping", "stopped"})


def wordy(spec: MinerSpec, image: Image, at: int) -> bool:
    """True for a unit no meter was ever seen for: absent is not unknown, so its own word says whether it runs."""
    return image.miners.power_at[at] == 0 and not (spec.outlet and spec.outlet_metered)


class Fleet(NamedTuple):
    """Columns in wiring order and their sums, all whole watts."""

    on: tuple[bool, ...]  # drawing; or unknown, unless it says itself that it sleeps
    est_w: tuple[int, ...]  # known watts, else nominal x 1.10
    unknown: int  # miners whose watts are not known
    on_n: int
    starting_n: int  # told to run, not yet seen on
    starting_w: int  # what they will draw beyond what they draw now (1.05 x nominal)
    measured_w: int | None  # sum of the known; None when none is
    miners_w: int  # sum of est_w
    nominal_w: int
    standby_w: int
    fans_w: int | None
    meter_w: int | None  # the site meter, when wired and fresh
    other_w: int  # fans and everything else on the meter, best estimate
    proof_w: int  # what curtailment is judged by: the larger of the sum and the meter less the fans


def on_above_w(spec: MinerSpec) -> int:
    """A miner drawing more than this is still on."""
    return max(spec.nominal_w * 15 // 100, 2 * spec.standby_w)


def floor_w(before_w: int, fleet: Fleet) -> int:
    """X: below this the site counts as curtailed."""
    return max(
        before_w * 5 // 100,
        fleet.standby_w * 125 // 100 + min(FLOOR_SPARE_W, fleet.nominal_w * 2 // 100),
    )


def sum_up(image: Image, state: State, wiring: Wiring) -> Fleet:
    """The fleet of this image."""
    on: list[bool] = []
    est: list[int] = []
    unknown = spared_w = 0
    for spec, watts, word in zip(wiring.miners, image.miners.power_w, image.miners.word, strict=True):
        if watts is None:  # its own word is second best: no stop is repeated to a sleeper, but it proves nothing
            at, most_w = len(on), spec.nominal_w * 110 // 100
            unknown += 1
            asleep = word in ASLEEP
            unmetered = wordy(spec, image, at)
            on.append(not asleep and not (unmetered and image.miners.outlet[at] == "off"))
            est.append(spec.standby_w if unmetered and not on[at] else most_w)
            spared_w += most_w - est[at]
        else:
            on.append(watts > on_above_w(spec))
            est.append(watts)
    starting_n, starting_w = _starting(on, est, state, wiring)
    miners_w = sum(est)
    measured = sum(watts for watts in image.miners.power_w if watts is not None)
    fans_w, meter_w = _fans_w(image), _meter_w(image)
    known = unknown == 0
    other = max(fans_w or 0, meter_w - measured) if meter_w is not None and known else _fans_guess_w(image, wiring)
    proof = miners_w if meter_w is None else max(miners_w, meter_w - other) if known else miners_w
    proof += spared_w  # a word spares room under the cap; it proves no darkness
    if meter_w is not None and not known:
        proof = min(proof, max(measured, meter_w - (fans_w or 0)))  # the meter bounds what the unknown can draw
    return Fleet(
        tuple(on),
        tuple(est),
        unknown,
        sum(on),
        starting_n,
        starting_w,
        measured if unknown < len(on) else None,
        miners_w,
        sum(spec.nominal_w for spec in wiring.miners),
        sum(spec.standby_w for spec in wiring.miners),
        fans_w,
        meter_w,
        max(other, 0),
        proof,
    )


def _starting(on: list[bool], est: list[int], state: State, wiring: Wiring) -> tuple[int, int]:
    told = [target[6:] for target, chase in state.chases.items() if chase.want == "run" and target.startswith("miner ")]
    if not told:
        return 0, 0
    index = {spec.id: at for at, spec in enumerate(wiring.miners)}
    ats = [index[name] for name in told if name in index]
    count = sum(not on[at] for at in ats)
    watts = sum(max(0, wiring.miners[at].nominal_w * 105 // 100 - est[at]) for at in ats)
    return count, watts


def _fans_w(image: Image) -> int | None:
    known = [fan.watts for fan in image.fans if fan.watts is not None]
    return sum(known) if known else None


def _fans_guess_w(image: Image, wiring: Wiring) -> int:
    return sum(
        fan.watts if fan.watts is not None else spec.normal_w for fan, spec in zip(image.fans, wiring.fans, strict=True)
    )


def _meter_w(image: Image) -> int | None:
    value = image.site.get("site_power_w")
    return value.value if value is not None and isinstance(value.value, int) else None
