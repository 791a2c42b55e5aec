"""The one decision function. Pure: the same image, state and policy give the same decision, bit for bit."""

from typing import Any

from mine_controller.core import rules, shed
from mine_controller.core.alarms import keep, known
from mine_controller.core.choose import choose
from mine_controller.core.compare import compare
from mine_controller.core.compare.work import Compared
from mine_controller.core.envelope import narrow
from mine_controller.core.fleet import sum_up
from mine_controller.core.forecast import time_to_obey
from mine_controller.core.held import watch_hold
from mine_controller.core.miners import startless, stopless
from mine_controller.core.miners.awake import judged, watched
from mine_controller.core.miners.errands import tell
from mine_controller.core.miners.failures import FAILURES, gentle_rungs, in_a_row, judge
from mine_controller.core.miners.liars import with_lies
from mine_controller.core.miners.renamed import follow
from mine_controller.core.miners.units import watch_units
from mine_controller.core.miners.writers import watch_writers
from mine_controller.core.model.decision import Decision, Envelope, Plan
from mine_controller.core.model.image import Image
from mine_controller.core.model.policy import Policy
from mine_controller.core.model.reason import CONTRACT, SAFETY, Advice, Event, Limit, Reason
from mine_controller.core.model.state import State
from mine_controller.core.modes import mode_of
from mine_controller.core.option import fill
from mine_controller.core.outputs.lamp import light
from mine_controller.core.outputs.left import left
from mine_controller.core.overrides import take_requests, with_tests
from mine_controller.core.pools import bests, poolless
from mine_controller.core.reach import ours
from mine_controller.core.view import View
from mine_controller.core.watch import watch_fans, watch_miners, watch_sensors, watch_starts

OBEY_WITHIN_S = 300
RULE_BLIND_S = 360
STEP_S = 120  # what began longer ago is no part of this step (rules/ramp.py)


def decide(image: Image, state: State, policy: Policy) -> Decision:
    """Image and State in, Decision (with the next State) out."""
    policy = policy._replace(wiring=ours(policy.wiring))
    state, renamed = follow(state, policy.wiring.miners)
    state, verdicts, events = take_requests(image, state, policy)
    tested = with_tests(image, state, policy.wiring)
    if tested is not None and not policy.site.live:
        image, tested = tested, None
    view, seen = _view(image, state, policy)
    advice = _advise(view, policy)
    limits = [limit for one in advice.values() for limit in one.limits]
    if tested is not None:
        limits += _test_limits(tested, view, policy)
    wishes = [wish for one in advice.values() for wish in one.wishes]
    envelope = narrow(limits, wishes)
    events = (*renamed, *events, *seen, *(event for one in advice.values() for event in one.events))
    memory = {name: one.memory for name, one in advice.items()}
    return _act_on(view, envelope, memory, events, policy)._replace(verdicts=verdicts)


def _view(image: Image, state: State, policy: Policy) -> tuple[View, tuple[Event, ...]]:
    fleet = sum_up(image, state, policy.wiring)
    miners, miner_events = watch_miners(image, fleet, state, policy.wiring)
    fans, fan_events = watch_fans(image, state, policy.wiring)
    found = watch_units(image, fleet, state._replace(miners=miners), policy)
    state = watched(state, miners, image.clock.plant_s)
    state = state._replace(miners=miners, fans=fans, units=found.units)
    state = poolless.remembered(state, image, policy.wiring)
    state = stopless.forgotten(state, found.events, policy.wiring.miners) if image.clock.opening else state
    state, records = _watch_bests(image, state, policy)
    written = watch_writers(image, miner_events, state)
    sensors = watch_sensors(image, state, policy.wiring)
    starts = watch_starts(image, fleet, state, policy.wiring)
    events = (*miner_events, *fan_events, *found.events, *records, *written.events, *sensors, *starts)
    return View(image, fleet, policy.wiring, policy.site, written.state, fans, policy.pools, policy.alarms), events


def _watch_bests(image: Image, state: State, policy: Policy) -> tuple[State, tuple[Event, ...]]:
    """The book of best shares, only where a board tells any; news of it."""
    was = state.last.get("bests")
    book, events = bests.found(image, policy.wiring, was) if image.clock.opening else (was, ())
    return (state if book == (was or {}) else state._replace(last={**state.last, "bests": book})), events


def _advise(view: View, policy: Policy) -> dict[str, Advice]:
    """Every rule of the policy, each on its own: a rule that fails says so and its layer takes its safe side."""
    out: dict[str, Advice] = {}
    for name in rules.NAMES:
        memory = view.state.memory.get(name, {})
        wired = name in policy.rules
        if not wired and not (memory and rules.holds(name, memory)):
            continue
        module = rules.load(name)
        try:
            out[name] = module.advise(view, memory, policy.rules[name] if wired else fill(module.Options))
        except Exception as error:  # noqa: BLE001 - PRO4: one broken rule must not take the others' control away
            out[name] = _failed(name, module.LAYER, memory, type(error).__name__, view)
            continue
        if memory.get("failed_s"):
            back = Event("rule_back", "info", name, Reason("decide", "rule_back", (("rule", name),)))
            out[name] = out[name]._replace(events=(*out[name].events, back))
        out[name].memory.pop("failed_s", None)
    return out


def _failed(name: str, layer: int, memory: dict[str, Any], error: str, view: View) -> Advice:
    """Nothing may increase; a failing contract rule curtails after the grace, and what it had ordered before stands; a
    safety rule is FAULT with fans full."""
    since = int(memory.get("failed_s") or view.now_s)
    reason = Reason("decide", "rule_failed", (("rule", name), ("error", error), ("for_s", view.now_s - since)))
    limits = [Limit(layer, "no_start", 0, reason), Limit(layer, "no_fan_down", 0, reason)]
    if layer == SAFETY:
        limits.append(Limit(SAFETY, "fans_min", len(view.wiring.fans), reason))
    shed_now = view.state.shed
    ordered = shed_now is not None and shed_now.ended_s is None and shed_now.cause == name
    if layer == CONTRACT and (ordered or view.now_s - since >= RULE_BLIND_S):
        limits.append(Limit(CONTRACT, "max_power_w", 0, reason))
    severity = "emergency" if layer <= CONTRACT else "warning"
    told = () if memory.get("failed_s") else (Event("rule_failed", severity, name, reason),)
    return Advice(tuple(limits), (), told, {**memory, "failed_s": since})


def _test_limits(tested: Image, view: View, policy: Policy) -> list[Limit]:
    """The limits a test image asks for, on top of the real ones: on a live site a test can only lower."""
    test_view = view._replace(image=tested)
    return [limit for one in _advise(test_view, policy).values() for limit in one.limits]


def _act_on(
    view: View, envelope: Envelope, memory: dict[str, dict[str, Any]], events: tuple[Event, ...], policy: Policy
) -> Decision:
    """From the envelope to commands, proof and mode."""
    obey_within_s = getattr(policy.rules.get("signal"), "obey_within_s", OBEY_WITHIN_S)
    remembered = view.state._replace(memory=memory)
    opened = shed.begin_or_go_on(view.image, view.fleet, envelope, remembered, obey_within_s)
    if opened is not None and view.site.live and not known(view.state, shed.UNPROVEN):
        opened = opened._replace(emergency="", told_w=0)  # made in shadow mode, it was told to nobody
    view = view._replace(fleet=shed.against_meter(opened, view.image, view.fleet, view.fans))
    plan = choose(view, envelope)
    compared = compare(view, envelope, plan, shed.deadline(opened, obey_within_s))
    told = tell(view, envelope, plan, compared)
    watched, shed_events = shed.watch(
        opened,
        view.image,
        view.fleet,
        compared.done,
        sum(command.target.startswith("miner ") for command in compared.commands),
        compared.chases,
        gentle_rungs(view, compared),
        shed.is_blind(opened, memory),
    )
    taken = shed.taken_over(view.state.shed, opened, view.now_s, compared.chases, memory)
    shed_events = _weighed(view, envelope, (*taken, *shed_events))
    fault = any(limit.reason.code == "rule_failed" and limit.layer == SAFETY for limit in envelope.reasons)
    mode, why = mode_of(view, envelope, plan, watched, fault)
    view, liars = with_lies(view, compared.lied, watched)
    held = watch_hold(view, mode, why)
    news = (*shed_events, *_mode_event(view, mode, why), *held.events)
    events = (*events, *liars, *compared.events, *told.events, *news)
    open_still = shed.emergency(watched, view.fleet, view.image, compared.chases)
    standing = shed.graded((open_still,) if open_still is not None else (), envelope, view.wiring)
    events = (*events, *(shed.graver(standing, shed_events, view.state) if view.site.live else ()))
    alarms = keep(view, events, policy.alarms, envelope.reasons, standing, memory)
    events = (*events, *alarms.events)
    lit = light(view, alarms.alarms, compared.chases, len(compared.commands) + len(told.commands))
    quiet = view.image.clock.opening and not plan.stops
    forecast = time_to_obey(view, obey_within_s) if quiet else view.state.last.get("forecast", {})
    state = _next_state(view, memory | lit.memory | held.memory | left(view), compared, plan, watched, mode, policy)
    state = state._replace(
        last={**state.last, **alarms.last, "forecast": forecast},
        alarms=alarms.alarms,
        errands=told.state.errands,
        settling=told.state.settling,
        units=told.state.units,
    )
    return Decision(
        state=state,
        commands=(*compared.commands, *told.commands, *lit.commands),
        look=shed.look_again(watched, view.fleet, policy.wiring, view.now_s, told.look) if view.site.live else None,
        mode=mode,
        why=why,
        envelope=envelope._replace(wishes=(*envelope.wishes, *lit.wishes)),
        plan=plan,
        events=events,
        forecast=forecast,
        tellings=alarms.tellings,
    )


def _weighed(view: View, envelope: Envelope, shed_events: tuple[Event, ...]) -> tuple[Event, ...]:
    if not view.site.live:  # what was withheld can't have worked: no page at night for it
        return tuple(event._replace(severity="info") for event in shed_events)
    return shed.graded(shed_events, envelope, view.wiring)


def _mode_event(view: View, mode: str, why: Reason) -> tuple[Event, ...]:
    was = view.state.mode
    if mode == was:
        return ()
    return (
        Event("mode", "info", "site", Reason("decide", "mode", (("was", was), ("mode", mode), ("rule", why.rule)))),
    )


def _next_state(
    view: View,
    memory: dict[str, dict[str, Any]],
    compared: Compared,
    plan: Plan,
    watched: Any,
    mode: str,
    policy: Policy,
) -> State:
    now_s = view.now_s
    last = dict(view.state.last)
    clock = view.image.clock
    last |= {
        "watched_s": now_s,
        "plant_s": now_s,
        "wall_s": clock.wall_s,
        "boot_id": clock.boot_id,
        "boot_s": clock.boot_s,
    }
    starts = [at for at in last.get("starts") or [] if now_s - at < 3600]
    last["starts"] = starts + [now_s] * len(plan.starts)
    begun = [[now_s, sum(view.wiring.miners[at].nominal_w for at in plan.starts)]] if plan.starts else []
    last["started_w"] = [one for one in last.get("started_w") or [] if now_s - one[0] < STEP_S] + begun
    last["failed_starts"], last["failing_since"] = in_a_row(view, compared)
    unable = startless.unable(view.state.chases, compared.failed)
    before = int(last.get("unable_starts", 0)) if last["failed_starts"] > len(compared.failed) else 0
    last["unable_starts"] = before + len(unable)
    last = startless.heard(judged(last, compared.done, compared.failed), view, compared.failed, unable)
    limit = getattr(policy.rules.get("wear"), "failures", FAILURES)
    row = last["failed_starts"] - last["unable_starts"]
    books = judge(view, compared, limit, (row, last["failing_since"]), startless.said(last))
    return view.state._replace(
        memory=memory,
        miners=books,
        chases=compared.chases,
        shed=watched,
        mode=mode,
        mode_s=view.state.mode_s if mode == view.state.mode else now_s,
        last=last,
    )
