"""The truth of a twin, sample by sample: what a checker of outcomes is shown, and what no controller ever sees."""

from typing import Any, Final

from mine_controller.config.model import Config
from mine_controller.play.outcomes import History, Sample
from mine_controller.twin import agile, boards, coop
from mine_controller.twin.faults import Fault
from mine_controller.twin.mains import Metered
from mine_controller.twin.site import Site
from mine_controller.twin.world import World

EVERY_S: Final = 10.0
SAMPLED_KINDS: Final = ("ok", "slow", "frozen")  # faults of the page that still show somebody something
PATIENCE_S: Final = 6.0  # nobody waits longer for a page
INLETS: Final = frozenset((1, 2, 3))  # the probes at the intake: one of them that is ill is outvoted
NOISE: Final = 1.02  # what meters may be off by
CAP_SHARE: Final = 0.95


class Sampler:
    """A site's world that writes down its truth every ten seconds on the way."""

    def __init__(self, site: Site) -> None:
        self.site, self.world = site, site.plant
        self.samples: list[Sample] = []
        self.seed, self.start_wall_s = self.world.seed, self.world.start_wall_s

    @property
    def now_s(self) -> float:
        """Plant time."""
        return self.world.now_s

    @now_s.setter
    def now_s(self, at_s: float) -> None:
        self.world.now_s = at_s

    def advance(self, to_s: float) -> None:
        """Move to plant second `to_s`, a sample at every tenth."""
        while self.world.now_s < to_s:
            next_s = (self.world.now_s // EVERY_S + 1) * EVERY_S
            self.world.advance(min(to_s, next_s))
            if self.world.now_s >= next_s:
                self.samples.append(truth(self.site))

    def touch(self) -> None:
        """Something was changed from outside."""
        self.world.touch()

    def energy_kwh(self) -> float:
        """What the miners used."""
        return self.world.energy_kwh()

    def permitted_kwh(self) -> float:
        """What they might have used."""
        return self.world.permitted_kwh()


def facts(site: Site, config: Config) -> History:
    """An empty history with the site's own figures."""
    cap_w = config.policy.site.power_cap_w
    if isinstance(site, coop.Site):
        world, count = site.world, len(site.world.boards.sizes)
        nominal_w = world.nominal_w * count
        least_w = 1.25 * boards.STANDBY_W * count + min(10_000.0, nominal_w / 50)
        floor_w = max(nominal_w / 20, least_w) * NOISE
        return History((), (), floor_w, nominal_w, cap_w, config.site.tick_s, len(world.fans.on))
    assert isinstance(site, agile.Site)
    rigs = site.house.rigs
    nominal_w = sum(rig.nominal_w for rig in rigs.values())
    least_w = min(rig.nominal_w - rig.standby_w for name, rig in rigs.items() if name not in agile.ENDLESS)
    return History((), (), least_w / 2, nominal_w, cap_w, config.site.tick_s)


def truth(site: Site) -> Sample:
    """The site as it is now."""
    if isinstance(site, coop.Site):
        return _container(site)
    assert isinstance(site, agile.Site)
    return _home(site)


def _container(site: coop.Site) -> Sample:
    world, at_s = site.world, site.world.now_s
    page, shown = site.faults.of(coop.PAGE), site.page.signal
    running = [i for lot in world.boards.lots if lot.mode in (boards.RUNNING, boards.STARTING) for i in lot.members]
    turning = sum(speed > 0.5 for speed in world.fans.speed)
    monitor, ill = site.faults.of("roomalert intake"), _ill(site) & INLETS
    return Sample(
        at_s=at_s,
        signal=site.true_signal,
        readable=page.kind == "ok" and shown == site.true_signal,
        blind=_mute(page) or shown not in ("run", "off", "warn"),
        still=page.kind == "frozen",
        miners_w=world.miners_w(),
        total_w=world.power_w(),
        fans_n=turning,
        fans_able=world.fans.broken.count(False),
        inlet_c=world.inlet_c,
        shown_c=world.shown.inlet_c,
        ambient_c=world.weather.ambient_c(at_s),
        sensed=monitor.kind == "ok" and len(ill) <= 1,
        unfelt=_mute(monitor),
        cuttable=_cuttable(site),
        proven=site.faults.of("iotawatt fans").kind == "ok",
        metered=_metered(site),
        lied=any(pdu.lie for pdu in site.pdus),
        hidden=_hidden(site),
        on_n=len(running),
        starts=tuple(world.boards.starts),
        tripped=sum(world.fleet.tripped),
        wet=_wet(world),
        smoke=world.smoke,
        permitted_w=_permitted_w(world),
        clear=_clear(site),
    )


def _mute(line: Fault) -> bool:
    """Whoever asks gets nothing he could use."""
    return line.kind not in SAMPLED_KINDS or (line.kind == "slow" and line.seconds >= PATIENCE_S)


def _ill(site: coop.Site) -> set[int]:
    """Probes that show nothing, or something else than there is."""
    unit: Any = site.served["roomalert intake"].server
    return {*unit.stuck, *unit.unplugged}


def _cuttable(site: coop.Site) -> bool:
    """Every PDU answers and tells the truth, and no contact is stuck."""
    lines = all(site.faults.of(f"redfish pdu{n}").kind == "ok" for n in range(1, len(site.pdus) + 1))
    return lines and not any(site.world.fleet.welded) and not any(pdu.jams or pdu.lie for pdu in site.pdus)


def _metered(site: coop.Site) -> bool:
    """Something tells watts: an outlet meter, or the one on the feed."""
    if any(site.faults.of(f"redfish pdu{n}").kind == "ok" for n in range(1, len(site.pdus) + 1)):
        return True
    tells = isinstance(site.world, Metered) and site.world.meter.fault != "silent"
    return tells and site.faults.of("iotawatt fans").kind == "ok"


def _hidden(site: coop.Site) -> bool:
    """A PDU says that nothing is drawn, and no meter on the feed shows otherwise: then nobody can know."""
    seen = isinstance(site.world, Metered) and site.world.meter.true and site.faults.of("iotawatt fans").kind == "ok"
    return any(pdu.lie for pdu in site.pdus) and not seen


def _wet(world: World) -> int:
    """Miners on their way up whose boards are below the dew point."""
    dew_c = world.weather.dew_c(world.now_s)
    return sum(
        world.board_c(i) < dew_c
        for lot in world.boards.lots
        if lot.mode == boards.STARTING and world.now_s - lot.since_s >= lot.lead_s
        for i in lot.members
    )


def _permitted_w(world: World) -> float:
    if world.signal == "off" or world.smoke or world.water:
        return 0.0
    healthy_w = sum(
        size * world.nominal_w for size, dead in zip(world.boards.sizes, world.fleet.dead, strict=True) if not dead
    )
    return min(healthy_w, world.cap_w * CAP_SHARE - world.fans.total_w() - world.nominal_w)


def _clear(site: coop.Site) -> bool:
    """Nothing at all is wrong."""
    world, fleet = site.world, site.world.fleet
    broken = any(world.fans.broken) or any(world.fans.welded) or world.fans.derate < 1
    marked = (fleet.mute, fleet.liar, fleet.dead, fleet.slow_boot, fleet.api_dies, fleet.welded)
    ill = any(any(column) for column in marked) or any(pdu.jams or pdu.lie for pdu in site.pdus)
    ill = ill or (isinstance(world, Metered) and not world.meter.true)
    lines = all(site.faults.of(name).kind == "ok" for name in site.served)
    shown = site.page.signal == site.true_signal
    contacts = world.smoke or world.water or world.door_open or not world.mains
    return lines and shown and not (broken or ill or contacts or _ill(site))


def _home(site: agile.Site) -> Sample:
    house = site.house
    working_w = house.working_w()
    return Sample(
        at_s=house.now_s,
        readable=False,
        miners_w=working_w,
        total_w=house.power_w(),
        clear=False,
        price_off=house.price_p() >= agile.OFF_P,
        price_known=True,
    )
