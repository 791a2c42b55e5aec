"""The sample config out of the declarations themselves: every section, every option, its unit, its bounds, its default.

The top-level config.txt is exactly this text. It passes `config check`: what only an owner knows is CHANGE-ME, and the
sections with it are not yet active.
"""

import re
from textwrap import wrap
from types import ModuleType
from typing import Any

from mine_controller.config import alarms, catalogue, keep, pools, site
from mine_controller.config.lines import UNFILLED
from mine_controller.config.load import SITE
from mine_controller.config.show import text
from mine_controller.config.work import Common, FleetCommon
from mine_controller.core.model.quantity import ROLES
from mine_controller.core.option import Option, Secret
from mine_controller.devices._hosts import HOSTS

WIDTH = 118
# Where these devices usually are on a container's LAN.
USUAL_URL = {
    "roomalert": "http://192.168.1.100",
    "iotawatt": "http://192.168.1.101",
    "redfish": "https://192.168.1.102",
    "raritan": "https://192.168.1.102",
    "jaws": "https://192.168.1.102",
    "http_pdu": "http://192.168.1.102",
    "controlbyweb": "http://192.168.1.103",
}
# A place of its own for each kind on a LAN of miners: what two sections share would be asked twice.
USUAL_HOSTS = {
    "asic": "10.0.2.1-80",
    "avalon": "10.0.3.1-80",
    "bitaxe": "10.0.4.1-80",
    "cgminer": "10.0.5.1-80",
    "nerdqaxe": "10.0.6.1-80",
    "nmminer": "10.0.7.1-80",
    "whatsminer": "10.0.8.1-80",
    "xmrig": "10.0.9.1-80",
}
NAMES = {"foreman": "mine", "roomalert": "intake", "iotawatt": "fans", "controlbyweb": "fans", "power_signal": "coop"}
# Options that a section can't do without, though none of them alone is required.
WRITTEN = {"power_signal": {"selector": "#value", "run_if": "< 1", "off_if": ">= 1"}}
PDUS = ("redfish", "raritan", "jaws", "http_pdu")

HEAD = """\
# minectl: every section and every option there is. `minectl config sample` prints this text; `minectl init --site
# coop-container DIR` makes a config for one site, which is far shorter, because what is not written has its default.
#
# [kind name] begins a section and key = value fills it. Lines that begin with # are comments: #key = value shows a
# default, which counts until something else is written. Nothing may stand behind a value. Numbers are plain digits,
# lists have commas. A secret is file:PATH, env:NAME, cred:NAME (systemd) or, where only the owner can read this file
# (chmod 600), the secret itself. A section in which something is still CHANGE-ME is not yet active. The last line
# is [end]. `minectl config check` tells everything that is wrong at once.
#
# Usual addresses: controller 192.168.1.50, RoomAlert .100, IotaWatt .101, PDU .102, fan relays .103;
# home LAN 10.0.0.0/24.
"""

EXAMPLES = {
    "signal": "power_signal coop",
    "power_w": "iotawatt fans/Mains",
    "switch": "controlbyweb guard/1",
    "grid_hz": "iotawatt fans",
    "contact": "roomalert intake/switch 1",
    "slots": "octopus agile",
    "voltage_v": "sel735 meter/L1, sel735 meter/L2, sel735 meter/L3",
    "supply_kw": "mqtt supply/possible",
    "charge_pct": "mqtt battery",
    "load_pct": "mqtt generator",
}
WIRING_HEAD = """\
[wiring]
# Which channel is what. A role takes one channel or several, by commas; several vote: the hotter one for heat, the
# colder one for cold, the worse one for signals and contacts, the lowest phase for voltage, which is unknown while one
# of them is. An unwired role is absent: its rules don't exist.
"""
WIRING_TAIL = """\
# How old a value of a role may be and still count, 30 to 900 s:
#max_age inlet_c = 240
# Fans 1 to 32: the relay, the meter that proves air, its normal power; active_low where a resting relay runs the fan:
#fan 1 = switch controlbyweb fans/1, watts iotawatt fans/Fan_1, normal 1500
# Breakers (80 % of the rating counts); 3ph: volts between phases:
#breaker b1 = 40 A 240 V phase L1
#breaker main = 1600 A 480 V 3ph
# Phases (80 % counts, too), by the names fleet.csv or the breakers give them; volts from the phase to neutral:
#phase L1 = 60 A 230 V
# The pump of an evaporative wall, by its relay; [wall] says when it runs:
#wall = controlbyweb fans/8
# A lamp or siren, on a relay or outlet of its own: on while an emergency that nobody acked is open, or nobody is told:
#lamp = controlbyweb fans/9
# Ways to the internet, by what watches them, and the pool on this machine that stands in while there is none:
#uplink starlink = uplink starlink
#uplink lte = openmptcprouter router/lte
#dummy_pool = dummy_pool local
"""


def sample(kind: str = "") -> str:
    """The whole sample, or the part of one kind, rule or channel; KeyError when there is no such."""
    if kind:
        return _one(kind)
    parts = [HEAD, _block(SITE, site.Options, "The place.", active={"name": "My mine"})]
    parts += [_rule(name, module) for name, module in catalogue.rules().items() if hasattr(module, "Options")]
    parts.append(_pool())
    parts += [_device(name) for name in catalogue.known("device")]
    parts += [_channel(name) for name in catalogue.known("channel")]
    parts.append(_block(keep.TITLE, keep.Options, _about(keep), section=False))
    parts += [_alarms(alarms.TITLE), _alarms(alarms.KIND)]
    return "\n".join(part for part in (*parts, _wiring(), "[end]\n") if part)


def _one(kind: str) -> str:
    if kind == SITE:
        return _block(SITE, site.Options, "The place.", active={"name": "My mine"})
    if kind == "wiring":
        return _wiring()
    if kind == keep.TITLE:
        return _block(keep.TITLE, keep.Options, _about(keep), section=False)
    if kind == pools.KIND:
        return _pool()
    if kind in (alarms.TITLE, alarms.KIND):
        return _alarms(kind)
    rules = catalogue.rules()
    if kind in rules:
        return _rule(kind, rules[kind])
    if catalogue.find("device", kind) is not None:
        return _device(kind)
    if catalogue.find("channel", kind) is not None:
        return _channel(kind)
    raise KeyError(kind)


def kinds() -> tuple[str, ...]:
    """Everything `sample` knows."""
    return (
        SITE,
        *catalogue.rules(),
        pools.KIND,
        *catalogue.known("device"),
        *catalogue.known("channel"),
        keep.TITLE,
        alarms.TITLE,
        alarms.KIND,
        "wiring",
    )


def _alarms(kind: str) -> str:
    """[alarms], or one kind of alarm as a sample of them all."""
    if kind == alarms.TITLE:
        return _block(kind, alarms.Options, _about(alarms), section=False)
    about = "One kind of alarm; `minectl alarms kinds` lists them all with what counts now."
    return _block(f"{kind} {alarms.EXAMPLE}", alarms.options_of(alarms.EXAMPLE), about, section=False)


def _rule(name: str, module: ModuleType) -> str:
    options: Any = getattr(module, "Options", None)
    if options is None or not options._fields:
        return ""
    block = "" if not _written(options) else _block(name, options, _about(module), section=False)
    if not hasattr(module, "SECTION"):
        return block
    named = _block(f"{name} one", module.SECTION, _about(module) if not block else "One of them:", section=False)
    return "\n".join(part for part in (block, named) if part)


def _written(options: Any) -> bool:
    """True when an owner can write any of these options."""
    return any(declared.kind != "sections" for _, declared in catalogue.declared(options).values())


def _pool() -> str:
    return _block(f"{pools.KIND} main", pools.Options, _about(pools))


def _device(name: str) -> str:
    module: Any = catalogue.find("device", name)
    can = module.CAN
    about = f"{_about(module)} Reads {', '.join(can.reads)}"
    about += f"; takes {', '.join(can.verbs)}." if can.verbs else "."
    title = f"{name} {NAMES.get(name, 'pdu1' if name in PDUS else 'one')}"
    return _block(title, module.Options, about, active=WRITTEN.get(name), extra=FleetCommon if can.fleet else Common)


def _channel(name: str) -> str:
    module: Any = catalogue.find("channel", name)
    return _block(name, module.Options, _about(module))


def _about(module: Any) -> str:
    """The first paragraph of the module's docstring on one line."""
    first = (module.__doc__ or "").strip().partition("\n\n")[0]
    return re.sub(r"\s+", " ", first)


def _block(
    title: str,
    options: Any,
    about: str,
    *,
    section: bool = True,
    active: dict[str, str] | None = None,
    extra: Any = None,
) -> str:
    """One section. A section with nothing that has to be written is commented out, but for [site]."""
    kind = title.partition(" ")[0]
    own = {name: one for name, one in catalogue.declared(options).items() if one[1].kind != "sections"}
    common = (
        {name: declared for name, declared in catalogue.declared(extra).items() if name not in own} if extra else {}
    )
    needed = any(declared.required for _, declared in own.values())
    lines = _comment(about)
    lines.append(f"[{title}]" if section and needed else f"#[{title}]")
    for name, (annotation, declared) in (own | common).items():
        lines += _comment(_help(declared))
        written = (active or {}).get(name) or (_example(kind, annotation, declared) if declared.required else "")
        lines.append(f"{name} = {written}" if written else f"#{name} = {_default(declared)}".rstrip())
    return "\n".join(lines) + "\n"


def _comment(words: str) -> list[str]:
    return [f"# {line}" for line in wrap(words, WIDTH - 2)]


def _help(declared: Option) -> str:
    bounds = ""
    if declared.low is not None and declared.high is not None:
        bounds = f"{declared.low:g} to {declared.high:g}"
    more = ", ".join(part for part in (declared.unit, bounds, "|".join(declared.choices)) if part)
    told = f"{declared.help} ({more})" if more else declared.help
    return f"{told}; for example {declared.example}" if declared.example and not declared.required else told


def _default(declared: Option) -> str:
    default = declared.default
    return text(list(default) if isinstance(default, tuple) else default)


def _example(kind: str, annotation: Any, declared: Option) -> str:
    if annotation is Secret:
        return UNFILLED
    usual = USUAL_URL.get(kind, "") if declared.kind == "url" else ""
    usual = USUAL_HOSTS.get(kind, "") if declared.example == HOSTS.example else usual
    return usual or declared.example or UNFILLED


def _wiring() -> str:
    lines = []
    for name, role in ROLES.items():
        lines += [f"# {role.label} ({role.quantity})", f"#{name} = {EXAMPLES.get(role.quantity, 'roomalert intake/1')}"]
    return WIRING_HEAD + "\n".join(lines) + "\n" + WIRING_TAIL
