"""Requests become overrides in force, or are refused with a sentence. Pure.

Inputs set on a live site are a second image: the envelope takes the limits of both, so they can only make things
stricter. In shadow and on the twin they simply replace. Only `signal` has a looser form, for a page that is unknown
(stand-in) or wrong (accepted penalty), with the site's name typed and at most 4 h.
"""

from mine_controller.core.alarms import VERBS as ASKED
from mine_controller.core.alarms import ask
from mine_controller.core.freeze import freeze
from mine_controller.core.miners.asking import take_errand
from mine_controller.core.miners.writers import release
from mine_controller.core.model.decision import Verdict
from mine_controller.core.model.image import Image, Request
from mine_controller.core.model.policy import Policy
from mine_controller.core.model.quantity import QUANTITIES, ROLES, WORDS
from mine_controller.core.model.reading import Scalar, Value
from mine_controller.core.model.reason import Event, Reason
from mine_controller.core.model.state import MinerBook, Override, State
from mine_controller.core.model.wiring import MinerSpec, Wiring
from mine_controller.core.refusal import Refused
from mine_controller.core.rules.wear import BY_PERSON

__all__ = [
    "INPUTS",
    "LONGEST_S",
    "ONE_SIDED",
    "ROLE_OF",
    "SETTINGS",
    "WORDS_OF_LIFE",
    "Refused",
    "check_input",
    "take_requests",
    "with_tests",
]

LONGEST_S = 4 * 3600
AUDITED = {  # what is done already, or was never to be done: the tick writes it down and changes nothing
    "config": "the config is changed already; this is its audit row",
    "emergency-stop": "the stop file is the stop; this is its audit row",
    "tick": "a tick was asked for; this is its audit row",
    "denied": "it was sent away; this is its audit row",
}
LONGEST_NUMBER = 9
INPUTS = (
    "signal",
    "inlet_c",
    "outlet_c",
    "ambient_c",
    "humidity_pct",
    "grid_hz",
    "voltage_v",
    "supply_kw",
    "battery_soc_pct",
    "generator_load_pct",
    "site_power_w",
    "smoke",
    "water",
    "door",
    "mains",
    "price_p_kwh",
)
ROLE_OF = {"price_p_kwh": "price"}  # inputs that are not called like the role they come from
WORDS_OF_LIFE = {"away": ("yes", "no"), "strategy": ("on", "off")}  # economics that a person sets until changed
SETTINGS = ("mode", "pool")  # wanted of a miner or a group until changed
UNKNOWN = Value(None, 0)
ONE_SIDED = frozenset({"inlet_c", "outlet_c", "ambient_c", "humidity_pct", "site_power_w", "smoke", "water"})


def take_requests(image: Image, state: State, policy: Policy) -> tuple[State, tuple[Verdict, ...], tuple[Event, ...]]:
    """The state with every new request judged and every expired override gone."""
    overrides = [override for override in state.overrides if _stands(override, image)]
    events = [_over(override) for override in state.overrides if override not in overrides]
    verdicts: list[Verdict] = []
    acked: dict[str, object] = {}
    for request in image.requests:
        try:
            if request.verb == "release":
                state, why = _release(request, state), "released"
            elif request.verb == "quarantine":
                state, why = _quarantine(request, state, policy), "in quarantine until released"
            elif request.verb == "errand":
                state, why = take_errand(request, image, state, policy)
            elif request.verb in ASKED:
                state, why = ask(request, image, state)
            else:
                why = _apply(request, image, policy, overrides, acked)
            verdicts.append(Verdict(request.id, "done", why))
        except Refused as refused:
            verdicts.append(Verdict(request.id, "refused", str(refused)))
        verdict = verdicts[-1]
        numbers = (
            ("what", _asked(request)),
            ("actor", request.actor),
            ("reason", request.reason),
            ("verdict", verdict.verdict),
            ("source", request.source),
            ("uid", request.uid),
            ("tty", request.tty),
        )
        events.append(
            Event("request", "info", request.actor, Reason("override", "request", (*numbers, ("why", verdict.why))))
        )
    return state._replace(overrides=tuple(overrides), last={**state.last, **acked}), tuple(verdicts), tuple(events)


def _asked(request: Request) -> str:
    """What was asked, in words; of a changed option both texts, told apart: there are spaces and commas in either."""
    if request.verb == "config" and len(request.args) == 3 and request.args[0] != "more":
        return 'config {} from "{}" to "{}"'.format(*request.args)
    return " ".join(filter(None, [request.verb, *request.args]))


def _stands(override: Override, image: Image) -> bool:
    """Until its time is over; a stand-in for the signal also ends for good when the real page says off."""
    if override.until_s and override.until_s <= image.clock.plant_s:
        return False
    worse = override.kind == "person" and override.key == "signal" and override.value != "off"
    return not (worse and image.site.get("signal", UNKNOWN).value == "off")


def _over(override: Override) -> Event:
    return Event("override_over", "info", override.actor, Reason("override", "expired", (("key", override.key),)))


def _apply(request: Request, image: Image, policy: Policy, overrides: list[Override], acked: dict[str, object]) -> str:
    if request.verb in AUDITED:
        return AUDITED[request.verb]
    if request.verb == "resume":
        acked["acked_s"] = image.clock.plant_s
        return "taken"
    if request.verb == "clear-state":
        return _clear(request, overrides)
    if request.verb != "set-state":
        raise Refused(f"this tick does not know the verb {request.verb!r}")
    override = _override(request, image, policy)
    overrides[:] = [other for other in overrides if other.key != override.key] + [override]
    return f"in force for {override.until_s - image.clock.plant_s} s" if override.until_s else "in force until cleared"


def _clear(request: Request, overrides: list[Override]) -> str:
    key = request.args[0] if request.args else "--all"
    gone = [override for override in overrides if key in ("--all", override.key)]
    if not gone and key != "--all":
        raise Refused(f"no override of {key} is in force")
    overrides[:] = [override for override in overrides if override not in gone]
    return f"{len(gone)} cleared"


def _release(request: Request, state: State) -> State:
    """Quarantine is lifted by a person: one miner by its id, or --all."""
    held = tuple(name for name, book in sorted(state.miners.items()) if book.quarantined)
    name = request.args[0] if request.args else ""
    if name != "--all" and name not in held:
        raise Refused(f"{name[:40]!r} is not in quarantine; in quarantine: {', '.join(held) or 'nobody'}")
    return release(state, held if name == "--all" else (name,))


def _quarantine(request: Request, state: State, policy: Policy) -> State:
    """A person puts one miner aside: it is stopped gently and stays off until released."""
    name = request.args[0] if request.args else ""
    if name not in {spec.id for spec in policy.wiring.miners}:
        raise Refused(f"there is no miner {name[:40]!r}; see fleet.csv")
    if not request.reason:
        raise Refused('a reason is needed: --reason "why"')
    book = state.miners.get(name, MinerBook())
    if book.quarantined:
        raise Refused(f"{name} is in quarantine already: {book.quarantined}")
    why = f"{BY_PERSON}{request.actor[:40]}: {request.reason[:100]}"
    return state._replace(miners={**state.miners, name: book._replace(quarantined=why)})


def _override(request: Request, image: Image, policy: Policy) -> Override:
    if len(request.args) != 2:
        raise Refused("set-state takes a key and a value, for example: set-state signal off")
    key, value = request.args
    if not request.reason:
        raise Refused('a reason is needed: --reason "why"')
    kind = _kind(key, value, request, policy)
    clock = image.clock
    for_s = request.until - clock.wall_s if request.until else 0
    if request.until and for_s <= 0:
        raise Refused("the time asked for is already over")
    if policy.site.live and kind not in ("setting", "economy"):
        left_s = LONGEST_S - max(0, clock.wall_s - request.at)  # from when it was asked: a tick may take it much later
        if left_s <= 0:
            raise Refused(f"it was asked more than {LONGEST_S // 3600} h ago; ask again if it is still wanted")
        for_s = min(for_s or left_s, left_s)
    until_s = clock.plant_s + for_s if for_s else 0
    return Override(key, value, kind, until_s, request.actor[:60], request.reason[:200], request.id)


def _plain_kind(key: str, value: str, policy: Policy) -> str:
    """The kind of what is no input, its value checked; "" for everything else."""
    head = key.partition(".")[0]
    if head in ("fan", "fans", "miner", "miners", "max_power_kw"):
        _check_output(key, value, policy)
        return "output"
    if head in SETTINGS:
        _check_setting(key, value, policy)
        return "setting"
    if key in WORDS_OF_LIFE:
        if value not in WORDS_OF_LIFE[key]:
            raise Refused(f"{key} is one of {', '.join(WORDS_OF_LIFE[key])}")
        if key == "strategy":
            _bands(policy)
        return "economy"
    if key == "band":
        _check_band(value, policy)
        return "economy"
    if head == "uplink":
        _check_uplink(key, value, policy)
        return "test"
    if head == "reading":
        if value != "unknown" and not _plain(value):
            raise Refused("a reading is set to a number, a word or unknown")
        return "test"
    return ""


def _kind(key: str, value: str, request: Request, policy: Policy) -> str:
    plain = _plain_kind(key, value, policy)
    if plain:
        return plain
    if key in INPUTS:
        check_input(key, value)
        typed = f"site={policy.site.name}" in request.flags
        for flag, kind in (("stand-in", "person"), ("accept-penalty", "penalty")):
            if flag not in request.flags:
                continue
            if key != "signal" or (kind == "penalty" and value != "run"):
                raise Refused(f"--{flag} is for the power signal alone")
            if not typed:
                raise Refused(f'--{flag} needs the site\'s name typed: --site "{policy.site.name}"')
            return kind
        return "test"
    outputs = "fan.N, fans, miner.ID, miners, max_power_kw, mode.ID, pool.ID, away, strategy, band"
    raise Refused(f"unknown key {key!r}; keys are {', '.join(INPUTS)}, {outputs}, reading.SECTION.NAME")


def _check_uplink(key: str, value: str, policy: Policy) -> None:
    names = [link.name for link in policy.wiring.uplinks]
    if key.partition(".")[2] not in names:
        raise Refused(f"there is no uplink {key[7:40]!r}; there are {', '.join(names) or 'none'}")
    if value not in (*WORDS["link"], "unknown"):
        raise Refused(f"{key} is one of {', '.join(WORDS['link'])}, unknown")
    if policy.site.live:
        raise Refused("on a live site an uplink is what its probes say; try it in shadow mode (site.live = no)")


def check_input(key: str, value: str) -> Scalar:
    """The typed value of an input override; "unknown" is None."""
    if value == "unknown":
        return None
    quantity = ROLES[key].quantity if key in ROLES else key
    words = WORDS.get(quantity)
    if words is not None:
        if value not in words:
            raise Refused(f"{key} is one of {', '.join(words)}, unknown")
        return value
    row = QUANTITIES[quantity]
    try:
        number = float(value)
    except ValueError:
        raise Refused(f"{key} is a number in {row.unit} or unknown") from None
    if not row.low <= number <= row.high:
        raise Refused(f"{key} is between {row.low:g} and {row.high:g} {row.unit}")
    return round(number) if row.decimals == 0 else round(number, row.decimals)


def _check_output(key: str, value: str, policy: Policy) -> None:
    head, _, name = key.partition(".")
    wiring = policy.wiring
    words = {"fan": ("on", "off"), "miner": ("run", "stop"), "miners": ("run", "stop")}.get(head)
    if words is not None and value not in words:
        raise Refused(f"{key} is one of {', '.join(words)}")
    if (head in ("fan", "miner")) != bool(name):
        raise Refused(f"unknown key {key!r}; write fan.3, miner.a017, fans, miners, max_power_kw")
    if head in ("fan", "fans") and not wiring.fans:
        raise Refused("this site has no fans in [wiring], so there is none to switch")
    if head == "fan" and name not in {spec.name for spec in wiring.fans}:
        raise Refused(f"there is no fan {name!r}; fans are {', '.join(spec.name for spec in wiring.fans)}")
    if head == "miner" and name not in {spec.id for spec in wiring.miners}:
        raise Refused(f"there is no miner {name!r}; see fleet.csv")
    if head == "fans" and not (_digits(value) and int(value) <= len(wiring.fans)):
        raise Refused(f"fans is a number from 0 to {len(wiring.fans)}")
    if head == "max_power_kw" and not _digits(value.replace(".", "", 1)):
        raise Refused("max_power_kw is a number of kW, for example 400")


def _check_setting(key: str, value: str, policy: Policy) -> None:
    """mode.ID and pool.ID, of one miner or of a whole group; what none of them has is refused."""
    head, _, name = key.partition(".")
    specs = [spec for spec in policy.wiring.miners if name in (spec.id, spec.group)]
    if not specs:
        raise Refused(f"there is no miner or group {name[:60]!r}; write {head}.a017 or {head}.bitaxe shelf")
    known = list(dict.fromkeys(word for spec in specs if head in spec.verbs for word in _words(head, spec)))
    if value not in known:
        raise Refused(f"{name} has no {head} {value[:30]!r}; it has {', '.join(known) or 'none'}")


def _words(head: str, spec: MinerSpec) -> tuple[str, ...]:
    return spec.modes if head == "mode" else spec.pools


def _bands(policy: Policy) -> list[str]:
    """Their names. Where there are none nothing follows a price, and who switches that off would wait in vain."""
    names = [band.name for band in policy.rules["band"].sections] if "band" in policy.rules else []
    if not names:
        raise Refused("this site has no [band] sections, so nothing follows a price: `minectl miners stop --all` stops")
    return names


def _check_band(value: str, policy: Policy) -> None:
    names = _bands(policy)
    if value not in (*names, "off"):
        raise Refused(f"there is no band {value[:40]!r}; bands are {', '.join(names)}, off")


def _digits(value: str) -> bool:
    """Few enough plain digits to be a number of anything here."""
    return value.isascii() and value.isdecimal() and len(value) <= LONGEST_NUMBER


def _plain(value: str) -> bool:
    return bool(value) and all(char.isalnum() or char in "-._ " for char in value)


def with_tests(image: Image, state: State, wiring: Wiring) -> Image | None:
    """The image with the test values in place, or None when none is set."""
    tests = [override for override in state.overrides if override.kind == "test"]
    if not tests:
        return None
    image = _with_readings(image, tests, wiring)
    now_s, site = image.clock.plant_s, dict(image.site)
    tests = [override for override in tests if override.key in image.site]
    for override in tests:
        value = Value(check_input(override.key, override.value), now_s, f"test by {override.actor}", "set for a test")
        site[override.key] = value
        if override.key == "inlet_c":
            site["inlet_min_c"] = site["inlet_max_c"] = value
        if override.key == "voltage_v":
            site["voltage_min_v"] = site["voltage_max_v"] = value
    return image._replace(site=site)


def _with_readings(image: Image, tests: list[Override], wiring: Wiring) -> Image:
    """`reading.SECTION.NAME`: every quantity of that channel that the value fits, judged by `freeze` like any."""
    channels = dict(image.channels)
    links = {f"uplink.{link.name}": f"{link.channel}:link" for link in wiring.uplinks}
    for override in tests:
        if override.key in links:
            key, known = links[override.key], override.value != "unknown"
            at_s = image.clock.plant_s if known else 0
            channels[key] = Value(override.value if known else None, at_s, key, "" if known else "set for a test")
        if not override.key.startswith("reading."):
            continue
        section, _, name = override.key.removeprefix("reading.").rpartition(".")
        for key in [key for key in channels if key.rpartition(":")[0] == (f"{section}/{name}" if section else name)]:
            value = _fitting(key.rpartition(":")[2], override.value)
            if override.value == "unknown":
                channels[key] = Value(None, 0, key, "set to unknown for a test")
            elif value is not None:
                channels[key] = Value(value, image.clock.plant_s, key, "")
    if channels == image.channels:
        return image
    return freeze(image._replace(channels=channels), (), wiring, image.clock._replace(rebooted=False), image.requests)


def _fitting(quantity: str, value: str) -> Scalar:
    """The value typed for a quantity, or None where it does not fit it."""
    if quantity in WORDS:
        return value if value in WORDS[quantity] else None
    row = QUANTITIES.get(quantity)
    try:
        number = float(value)
    except ValueError:
        return None
    if row is None or not row.low <= number <= row.high:
        return None
    return round(number) if row.decimals == 0 else round(number, row.decimals)
