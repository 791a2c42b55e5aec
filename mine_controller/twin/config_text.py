"""config.txt and fleet.csv of a twin, so that minectl can be pointed at it like at any site."""

import math
from typing import Final

from mine_controller.core.money.bands import DEFAULTS, Band
from mine_controller.core.money.prices import MOST
from mine_controller.twin import agile, coop, home, offgrid
from mine_controller.twin.coop import FOREMAN_KEY, PDU_PASSWORD, PDU_USER
from mine_controller.twin.servers import mqtt
from mine_controller.twin.servers.foreman import miner_mac, miner_name
from mine_controller.twin.servers.power_signal import OFF_WORD, PATH, RUN_WORD, WARN_WORD
from mine_controller.twin.site import Site

_HEAD: Final = """# The co-op container as a twin. Everything here answers on this machine only.
[site]
name = Twin container
profile = coop-container
timezone = {zone}
tick_s = 120
power_cap_kw = 1000
live = yes
currency = USD
require = signal, inlet, fan_proof, power

[power_signal coop]
url = {signal}{path}
selector = #status
must_contain = Power Signal
run = {run}
off = {off}
warn = {warn}

[roomalert intake]
url = {roomalert}

[iotawatt fans]
url = {iotawatt}

[controlbyweb fans]
url = {controlbyweb}
dialect = state_xml
relays = 10

[foreman mine]
url = {foreman}
key = {key}
client = 1234
pickaxe = 7
nominal_w = 3400
standby_w = 25
"""

_PDU: Final = """
[redfish {name}]
url = {url}
user = {user}
password = {password}
"""

_WIRING: Final = """
[wiring]
signal = power_signal coop
inlet_c = roomalert intake/1, roomalert intake/2, roomalert intake/3
outlet_c = roomalert intake/4
ambient_c = roomalert intake/5
humidity_pct = roomalert intake/1
smoke = roomalert intake/switch 1
water = roomalert intake/switch 2
door = roomalert intake/switch 3
mains = roomalert intake/switch 4
{meter}{fans}
[end]
"""

_METER: Final = "site_power_w = iotawatt fans/Mains\n"
_FAN: Final = "fan {n} = switch controlbyweb fans/{n}, watts iotawatt fans/Fan_{n}, normal 1500\n"

COLUMNS: Final = ("id", "mac", "group", "name", "outlet", "breaker", "phase", "row", "nominal_w", "flags", "note")


_HOME: Final = """# A home fleet as a twin. Everything here answers on this machine only.
[site]
name = Twin home
profile = home-fleet
timezone = {zone}
tick_s = 120
live = yes
currency = USD
"""

_AGILE: Final = """# A home that mines by the half-hour price, as a twin. Everything here answers on this machine only.
[site]
name = Twin agile home
profile = agile-home
timezone = {zone}
tick_s = 120
live = yes
currency = GBP
strategy = efficiency
power_cap_kw = 1.44

[octopus agile]
url = http://127.0.0.1:{prices}
region = H
product = AGILE-24-10-01

[band]
default_band = off
"""

_PLUG: Final = """
[{section}]
url = http://127.0.0.1:{port}
outlets = 0
read_url = /rpc/Switch.GetStatus?id={{outlet}}
state_path = output
watts_path = apower
energy_path = aenergy.total
energy_factor = 0.001
on_url = /rpc/Switch.Set?id={{outlet}}&on=true
off_url = /rpc/Switch.Set?id={{outlet}}&on=false
auth = none
"""

_COIN: Final = """
[pool {name}]
url = {url}
user = {user}
coin = {coin}
"""

_OFFGRID: Final = """# An off-grid container as a twin. Everything here answers on this machine only.
[site]
name = Twin off-grid container
profile = offgrid-container
timezone = {zone}
tick_s = 120
live = yes
currency = USD
require = inlet, fan_proof, power
nominal_hz = 50
nominal_v = 230

[sel735 meter]
host = 127.0.0.1
port = {meter}

[mqtt supply]
host = 127.0.0.1
port = {supply}
through = ask
topics = {topics}

[openmptcprouter router]
url = http://127.0.0.1:{router}
password = twin-router

[roomalert intake]
url = http://127.0.0.1:{roomalert}

[iotawatt fans]
url = http://127.0.0.1:{iotawatt}

[controlbyweb fans]
url = http://127.0.0.1:{controlbyweb}
dialect = state_xml
relays = 10

[cgminer rows]
hosts = 127.0.2.1-{miners}
port = {rows}
stop_command = ascdisable|0
run_command = ascenable|0

[dummy_pool local]
host = 127.0.0.1
port = {pool}
control_port = {control}
start_open = no

[supply]
source_kw = {source_kw}

[cold]
humidity_max_pct = 85

[uplinks]
offline_pool = holding
down_s = 60

[pool main]
url = {main}
user = {user}

[pool holding]
url = {holding}
user = holding

[wiring]
supply_kw = mqtt supply/source
grid_hz = sel735 meter
voltage_v = sel735 meter/L1, sel735 meter/L2, sel735 meter/L3
site_power_w = sel735 meter
inlet_c = roomalert intake/1, roomalert intake/2, roomalert intake/3
outlet_c = roomalert intake/4
ambient_c = roomalert intake/5
humidity_pct = roomalert intake/1
smoke = roomalert intake/switch 1
water = roomalert intake/switch 2
door = roomalert intake/switch 3
uplink starlink = openmptcprouter router/Starlink
uplink lte = openmptcprouter router/LTE
dummy_pool = dummy_pool local
{phases}{wall}{fans}
[end]
"""

VOLTS: Final = 230
CONTINUOUS: Final = 0.8  # share of a phase's amperes that counts, as in the config
RELAYS: Final = 10  # of the board that switches the fans: the next one behind them is the wall's pump
_TOPICS: Final = ", ".join(
    (
        f"source supply_kw {mqtt.SENSOR} json Source.Available 0..{{most_kw}} alive {mqtt.ALIVE}",
        f"bus voltage_v {mqtt.SENSOR} json INA219.Voltage",
        f"bus current_a {mqtt.SENSOR} json INA219.Current",
    )
)

_LOT: Final = """
[{section}]
hosts = {hosts}
{ports}{more}"""

_POOL: Final = """
[pool {name}]
url = {url}
user = {user}
"""

_BARE: Final = """
[wiring]

[end]
"""


def config_text(site: Site, _folder: str = ".") -> tuple[str, str]:
    """The texts of config.txt and fleet.csv that describe `site`, with the ports it is served on now."""
    if isinstance(site, agile.Site):
        return _agile_text(site), _rows(home_rows(site))
    if isinstance(site, home.Site):
        return _home_text(site), _rows(home_rows(site))
    if isinstance(site, offgrid.Site):
        return _offgrid_text(site), _rows(offgrid_rows(site))
    assert isinstance(site, coop.Site)
    return _coop_text(site), fleet_text(site)


def _home_text(site: home.Site) -> str:
    lots = [
        _LOT.format(section=lot.section, hosts=lot.hosts, more=lot.more, ports="".join(_ports(site, lot)))
        for lot in site.lots
    ]
    pools = [_POOL.format(name=name, url=url, user=user) for name, (url, user) in home.OWNED.items()]
    return _HOME.format(zone=site.zone) + "".join([*lots, *pools]) + _BARE


def _agile_text(site: agile.Site) -> str:
    ports = site.ports
    parts = [_AGILE.format(zone=site.zone, prices=ports[agile.PRICES])]
    parts += [
        _LOT.format(section=lot.section, hosts=lot.hosts, more=lot.more, ports="".join(_ports(site, lot)))
        for lot in site.lots
    ]
    parts += [_PLUG.format(section=name, port=ports[name]) for name in agile.PLUGS.values() if name in ports]
    parts += [_COIN.format(name=name, coin=coin, url=url, user=user)
              for name, (coin, url, user) in agile.OWNED.items()]  # fmt: skip
    parts += [_band_text(band) for band in DEFAULTS]
    return "".join(parts) + _BARE.replace("[wiring]\n", f"[wiring]\nprice = {agile.PRICES}\n")


def _band_text(band: Band) -> str:
    section = band.section
    lines = [f"\n[band {band.name}]", f"coin = {section.coin}"]
    lines += [f"max_price = {section.max_price:g}"] if section.max_price < MOST else []
    lines += [f"modes = {', '.join(section.modes)}"] if section.modes else []
    return "\n".join(lines) + "\n"


def _ports(site: home.Site, lot: home.Lot) -> list[str]:
    return [f"{side.option} = {site.ports[lot.name_of(side)]}\n" for side in lot.sides]


def home_rows(site: home.Site) -> list[str]:
    """fleet.csv: what a person wrote of each of their miners."""
    plugs = agile.PLUGS if isinstance(site, agile.Site) else {}
    return [
        f"{kit.id},{home.identity(site, kit)},{kit.section},,{_plugged(plugs.get(kit.id, ''))},,,,"
        f"{max(1, round(site.house.rigs[kit.id].nominal_w))},{'plug' if kit.id in plugs else ''},"
        for kit in site.kits
        if kit.listed
    ]


def _plugged(section: str) -> str:
    return f"{section}/0" if section else ""


def _offgrid_text(site: offgrid.Site) -> str:
    ports = site.ports
    plant = site.world.source.plant
    source_kw = round((plant.engines_w + plant.sun_w + plant.battery_w) / 1000)
    main, holding = (url for url, _ in site.world.seats[0].pools)
    amps = math.ceil(source_kw * 1000 / 3 / VOLTS / CONTINUOUS)  # three windings that share what the source gives
    return _OFFGRID.format(
        zone=site.zone,
        meter=ports[offgrid.METER],
        supply=ports[offgrid.SUPPLY],
        topics=_TOPICS.format(most_kw=source_kw + 50),
        source_kw=source_kw,
        router=ports[offgrid.ROUTER],
        roomalert=ports["roomalert intake"],
        iotawatt=ports["iotawatt fans"],
        controlbyweb=ports["controlbyweb fans"],
        miners=len(site.world.seats),
        rows=ports[offgrid.ROWS],
        pool=ports[offgrid.POOL],
        control=ports[offgrid.CONTROL],
        main=main,
        user=site.world.seats[0].pools[0][1],
        holding=holding,
        wall=f"wall = controlbyweb fans/{len(site.world.fans.on) + 1}\n" if len(site.world.fans.on) < RELAYS else "",
        phases="".join(f"phase L{n} = {amps} A {VOLTS} V\n" for n in (1, 2, 3)),
        fans="".join(_FAN.format(n=n) for n in range(1, len(site.world.fans.on) + 1)),
    )


def offgrid_rows(site: offgrid.Site) -> list[str]:
    """fleet.csv: a line a miner; three phases in turn, rows of forty."""
    return [
        f"{seat.name},{seat.mac},{offgrid.ROWS},,,,L{n % 3 + 1},{n // 40 + 1},3400,,"
        for n, seat in enumerate(site.world.seats)
    ]


def _coop_text(site: coop.Site) -> str:
    url = {name: f"http://{served.netloc}" for name, served in site.served.items()}
    head = _HEAD.format(
        zone=site.zone,
        path=PATH,
        run=RUN_WORD.lower(),
        off=OFF_WORD.lower(),
        warn=WARN_WORD.lower(),
        key=FOREMAN_KEY,
        signal=url["power_signal coop"],
        roomalert=url["roomalert intake"],
        iotawatt=url["iotawatt fans"],
        controlbyweb=url["controlbyweb fans"],
        foreman=url["foreman mine"],
    )
    pdus = [name for name in url if name.startswith("redfish ")]
    units = [_PDU.format(name=n.split()[1], url=url[n], user=PDU_USER, password=PDU_PASSWORD) for n in pdus]
    numbers = range(1, len(site.world.fans.on) + 1)
    fans = "".join(_FAN.format(n=n) for n in numbers)
    return head + "".join(units) + _WIRING.format(fans=fans, meter=_METER if site.metered else "")


def _rows(rows: list[str]) -> str:
    return "\n".join([",".join(COLUMNS), *rows]) + "\n"


def fleet_text(site: coop.Site) -> str:
    """fleet.csv: a line a miner, on the outlet that feeds it."""
    rows = []
    for n, pdu in enumerate(site.pdus, 1):
        for outlet in range(pdu.count):
            i = pdu.first + outlet
            fed = f"redfish pdu{n}/A{outlet + 1},,L{outlet % 3 + 1},{n}"
            rows.append(f"{miner_name(i)},{miner_mac(i)},foreman mine,,{fed},3400,,")
    return _rows(rows)
