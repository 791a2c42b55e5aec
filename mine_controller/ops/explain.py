"""What was decided and why, as text and as JSON, out of a book. Pure; the sentences come from core/wording/words.py."""

from typing import Any

from mine_controller.core.model.book import Book
from mine_controller.core.model.decision import Decision, Plan
from mine_controller.core.model.image import Image
from mine_controller.core.model.reason import LAYERS, Limit, Reason
from mine_controller.core.model.state import State
from mine_controller.core.outputs.lamp import NAME as LAMP
from mine_controller.core.wording.spoken import UNITS, Units, spoken
from mine_controller.core.wording.words import sentence, show_seconds

NOT_A_REASON = ("ban ", "breaker ")
HALTED = ("EMERGENCY", "FAULT")


def plan_json(book: Book) -> dict[str, Any]:
    """The decision as data: mode, why, limits, commands, inputs."""
    decision, image = book.decision, book.image
    if decision is None or image is None:
        return {"mode": book.state.mode, "why": None, "commands": [], "limits": [], "inputs": []}
    return {
        "at": image.clock.wall_s,
        "mode": decision.mode,
        "why": {"rule": decision.why.rule, "code": decision.why.code, "sentence": sentence(decision.why)},
        "limits": [_limit(limit) for limit in _limits(decision)],
        "binding": [limit.what for limit in decision.envelope.binding],
        "plan": {
            "run": sum(decision.plan.run),
            "miners": len(decision.plan.run),
            "starts": [image.miners.ids[at] for at in decision.plan.starts],
            "stops": [image.miners.ids[at] for at in decision.plan.stops],
            "fans_on": list(decision.plan.fans_on),
            "miners_w": decision.plan.miners_w,
            "measured_w": decision.plan.measured_w,
            "permitted_w": decision.plan.permitted_w,
        },
        "commands": [
            {**command._asdict(), "reason": sentence(command.reason), "code": command.reason.code}
            for command in decision.commands
        ],
        "lamp": _lamp(decision),
        "skip": _skips(decision),
        "open": [{"target": target, **chase._asdict()} for target, chase in sorted(book.state.chases.items())],
        "inputs": inputs(image, book.state),
        "time_to_obey": decision.forecast or book.state.last.get("forecast", {}),
        "verdicts": [verdict._asdict() for verdict in decision.verdicts],
    }


def _limits(decision: Decision) -> tuple[Limit, ...]:
    """Each limit once: a test value makes a second image, and most of its limits are those of the first."""
    return tuple(dict.fromkeys(one for one in decision.envelope.reasons if not one.what.startswith(NOT_A_REASON)))


def _limit(limit: Limit) -> dict[str, Any]:
    return {
        "layer": LAYERS[limit.layer],
        "what": limit.what,
        "amount": limit.amount,
        "rule": limit.reason.rule,
        "code": limit.reason.code,
        "sentence": sentence(limit.reason),
    }


def _lamp(decision: Decision) -> dict[str, Any] | None:
    """The word for the lamp at the site and its reason; None: none is wired."""
    wish = next((one for one in decision.envelope.wishes if one.what == LAMP), None)
    return None if wish is None else {"wanted": wish.value, "sentence": sentence(wish.reason)}


def _skips(decision: Decision) -> list[dict[str, Any]]:
    """Miners left out, by reason, with how many."""
    counts: dict[tuple[str, str], list[str]] = {}
    examples: dict[tuple[str, str], Reason] = {}
    for name, reason in decision.plan.skip.items():
        key = (reason.rule, reason.code)
        counts.setdefault(key, []).append(name)
        examples.setdefault(key, reason)
    return [
        {"rule": key[0], "code": key[1], "miners": names, "sentence": sentence(examples[key])}
        for key, names in sorted(counts.items())
    ]


def inputs(image: Image, state: State) -> list[dict[str, Any]]:
    """Every role with its value, age and source, or why it is unknown."""
    del state
    now_s = image.clock.plant_s
    return [
        {
            "role": name,
            "value": value.value,
            "age_s": max(0, now_s - value.at_s) if value.at_s else None,  # what a round reads comes after its moment
            "source": value.source,
            "why": value.why,
        }
        for name, value in sorted(image.site.items())
        if name != "stop"
    ]


def plan_text(book: Book, units: Units = UNITS) -> str:
    """The same for people, in their units, in 80 columns or so."""
    return spoken(_plan_text(book), units)


def _plan_text(book: Book) -> str:
    decision, image = book.decision, book.image
    if decision is None or image is None:
        return f"{book.state.mode}: nothing was decided yet"
    plan = decision.plan
    lines = [
        f"{decision.mode}: {sentence(decision.why)}",
        "",
        f"Miners: {sum(plan.run)} of {len(plan.run)} to run",
        _power_line(plan),
        f"Fans:   {', '.join(plan.fans_on) or 'none'} to run",
        *(f"Lamp:   {told['wanted']}: {told['sentence']}" for told in [_lamp(decision)] if told is not None),
        "",
        "Because:",
        *dict.fromkeys(_limit_line(limit) for limit in _limits(decision)),
        "",
        "Inputs:",
        *(_input_line(one) for one in inputs(image, book.state)),
        "",
        f"Commands: {len(decision.commands) or 'none'}",
        *_command_lines(decision),
    ]
    skipped = _skips(decision)
    if skipped:
        lines += ["", "Left out:", *(f"  {len(one['miners']):4} {one['sentence']}" for one in skipped)]
    return "\n".join(lines)


def _power_line(plan: Plan) -> str:
    known, guess, most = _watts(plan.measured_w), _watts(plan.miners_w), _watts(plan.permitted_w)
    return f"Power:  the miners draw {known} measured, {guess} estimated; {most} permitted"


def _watts(watts: int | None) -> str:
    return "unknown" if watts is None else f"{watts / 1000:.1f} kW"


def _limit_line(limit: Limit) -> str:
    return f"  {LAYERS[limit.layer]:9} {limit.what:13} {limit.amount:>8}  {sentence(limit.reason)}"


def _input_line(one: dict[str, Any]) -> str:
    age = "never" if one["age_s"] is None else show_seconds(one["age_s"])
    value = "unknown" if one["value"] is None else f"{one['value']}{_unit(one['role'])}"
    return f"  {one['role']:14} {value:>9}  {age:>7}  {one['why'] or one['source']}"


def _unit(name: str) -> str:
    return " °C" if name.endswith("_c") else ""


def _command_lines(decision: Decision) -> list[str]:
    """One line a kind of command, so that 280 stops stay readable."""
    groups: dict[tuple[str, str], list[str]] = {}
    why: dict[tuple[str, str], str] = {}
    for command in decision.commands:
        key = (command.lane, command.verb)
        groups.setdefault(key, []).append(command.target)
        why[key] = sentence(command.reason)
    return [f"  {lane}: {verb} {_few(targets)} ({why[lane, verb]})" for (lane, verb), targets in groups.items()]


def _few(names: list[str], most: int = 6) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def may_start(decision: Decision) -> bool:
    """True when this decision would start a stopped miner: nothing forbids it, and there is power and air for one."""
    envelope, power_w = decision.envelope, decision.plan.permitted_w
    return not envelope.no_start and envelope.start_miners != 0 and decision.mode not in HALTED and power_w > 0


def _with_unit(name: str) -> str:
    return name + (_unit(name.partition(" ")[0]) if " = " in name else "")


def matrix(rows: list[tuple[str, Decision]], units: Units = UNITS) -> str:
    """Cause and effect by experiment: one line an input state, with what it decides."""
    head = f"{'input':34} {'mode':11} {'miners':>6} {'fans':>4} {'starts':>6}  why"
    lines = [
        f"{_with_unit(name):34} {decision.mode:11} {sum(decision.plan.run):>6} {len(decision.plan.fans_on):>4} "
        f"{'yes' if may_start(decision) else 'no':>6}  {sentence(decision.why)}"
        for name, decision in rows
    ]
    return spoken("\n".join([head, *lines]), units)
