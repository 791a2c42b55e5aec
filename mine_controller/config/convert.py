"""`config import`: the config files people bring along become a config.txt of today.

Four older forms are known: an INI file with [GENERAL], [APIS] and [NOTIFICATIONS]; flat `LoopInterval=2` lines; Python
assignments (`NETWORK_SUBNET = "10.0.0.0/24"`); and YAML of two levels. Each key becomes an option of the coop-container
template or a line "not carried over because ...". Of addresses only the host is taken, since paths like /api/sensors
exist on none of these devices.
"""

import re
from collections.abc import Callable
from typing import Any

from mine_controller.config import catalogue
from mine_controller.config.edit import is_secret, with_value
from mine_controller.config.lines import UNFILLED, has_tail, read
from mine_controller.config.values import Place, WrongValueError, convert, host, url
from mine_controller.core.option import Option
from mine_controller.record import NamedTuple

_LINE = re.compile(r"([A-Za-z][A-Za-z0-9_.-]*)\s*([=:])\s*(.*)")
_QUOTED = re.compile(r"""(["'])((?:(?!\1).)*)\1(?:[ \t]*[#;].*)?""")  # the whole value, but for a comment behind it
_PLACEHOLDER = re.compile(r"(?i)^(your[_-].*|.*yourdomain.*|\+1234567890|)$")


class Carried(NamedTuple):
    """One old key that became an option. `value` is CHANGE-ME where the old file held none."""

    key: str
    section: str
    option: str
    value: str


class Left(NamedTuple):
    """One old key that did not, and why."""

    key: str
    why: str


class Converted(NamedTuple):
    """The new text and what became of every key of the old one."""

    text: str
    carried: tuple[Carried, ...]
    left: tuple[Left, ...]


class _Goal(NamedTuple):
    section: str
    option: str
    change: Callable[[str], str]


def _same(value: str) -> str:
    return value


def _minutes(value: str) -> str:
    found = re.fullmatch(r"([0-9]{1,3})(?: ?min(?:utes?)?)?", value)
    if not found:
        raise WrongValueError("it is no number of minutes")
    return str(int(found[1]) * 60)


def _host_of(value: str) -> str:
    """Only the host of an address: the old files' paths exist on none of the devices."""
    bare = re.sub(r"^[a-z]+://", "", value).partition("/")[0]
    return host(bare)


def _addresses(value: str) -> str:
    """Several addresses, each of which may stand in quotes."""
    return ", ".join(one.strip("\"'") for one in re.split(r"[,; ]+", value.strip()))


_TELEGRAM, _EMAIL = "telegram", "email"
GOALS: dict[str, _Goal] = {
    "loop_interval_minutes": _Goal("site", "tick_s", _minutes),
    "max_temp_celsius": _Goal("temperature", "warn_c", _same),
    "min_temp_celsius": _Goal("cold", "start_min_c", _same),
    "max_humidity": _Goal("cold", "humidity_max_pct", _same),
    "cornbelt_url": _Goal("power_signal coop", "url", url),
    "roomalert_ip": _Goal("roomalert intake", "host", _host_of),
    "iotawatt_ip": _Goal("iotawatt fans", "host", _host_of),
    "pdu_ip": _Goal("redfish pdu1", "host", _host_of),
    "fan_relay_ip": _Goal("controlbyweb fans", "host", _host_of),
    "telegram_token": _Goal(_TELEGRAM, "token", _same),
    "telegram_chat_id": _Goal(_TELEGRAM, "chat_id", _same),
    "email_smtp_server": _Goal(_EMAIL, "server", _host_of),
    "email_smtp_port": _Goal(_EMAIL, "port", _same),
    "email_username": _Goal(_EMAIL, "username", _same),
    "email_password": _Goal(_EMAIL, "password", _same),
    "email_recipients": _Goal(_EMAIL, "to", _addresses),
    "LoopInterval": _Goal("site", "tick_s", _minutes),
    "PowerSignalURL": _Goal("power_signal coop", "url", url),
    "FanAPIURL": _Goal("controlbyweb fans", "host", _host_of),
    "TempAPIURL": _Goal("roomalert intake", "host", _host_of),
    "IotaWattAPI": _Goal("iotawatt fans", "host", _host_of),
    "SmartPDUAPI": _Goal("redfish pdu1", "host", _host_of),
    "TelegramBotToken": _Goal(_TELEGRAM, "token", _same),
    "TelegramChatID": _Goal(_TELEGRAM, "chat_id", _same),
    "EmailSMTPServer": _Goal(_EMAIL, "server", _host_of),
    "EmailSMTPPort": _Goal(_EMAIL, "port", _same),
    "EmailUser": _Goal(_EMAIL, "username", _same),
    "EmailPassword": _Goal(_EMAIL, "password", _same),
}
_DISCOVER = "`minectl discover` takes it on its command line"
_SERVE = "`minectl serve` takes it on its command line and is loopback only by default"
_CHANNEL = "a bot or webhook is set up anew in a section of its own"
WHY_NOT: dict[str, str] = {
    "foreman_api": "its host and scheme are wrong, and the API needs a client id and a key: fill in [foreman mine]",
    "sms_api_key": "one key is not enough for Twilio: [sms] needs an account, a token and a sender",
    "sms_phone": "it goes into [sms] together with a Twilio account, token and sender",
    "NETWORK_SUBNET": _DISCOVER,
    "DISCOVERY_TIMEOUT": "discovery has one time limit that is measured to be enough",
    "DISCOVERY_THREADS": "discovery needs no threads",
    "UPDATE_INTERVAL": "miners are read at every tick: site.tick_s sets how far apart ticks are",
    "FLASK_HOST": _SERVE,
    "FLASK_PORT": _SERVE,
    "default_region": "the tariff's region is an option of the price section",
    "telegram": _CHANNEL,
    "discord": _CHANNEL,
}
SCHEMES = {"redfish": "https", "raritan": "https", "jaws": "https"}  # where a kind takes an address, not a host
HEAD = "# Converted from an older config. `minectl config check` tells what is still to be filled in.\n"


def pairs(text: str) -> tuple[tuple[str, str], ...]:
    """Every key and value of an old file in order, whichever form it has; YAML by its leaves.

    In an INI file a line that stands deeper than its key goes on with the value, unless it is a known key itself.
    """
    found: list[tuple[str, str]] = []
    key_deep = None  # how deep the last key of a section stands; None: no value can go on
    is_ini = False
    for raw in text.lstrip("\ufeff").split("\n"):
        line = raw.strip()
        if not line or line[0] in "#;":
            continue
        deep = len(raw) - len(raw.lstrip())
        match = _LINE.fullmatch(line)
        if key_deep is not None and deep > key_deep and not (match and (match[1] in GOALS or match[1] in WHY_NOT)):
            key, value = found.pop()
            found.append((key, f"{value}\n{_bare(key, line)}".strip()))
            continue
        is_ini, key_deep = is_ini or line[0] == "[", None
        if match is None:
            continue
        key, sign, value = match[1], match[2], match[3].strip()
        if sign == ":" and not value and key not in WHY_NOT and not is_ini:
            continue  # the name of a YAML group
        found.append((key, _bare(key, value)))
        key_deep = deep if is_ini else None
    return tuple(found)


def _bare(key: str, value: str) -> str:
    """The value without quotes and without a comment behind it; of a secret that may be its end, so there it stays."""
    if quoted := _QUOTED.fullmatch(value):
        return quoted[2]
    goal = GOALS.get(key)
    if not has_tail(value) or (goal and is_secret(goal.section, goal.option)):
        return value
    return re.split(r"[ \t][#;]", value, maxsplit=1)[0].strip()


def old_to_new(text: str, base: str, place: Place) -> Converted:
    """The base text (a site's template) with everything of the old text that has a place in it."""
    carried: list[Carried] = []
    left: list[Left] = []
    old, known = pairs(text), read(base).sections
    for key, value in old:
        goal = GOALS.get(key)
        if goal is None:
            left.append(Left(key, WHY_NOT.get(key, "nothing here is called so")))
            continue
        if goal.section not in known and goal.section not in (_TELEGRAM, _EMAIL):
            left.append(Left(key, f"this site's template has no section [{goal.section}]"))
            continue
        try:
            _doubt(key, value, dict(old))
            option, new = _checked(goal, value, place)
        except WrongValueError as wrong:
            left.append(Left(key, str(wrong)))
            continue
        carried.append(Carried(key, goal.section, option, new))
        base = with_value(base, read(base), goal.section, option, new)
    base = _completed(base)
    why = "".join(f"# {one.key} was not carried over because {one.why}\n" for one in left)
    return Converted(HEAD + why + "\n" + base, tuple(carried), tuple(left))


def _completed(base: str) -> str:
    """The text with what its channels need and no old key gave; the flat form's program mailed to its own address."""
    for title in (_TELEGRAM, _EMAIL):
        section = read(base).sections.get(title)
        if section is None:
            continue
        own = section.entries.get("username")
        for option, (_, about) in _declared(title).items():
            if about.required and option not in section.entries:
                value = own.value if own is not None and option == "to" and "@" in own.value else UNFILLED
                base = with_value(base, read(base), title, option, value)
    return base


def _doubt(key: str, value: str, old: dict[str, str]) -> None:
    """Raises WrongValueError for a value that can't be meant: the temperature monitor switches no fans."""
    if key != "FanAPIURL":
        return
    try:
        monitor = _host_of(old.get("TempAPIURL", ""))
    except WrongValueError:  # told of its own key
        return
    if _host_of(value) == monitor:
        raise WrongValueError("that host is the temperature monitor: give [controlbyweb fans] the host of the relays")


def _checked(goal: _Goal, value: str, place: Place) -> tuple[str, str]:
    """The option and its new value, by the declaration of its option; WrongValueError says why there is none."""
    kind = goal.section.partition(" ")[0]
    known = _declared(kind)
    if goal.option == "host" and "host" not in known and "url" in known:
        goal = goal._replace(option="url", change=lambda text: f"{SCHEMES.get(kind, 'http')}://{_host_of(text)}")
    if goal.option not in known:
        raise WrongValueError(f"this version has no option {goal.option} in a section [{goal.section}]")
    if "\n" in value:
        if goal.change is not _addresses:
            raise WrongValueError("its value goes over several lines")
        value = value.replace("\n", ", ")
    if not value.isprintable():
        raise WrongValueError("its value holds a control character")
    if _PLACEHOLDER.fullmatch(value):
        return goal.option, UNFILLED
    new = goal.change(value)
    convert(*known[goal.option], new, place)
    return goal.option, new


def _declared(kind: str) -> dict[str, tuple[Any, Option]]:
    if kind == "site":
        from mine_controller.config.site import Options  # noqa: PLC0415 - only an import needs it

        return catalogue.declared(Options)
    for room in ("rule", "device", "channel"):
        module = catalogue.find(room, kind)
        if module is not None:
            return catalogue.declared(module.Options)
    return {}
