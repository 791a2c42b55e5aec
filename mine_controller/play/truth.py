"""The truth of a twin, sample by sample: what a checker of outcomes is shown, and what no controller ever sees."""

from typing import Any, Final

from mine_controller.config.model import Config
from mine_controller.play.outcomes import History, Sample
from mine_controller.play.places import Household, Priced, Weak
from mine_controller.twin import agile, boards, coop, home, offgrid
from mine_controller.twin.faults import Fault
from mine_controller.twin.mains import Metered
from mine_controller.twin.rig import HOT, Rig
from mine_controller.twin.site import Site
from mine_controller.twin.tariff import SLOT_S, VAT
from mine_controller.twin.world import World

EVERY_S: Final = 10.0
SAMPLED_KINDS: Final = ("ok", "slow", "frozen")  # faults of the page that still show somebody something
PATIENCE_S: Final = 6.0  # nobody waits longer for a page
INLETS: Final = frozenset((1, 2, 3))  # the probes at the intake: one of them that is ill is outvoted
NOISE: Final = 1.02  # what meters may be off by
CAP_SHARE: Final = 0.95
SMALL: Final = ("bitaxe ", "nerdqaxe ", "nmminer ")
DAMP_K, DAMP_PCT = 4.0, 78.0


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
    assert isinstance(site, home.Site)
    rigs, listed = site.house.rigs, site.house.listed
    nominal_w = sum(rig.nominal_w for rig in rigs.values())
    least_w = min(rig.nominal_w - rig.standby_w for name, rig in rigs.items() if name not in agile.ENDLESS)
    strangers = tuple(name for name in rigs if name not in listed)
    return History((), (), least_w / 2, nominal_w, cap_w, config.site.tick_s, names=tuple(rigs), strangers=strangers)


def truth(site: Site) -> Sample:
    """The site as it is now."""
    if isinstance(site, offgrid.Site):
        return _offgrid(site)
    if isinstance(site, coop.Site):
        return _container(site)
    if isinstance(site, agile.Site):
        return _priced(site)
    assert isinstance(site, home.Site)
    return _home(site)


def _air(site: coop.Site) -> Sample:
    """What any container has: load, air, boards."""
    world, at_s = site.world, site.world.now_s
    running = [i for lot in world.boards.lots if lot.mode in (boards.RUNNING, boards.STARTING) for i in lot.members]
    turning = sum(speed > 0.5 for speed in world.fans.speed)
    monitor, ill = site.faults.of("roomalert intake"), _ill(site) & INLETS
    return Sample(
        at_s=at_s,
        miners_w=world.miners_w(),
        total_w=world.power_w(),
        fans_n=turning,
        fans_able=world.fans.broken.count(False),
        inlet_c=world.inlet_c,
        shown_c=world.shown.inlet_c,
        ambient_c=world.weather.ambient_c(at_s),
        sensed=monitor.kind == "ok" and len(ill) <= 1,
        unfelt=_mute(monitor),
        proven=site.faults.of("iotawatt fans").kind == "ok",
        on_n=len(running),
        starts=tuple(world.boards.starts),
        tripped=sum(world.fleet.tripped),
        wet=_wet(world),
        damp=_damp(world),
        smoke=world.smoke,
        permitted_w=_permitted_w(world),
    )


def _container(site: coop.Site) -> Sample:
    page, shown = site.faults.of(coop.PAGE), site.page.signal
    return _air(site)._replace(
        signal=site.true_signal,
        readable=page.kind == "ok" and shown == site.true_signal,
        blind=_mute(page) or shown not in ("run", "off", "warn"),
        still=page.kind == "frozen",
        cuttable=_cuttable(site),
        metered=_metered(site),
        lied=any(pdu.lie for pdu in site.pdus),
        hidden=_hidden(site),
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


def _damp(world: World) -> bool:
    """Air so near to what forbids a start (80 %, 3 K above the dew point: HUM1, HUM2) that a probe may say either."""
    near = world.inlet_c - world.weather.dew_c(world.now_s) < DAMP_K
    return near or world.shown.humidity_pct > DAMP_PCT


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
    shown = site.page.signal == site.true_signal
    metered = not isinstance(site.world, Metered) or site.world.meter.true
    return shown and metered and not any(pdu.jams or pdu.lie for pdu in site.pdus) and _sound(site)


def _sound(site: coop.Site) -> bool:
    """Nothing is wrong with what any container has."""
    world, fleet = site.world, site.world.fleet
    broken = any(world.fans.broken) or any(world.fans.welded) or world.fans.derate < 1
    contacts = world.smoke or world.water or world.door_open or not world.mains
    ill = any(map(any, (_marks(site), fleet.welded)))
    lines = all(site.faults.of(served.section).kind == "ok" for served in site.served.values())
    return lines and not (broken or ill or contacts or _ill(site))


def _marks(site: coop.Site) -> list[bool]:
    """By miner: whether something is wrong with it."""
    fleet = site.world.fleet
    marks = (fleet.mute, fleet.liar, fleet.dead, fleet.slow_boot, fleet.api_dies)
    return [any(row) for row in zip(*marks, strict=True)]


def _offgrid(site: offgrid.Site) -> Sample:
    world, source, sample = site.world, site.world.source, _air(site)
    fleet, seats, marks = world.fleet, world.seats, _marks(site)
    bus, rows, meter = (site.faults.of(name) for name in (offgrid.SUPPLY, offgrid.ROWS, offgrid.METER))
    holding = seats[0].pools[-1][0]
    awake = [seat for seat, ill in zip(seats, marks, strict=True) if not ill and not fleet.asleep[seat.number]]
    works = [seat for seat in awake if world.boards.mode(seat.number) in (boards.STARTING, boards.RUNNING)]
    pool = [site.faults.of(name).kind for name in (offgrid.POOL, offgrid.CONTROL)]
    weak = Weak(
        given_w=source.available_w,
        hz=source.grid_hz,
        phases=3 - len(world.lost),
        lost=frozenset(world.lost),
        fed=world.fed,
        said=(bus.kind == "ok" or (bus.kind == "slow" and bus.seconds < PATIENCE_S))
        and (site.readings == "" or (site.readings == "watts" and not source.available_w)),
        lies=bus.kind == "frozen",
        measured=meter.kind == "ok",
        heard=rows.kind == "ok",
        could_w=sum(world.miner_w(i) for i, mute in enumerate(fleet.mute) if not mute and not fleet.liar[i]),
        online=world.online,
        linked=site.faults.of(offgrid.ROUTER).kind == "ok",
        lends=world.holding_lives and pool == ["ok", "ok"],
        idle_n=sum(seat.idle for seat in awake),
        lent_n=sum(seat.url_in_use() == holding for seat in works),
        ill=frozenset(i for i, ill in enumerate(marks) if ill),
    )
    steady = source.share == 1.0 and not source.engines_fail and world.online and world.holding_lives
    steady = steady and world.tank_full and not world.wall_wet
    clear = steady and weak.said and weak.fed and weak.phases == 3 and _sound(site)
    able = 0 if world.fans.dark else sample.fans_able
    return sample._replace(weak=weak, clear=clear, metered=weak.measured or weak.heard, fans_able=able)


def _priced(site: agile.Site) -> Sample:
    house, rigs = site.house, site.house.rigs
    wall_s = int(house.start_wall_s + house.now_s)
    then_s = wall_s // SLOT_S * SLOT_S + SLOT_S
    owned = {url: name for name, (_, url, _) in agile.OWNED.items()}
    used = [rig.pool_in_use() for rig in rigs.values()]
    priced = Priced(
        price=house.price_p(),
        then=house.tariff.price(then_s) * VAT,
        told=site.faults.of(agile.PRICES).kind == "ok" and house.tariff.published_until(wall_s) > then_s,
        kinds=tuple(kit.section.partition(" ")[0] for kit in site.kits),
        draws=tuple(_stoppable(name) and rig.power_w() > rig.standby_w + 1 for name, rig in rigs.items()),
        works=tuple(rig.hashing for rig in rigs.values()),
        fit=tuple(_fits(site, kit) for kit in site.kits),
        modes=tuple(rig.mode for rig in rigs.values()),
        pools=tuple(
            "" if at is None else owned.get(rig.pools[at][0], "") for at, rig in zip(used, rigs.values(), strict=True)
        ),
        writes=tuple(sum(rigs[kit.id].commands[verb] for verb in _flash(kit)) for kit in site.kits),
        room_c=house.room_c,
    )
    return Sample(
        at_s=house.now_s,
        readable=False,
        miners_w=house.working_w(),
        total_w=house.power_w(),
        clear=False,
        price_off=house.price_p() >= agile.OFF_P,
        priced=priced,
    )


def _flash(kit: home.Kit) -> tuple[str, ...]:
    """What is written into flash memory: of small boards the pools too."""
    return ("mode", "tune", *(("pool",) if kit.section.startswith(SMALL) else ()))


def _stoppable(name: str) -> bool:
    return name not in agile.ENDLESS


def _fits(site: agile.Site, kit: home.Kit) -> bool:
    """Nothing is wrong with it, its line and that of its plug, and it reaches its pools."""
    rig, lines = site.house.rigs[kit.id], (kit.section, agile.PLUGS.get(kit.id, kit.section))
    ill = any(getattr(rig, fault) for fault in home.FAULTS) or kit.id in site.house.dead
    return not ill and rig.reachable is None and all(site.faults.of(line).kind == "ok" for line in lines)


def _tripped(rig: Rig) -> bool:
    """Too hot once, and it waits for a person's word."""
    return rig.phase == HOT and not rig.heat.recovers


def _home(site: home.Site) -> Sample:
    house, rigs = site.house, site.house.rigs
    places = {kit.id: (kit.section, home.addresses(lot.hosts)) for kit in site.kits for lot in site.lots
              if lot.section == kit.section}  # fmt: skip
    fit = []
    for name, rig in rigs.items():
        section, hosts = places[name]
        ill = any(getattr(rig, fault) for fault in home.FAULTS) or name in house.dead or _tripped(rig)
        fit.append(not ill and rig.host in hosts and site.faults.of(section).kind == "ok")
    household = Household(
        works=tuple(rig.hashing for rig in rigs.values()),
        fit=tuple(fit),
        modes=tuple(rig.mode for rig in rigs.values()),
        told=tuple(sum(rig.commands.values()) for rig in rigs.values()),
        stops=tuple(rig.commands["stop"] for rig in rigs.values()),
        room_c=house.room_c,
        has=tuple(frozenset(rig.modes) for rig in rigs.values()),
    )
    return Sample(
        at_s=house.now_s,
        readable=False,
        miners_w=house.miners_w(),
        total_w=house.power_w(),
        clear=False,
        house=household,
    )
