"""Whether anything feeds the site at all: what hangs on a source that stands is not to blame for being dark. Pure."""

from mine_controller.core.model.image import Image

DEAD_W = 50  # less is the noise of a meter
FRESH_S = 150  # the meter's word is of this tick
APART_S = 30  # and what was told much before it may have gone dark since
LIFE = ("grid_hz", "voltage_v")


def is_dead(image: Image) -> bool:
    """True when the meter on the feed answers and shows no load, and nothing shows life.

    Life is a frequency or a voltage that can be measured, a fan or a miner that draws. Where neither of the first two
    is wired, the mains contact or the source itself has to say so. An absent or silent meter proves nothing.
    """
    meter = image.site.get("site_power_w")
    if meter is None or not isinstance(meter.value, int) or abs(meter.value) > DEAD_W:
        return False
    since_s = meter.at_s - APART_S
    if image.clock.plant_s - meter.at_s > FRESH_S or _draws(image, since_s):
        return False
    life = [image.site[name] for name in LIFE if name in image.site]
    if life:
        return all(value.value is None or value.at_s < since_s for value in life)
    contact, supply = image.site.get("mains"), image.site.get("supply_kw")
    return (contact is not None and contact.value == "alarm") or (supply is not None and supply.value == 0)


def _draws(image: Image, since_s: int) -> bool:
    told = (*zip(image.miners.power_w, image.miners.power_at, strict=True),)
    fans = ((fan.watts, fan.watts_at) for fan in image.fans)
    return any((watts or 0) > DEAD_W and at_s >= since_s for watts, at_s in (*told, *fans))
