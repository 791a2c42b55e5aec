"""config.txt and fleet.csv of a twin, so that minectl can be pointed at it like at any site."""

from typing import Final

from mine_controller.twin.coop import FOREMAN_KEY, PDU_PASSWORD, PDU_USER, Site
from mine_controller.twin.servers.foreman import miner_mac, miner_name
from mine_controller.twin.servers.power_signal import OFF_WORD, PATH, RUN_WORD

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


def config_text(site: Site, _folder: str = ".") -> tuple[str, str]:
    """The texts of config.txt and fleet.csv that describe `site`, with the ports it is served on now."""
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
    return head + "".join(units) + _WIRING.format(fans=fans), fleet_text(site)


def fleet_text(site: Site) -> str:
    """fleet.csv: a line a miner, on the outlet that feeds it."""
    rows = [",".join(COLUMNS)]
    for n, pdu in enumerate(site.pdus, 1):
        for outlet in range(pdu.count):
            i = pdu.first + outlet
            fed = f"redfish pdu{n}/A{outlet + 1},,L{outlet % 3 + 1},{n}"
            rows.append(f"{miner_name(i)},{miner_mac(i)},foreman mine,,{fed},3400,,")
    return "\n".join(rows) + "\n"
