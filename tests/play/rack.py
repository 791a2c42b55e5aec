"""A rack of large miners of every family that can sleep, each on a metered outlet, under a utility's signal.

A twin site of tests alone: rigs speak their own firmware, and the PDU is a real Redfish one.
"""

from types import SimpleNamespace

from mine_controller.config.load import load
from mine_controller.twin import home, story
from mine_controller.twin.home import API, House, Kit, Lot, Side
from mine_controller.twin.rig import OFF
from mine_controller.twin.servers import power_signal, redfish
from mine_controller.twin.site import Served

LOTS = (
    Lot("antminer rack", "127.0.1.41-46", (API, Side("web_port", 80)), "nominal_w = 3250\n"),
    Lot("whatsminer rack", "127.0.1.51-56", (API,), "nominal_w = 3400\n"),
    Lot("avalon rack", "127.0.1.31-36", (API,), "nominal_w = 3400\n"),
    Lot("avalon q", "127.0.1.21-24", (API,), "nominal_w = 1674\nstandby_w = 146\n"),
)
KITS = (
    *(Kit(f"m{n}", "antminer rack", 40 + n, {}) for n in range(1, 5)),
    *(Kit(f"w{n}", "whatsminer rack", 50 + n, {}) for n in range(1, 5)),
    *(Kit(f"v{n}", "avalon rack", 30 + n, {"model": "15-194"}) for n in range(1, 3)),
    *(Kit(f"v{n}", "avalon rack", 30 + n, {"model": "1346"}) for n in range(3, 5)),
    *(Kit(f"q{n}", "avalon q", 20 + n, {"model": "Q"}) for n in range(1, 3)),
)
HEAD = """
[site]
name = Rack
profile = coop-container
require = signal, power
timezone = UTC
tick_s = 120
power_cap_kw = 100
live = yes

[power_signal coop]
url = http://127.0.0.1:{page}{path}
selector = #status
run = {run}
off = {off}

[redfish pdu1]
url = http://127.0.0.1:{pdu}
user = admin
password = twin
"""
PAGE, PDU = 18_901, 18_902


class Hall(House):
    """A hall with air enough for 45 kW."""

    def _loss_w_k(self):
        return 9000.0


class Outlets:
    """What feeds the rigs, as a PDU sees it; `cut` names whoever was switched off under load."""

    metered = True
    first = 0
    world = SimpleNamespace(shown=SimpleNamespace(inlet_c=25.0))  # what its own sensor shows

    def __init__(self, rigs):
        self.rigs, self.count, self.cut, self.jams = list(rigs), len(rigs), [], set()

    def shown_on(self, outlet):
        return self.rigs[outlet].phase != OFF

    def watts(self, outlet, at_s):
        self.rigs[outlet].advance(at_s)
        return self.rigs[outlet].power_w()

    def total_w(self, at_s):
        return sum(self.watts(at, at_s) for at in range(self.count))

    def energy_kwh(self, outlet):
        return self.rigs[outlet].energy_kwh()

    def switch(self, outlet, on, at_s):
        rig = self.rigs[outlet]
        rig.advance(at_s)
        if not on:
            self.cut.append(rig.name)
        rig.do("on" if on else "off", at_s=at_s)
        return True


class Rack(home.Site):
    """The rack. Its story knows the word `signal` beside those of a house."""

    kind = "rack"

    def __init__(self, house, kits, told):
        self.outlets = Outlets([house.rigs[kit.id] for kit in kits])
        self.page = power_signal.Page()
        self.fixed = [
            Served("power_signal coop", self.page, PAGE),
            Served("redfish pdu1", redfish.Unit(self.outlets, "admin", "twin"), PDU),
        ]
        super().__init__(house, kits, told, LOTS)

    def put(self, rows):
        super().put([*self.fixed, *rows])

    def deeds(self):
        return {**super().deeds(), "signal": self._signal}

    def _signal(self, words):
        self.page.signal = words[0]
        self.house.allowed_w = 0.0 if words[0] == "off" else float("inf")

    def reach(self, served, at_s):
        if served.unit:
            super().reach(served, at_s)

    def fault_of(self, served):
        return super().fault_of(served) if served.unit else self.faults.of(served.section)


def build(told, seed=1, from_h=0):
    start = told.start_wall_s(home.ZONE) + from_h * 3600
    rigs = {kit.id: home.rig_of(kit, seed, start) for kit in KITS}
    house = Hall(seed, start, rigs, frozenset(rigs), told.weather)
    return Rack(house, KITS, told)


def write(folder, site):
    """config.txt and fleet.csv of the rack, loaded."""
    folder.mkdir(parents=True, exist_ok=True)
    run, off = power_signal.RUN_WORD.lower(), power_signal.OFF_WORD.lower()
    text = HEAD.format(page=PAGE, pdu=PDU, path=power_signal.PATH, run=run, off=off)
    for lot in site.lots:
        ports = "".join(f"{side.option} = {site.ports[lot.name_of(side)]}\n" for side in lot.sides)
        text += f"\n[{lot.section}]\nhosts = {lot.hosts}\n{ports}{lot.more}"
    text += "\n[wiring]\nsignal = power_signal coop\n\n[end]\n"
    rows = []
    for at, kit in enumerate(KITS, 1):
        watts = round(site.house.rigs[kit.id].nominal_w)
        rows.append(f"{kit.id},{home.identity(site, kit)},{kit.section},redfish pdu1/A{at},{watts}")
    (folder / "config.txt").write_text(text)
    (folder / "config.txt").chmod(0o600)
    (folder / "fleet.csv").write_text("\n".join(["id,mac,group,outlet,nominal_w", *rows]) + "\n")
    return load(folder / "config.txt")


def daily(more=""):
    """A signal every afternoon for an hour and a half."""
    return story.parse(f"title daily events\ndate 2026-07-15\nweather july\n\n14:00 signal off for 90m\n{more}")


STEPS_KW = (40, 37, 33, 30, 26, 38, 34, 36, 29, 31)  # of 44


def stepped():
    """Twenty times a day somebody takes a few kilowatts away for half an hour, around the afternoon of the signal."""
    hours = (*range(13), *range(17, 24))
    rows = zip(hours, STEPS_KW * 2, strict=True)
    return "".join(f"{h:02}:10 person max_power_kw {kw}\n{h:02}:40 person max_power_kw clear\n" for h, kw in rows)
