"""Whether anything feeds the site at all: what hangs on a source that stands is not to blame for being dark. Pure."""

from mine_controller.core.miners.hearing import APART_S as TOGETHER_S
from mine_controller.core.model.image import Image
from mine_controller.core.model.reading import Value
from mine_controller.core.model.wiring import Wiring

DEAD_W = 50  # less is the noise of a meter
DEAD_V = 4.0  # no more is what a sensor picks up on a dead line; small boards are fed with 5 V
FRESH_S = 150  # a word of this tick
ROUND_S = 10  # what is asked in one round is answered within it
APART_S = 30  # what was told so long before the meter's word may have gone dark since
LIFE = ("grid_hz", "voltage_v", "voltage_max_v")  # the last: one phase alone is life, though the lowest is unknown
METER = "site_power_w"
TELLING = (METER, "grid_hz", "voltage_v", "mains", "supply_kw")


def asked_of(wiring: Wiring) -> tuple[str, ...]:
    """The endpoints that have to be asked together with what may be dark, so that a dead feed is known; () where
    nothing can show one. One that is to be asked seldom is left alone."""
    if METER not in wiring.roles and "supply_kw" not in wiring.roles:
        return ()
    keys = (key for name in TELLING if name in wiring.roles for key in wiring.roles[name].keys)
    ends = {key.rpartition(":")[0].partition("/")[0] for key in keys}
    return tuple(sorted(end for end in ends if end in wiring.endpoints and not wiring.endpoints[end].every_s))


def is_dead(image: Image) -> bool:
    """True when nothing feeds the site."""
    return dead_by(image) != ""


def dead_by(image: Image) -> str:
    """What shows that nothing feeds the site; "" nothing does.

    "meter": the meter on the feed shows no load, and nothing shows life, which is a frequency or a voltage that can be
    measured, a miner that says it hashes, a fan or a miner that draws. Where neither of the first two is wired, the
    mains contact or the source itself has to say so. "silence": there is no word of a meter, the source says that it
    gives nothing, and nobody who hangs on it says anything; that fans draw nothing is what their own meter says then.
    """
    meter = image.site.get(METER)
    if meter is None or image.clock.plant_s - meter.at_s > FRESH_S or not isinstance(meter.value, int):
        return "silence" if _all_is_silent(image, image.clock.plant_s - FRESH_S) else ""
    since_s = meter.at_s - APART_S
    if abs(meter.value) > DEAD_W or any(watts > DEAD_W for watts in _told_w(image, since_s)):
        return ""
    life = [image.site[name] for name in LIFE if name in image.site]
    if life:
        return "" if any(_shows_life(value, since_s) for value in life) or _hashes(image, since_s) else "meter"
    contact = image.site.get("mains")
    return "meter" if (contact is not None and contact.value == "alarm") or _gives_nothing(image) else ""


def is_doubtful(image: Image) -> bool:
    """True when the meter shows no load and what would show life was read before it: whether anything feeds the site is
    known when that is read again."""
    meter = image.site.get(METER)
    if meter is None or not isinstance(meter.value, int) or abs(meter.value) > DEAD_W:
        return False
    life = [image.site[name] for name in LIFE if name in image.site]
    since_s = meter.at_s - APART_S
    known = any(_shows_life(value, meter.at_s - ROUND_S) for value in life) or _hashes(image, since_s)
    return bool(life) and not known and not any(watts > DEAD_W for watts in _told_w(image, since_s))


def _all_is_silent(image: Image, since_s: int) -> bool:
    if not _gives_nothing(image):
        return False
    fans = [fan for fan in image.fans if fan.watts is not None and fan.watts_at >= since_s]
    if any((fan.watts or 0) > DEAD_W for fan in fans):
        return False
    from_s = since_s
    since_s = max((from_s, *(fan.watts_at - APART_S for fan in fans)))  # miners may have gone dark before their fans
    life = (image.site[name] for name in LIFE if name in image.site)
    heard = any(at_s >= since_s for at_s in image.miners.word_at) or any(_shows_life(value, since_s) for value in life)
    heard = heard or any(at_s >= since_s for at_s in image.miners.power_at)
    return not heard and not (from_s < since_s and _is_to_be_asked(image, from_s, since_s))


def _is_to_be_asked(image: Image, from_s: int, to_s: int) -> bool:
    """Whether a miner that spoke or drew between the two was not asked since: then it is not silent."""
    miners = image.miners
    told = {at_s for at_s in (*miners.word_at, *miners.power_at) if from_s <= at_s < to_s}
    for key, value in image.channels.items() if told else ():
        if value.at_s in told and key.endswith((":word", ":power_w")) and value.value is not None:
            tried = image.channels.get(f"{key.partition('/')[0]}:tried")
            if tried is not None and tried.at_s <= value.at_s + TOGETHER_S:
                return True
    return False


def _hashes(image: Image, since_s: int) -> bool:
    """Somebody says so now: it is the meter that is blind then, not the feed that is dead."""
    words = zip(image.miners.word, image.miners.word_at, strict=True)
    return any(word == "hashing" and at_s >= since_s for word, at_s in words)


def _gives_nothing(image: Image) -> bool:
    supply = image.site.get("supply_kw")
    return supply is not None and supply.value == 0 and image.clock.plant_s - supply.at_s <= FRESH_S


def _shows_life(value: Value, since_s: int) -> bool:
    """A frequency or a voltage that can be measured: a sensor with a supply of its own tells 0 V of a dead feed."""
    return isinstance(value.value, int | float) and value.value > DEAD_V and value.at_s >= since_s


def _told_w(image: Image, since_s: int) -> list[int]:
    """Watts that fans and miners told since then."""
    miners = zip(image.miners.power_w, image.miners.power_at, strict=True)
    told = (*miners, *((fan.watts, fan.watts_at) for fan in image.fans))
    return [watts for watts, at_s in told if watts is not None and at_s >= since_s]
