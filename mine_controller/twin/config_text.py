"""config.txt and fleet.csv of a twin, so that minectl can be pointed at it like at any site."""

from typing import Final

from mine_controller.twin import coop, home
from mine_controller.twin.coop import FOREMAN_KEY, PDU_PASSWORD, PDU_USER
from mine_controller.twin.servers.foreman import miner_mac, miner_name
from mine_controller.twin.servers.power_signal import OFF_WORD, PATH, RUN_WORD
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
{fans}
[end]
"""

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
    if isinstance(site, home.Site):
        return _home_text(site), _rows(home_rows(site))
    assert isinstance(site, coop.Site)
    return _coop_text(site), fleet_text(site)


def _home_text(site: home.Site) -> str:
    lots = [
        _LOT.format(section=lot.section, hosts=lot.hosts, more=lot.more, ports="".join(_ports(site, lot)))
        for lot in site.lots
    ]
    pools = [_POOL.format(name=name, url=url, user=user) for name, (url, user) in home.OWNED.items()]
    return _HOME.format(zone=site.zone) + "".join([*lots, *pools]) + _BARE


def _ports(site: home.Site, lot: home.Lot) -> list[str]:
    return [f"{side.option} = {site.ports[lot.name_of(side)]}\n" for side in lot.sides]


def home_rows(site: home.Site) -> list[str]:
    """fleet.csv: what a person wrote of each of their miners."""
    return [
        f"{kit.id},{home.identity(site, kit)},{kit.section},,,,,,{max(1, round(site.house.rigs[kit.id].nominal_w))},,"
        for kit in site.kits
        if kit.listed
    ]


def _coop_text(site: coop.Site) -> str:
    url = {name: f"http://{served.netloc}" for name, served in site.served.items()}
    head = _HEAD.format(
        zone=site.zone,
        path=PATH,
        run=RUN_WORD.lower(),
        off=OFF_WORD.lower(),
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
    return head + "".join(units) + _WIRING.format(fans=fans)


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
