"""A curtailment as an event: when it was asked for, what went when, and whether measurement proves it. Pure."""

from collections.abc import Mapping
from typing import Any

from mine_controller.core.envelope import binding_power
from mine_controller.core.fleet import Fleet, floor_w, spare_w
from mine_controller.core.forecast import Deadline
from mine_controller.core.model.decision import Envelope, Look
from mine_controller.core.model.image import Image
from mine_controller.core.model.reason import ECONOMICS, PERSON, Event, Limit, Reason
from mine_controller.core.model.state import Chase, FanBook, Shed, State
from mine_controller.core.model.wiring import Wiring
from mine_controller.core.power.feed import is_dead
from mine_controller.core.power.source import AGREE_PCT

SIGNAL = "signal"  # the cause of what the bill is about
KIND = "curtail_unproven"
UNPROVEN = f"{KIND} site"  # its alarm
UNPROVEN_S = 210  # two ticks of 120 s, less what the second needs
METER = "site_power_w"
BY_METER = "by_meter"  # the emergency that the meter alone is the cause of
METER_FRESH_S = 30  # an older word of the meter may be of the time before the stop
METER_LATE_S = 45  # a meter that averages shows a stop so much later than the outlets
METER_POLL_S = 3
_UNPROVEN: dict[str, Any] = dict.fromkeys(("shed_50_s", "shed_90_s", "shed_100_s", "confirmed_w", "dark_s"))


def begin_or_go_on(image: Image, fleet: Fleet, envelope: Envelope, state: State, obey_within_s: int) -> Shed | None:
    """The shed of this round before commands: opened when everything must stop, ended when nothing demands it.

    The utility's order is an event of its own, for the bill: where it comes while all is down for another cause, or
    ends before that one does, a shed is begun anew once the former is proven or an emergency (`taken_over`). Of the
    latter the new one has the time: it is due as soon, and as grave.
    """
    demanded, fleet = _is_demanded(envelope), _with_fans(fleet, image)
    shed, now_s = state.shed, image.clock.plant_s
    if shed is not None and shed.ended_s is not None:
        shed = None
    if not demanded:
        return shed._replace(ended_s=now_s) if shed is not None else None
    cause = _cause(envelope)
    if shed is None or _is_another(shed, cause):
        before = fleet.measured_w if fleet.measured_w is not None else fleet.miners_w
        told = state.memory.get(SIGNAL, {}) if cause == SIGNAL else {}
        signal_s = int(told.get("signal_s") or now_s)
        dark_w = max(floor_w(before, fleet), 0 if shed is None else shed.floor_w)  # no emergency by another name
        beside_w = _beside_w(fleet, dark_w)
        begun = Shed(signal_s, now_s, cause, before, dark_w, within_s=obey_within_s, beside_w=beside_w)
        if shed is None:
            return begun
        if shed.emergency:
            return begun._replace(since_s=max(shed.since_s or shed.signal_s, shed.dark_s or 0))
        if cause != SIGNAL:  # the mine is proven down already: that is no news, but for the utility
            dark = fleet.proof_w < dark_w and _measured(fleet)
            return begun._replace(shed_100_s=now_s, dark_s=now_s) if dark else begun
        taken = _inherited(begun, shed, int(told.get("off_s") or now_s))
        shown = against_meter(begun, image, fleet, state.fans)
        return taken._replace(**_UNPROVEN) if _by_meter_alone(begun, shown) else taken
    least_w = floor_w(0, fleet)  # who was listed since has a standby too
    return shed if least_w <= shed.floor_w else shed._replace(floor_w=least_w)


def _with_fans(fleet: Fleet, image: Image) -> Fleet:
    """Of a mine without fans the meter shows none: absent is not unknown. Fans nobody reads are no reason to leave the
    meter out either: they draw no more than they may."""
    if not image.fans:
        return fleet._replace(fans_w=0)
    return fleet if fleet.fans_w is not None else fleet._replace(fans_w=fleet.fans_most_w)


def _beside_w(fleet: Fleet, dark_w: int) -> int:
    """What the site meter shows beyond miners and fans: errors, lamps, the controller; no more than two that agree.

    Where few run that is next to nothing, and in a ramp a meter that averages shows less than there is: then as much as
    X has to spare, so long as no more is called dark than where all had run. Where they contradict it is that too: a
    PDU may have lied before.
    """
    least_w = max(0, min(spare_w(fleet.nominal_w), floor_w(fleet.nominal_w, fleet) - dark_w))
    if fleet.meter_w is None:
        return least_w
    beyond_w = fleet.meter_w - fleet.most_w - (fleet.fans_w or 0)  # who tells nothing counts as much as it may draw
    agreed_w = fleet.meter_w * AGREE_PCT // 100
    return max(least_w, min(beyond_w, agreed_w)) if beyond_w <= 2 * agreed_w else least_w


def against_meter(shed: Shed | None, image: Image, fleet: Fleet, fans: Mapping[str, FanBook]) -> Fleet:
    """MET2: the utility's order is proven by the larger of two, the outlets' sum and the site meter less what is no
    miner's: a PDU that says 0 W may lie, and it is the meter that the bill is made from."""
    meter, fleet = image.site.get(METER), _with_fans(fleet, image)
    if shed is None or shed.cause != SIGNAL or meter is None:
        return fleet
    if fleet.meter_w is None:  # what it told of before is not over because it is silent now
        return fleet._replace(proof_w=max(fleet.proof_w, shed.told_w)) if shed.emergency == BY_METER else fleet
    if image.clock.plant_s - meter.at_s > METER_FRESH_S and not _is_after(meter.at_s, shed):
        return fleet
    fans_w = (fleet.fans_w or 0) - _late_w(image, fans, meter.at_s)
    return fleet._replace(proof_w=max(fleet.proof_w, fleet.meter_w - fans_w - shed.beside_w))


def _late_w(image: Image, fans: Mapping[str, FanBook], at_s: int) -> int:
    """What fans draw that were seen to come on after this moment: the meter's word of it has none of that."""
    books = ((fan.watts or 0, fans.get(fan.name)) for fan in image.fans if fan.on)
    return sum(watts for watts, book in books if book is not None and book.since_s > at_s)


def _is_after(at_s: int, shed: Shed) -> bool:
    """Whether what the meter showed then, however old it is, is no more of the time before the outlets were dark."""
    return shed.outlets_s is not None and at_s - shed.outlets_s >= METER_LATE_S


def _by_meter_alone(shed: Shed, fleet: Fleet) -> bool:
    """The outlets show it dark, whatever those few draw that tell nothing, and the meter does not."""
    return fleet.most_w < shed.floor_w <= fleet.proof_w


def look_again(shed: Shed | None, fleet: Fleet, wiring: Wiring, now_s: int, look: Look | None) -> Look | None:
    """A look at the meter soon, while it may only be late; else the look there is."""
    meter = wiring.roles.get(METER)
    if shed is None or shed.ended_s is not None or meter is None or not _by_meter_alone(shed, fleet):
        return look
    if look is not None or now_s - (shed.outlets_s or 0) >= METER_LATE_S:
        return look
    return Look(now_s + METER_POLL_S, tuple(sorted({key.rpartition(":")[0].partition("/")[0] for key in meter.keys})))


def _is_another(shed: Shed, cause: str) -> bool:
    """While the former is on its way its proof is waited for."""
    over = shed.shed_100_s is not None or shed.emergency != ""
    return over and (shed.cause == SIGNAL) != (cause == SIGNAL)


def _inherited(begun: Shed, shed: Shed, seen_s: int) -> Shed:
    """An order that was seen while the former shed went down takes for its own proof what that one measured since."""
    if shed.shed_100_s is None or shed.shed_100_s < seen_s:
        return begun
    moments = (shed.first_command_s, shed.shed_50_s, shed.shed_90_s, shed.shed_100_s)
    first_s, half_s, most_s, all_s = (None if at_s is None else max(at_s, begun.signal_s) for at_s in moments)
    return begun._replace(
        before_w=shed.before_w, first_command_s=first_s, shed_50_s=half_s, shed_90_s=most_s, shed_100_s=all_s,
        confirmed_w=shed.confirmed_w, gentle=shed.gentle, hard=shed.hard, dark_s=shed.dark_s,
    )  # fmt: skip


def _is_demanded(envelope: Envelope) -> bool:
    """Everything off, by more than economics: what does not pay, or quiet hours, is nothing to prove and to be woken
    for."""
    binds = binding_power(envelope)
    return envelope.max_power_w == 0 and (binds is None or binds.layer < ECONOMICS)


def _cause(envelope: Envelope) -> str:
    """The rule that asks for it: the utility's signal whatever else does, else the one that binds."""
    if any(_is_order(limit) for limit in envelope.reasons):
        return SIGNAL
    binds = binding_power(envelope)
    return "limit" if binds is None else binds.reason.rule


def _is_order(limit: Limit) -> bool:
    """True of the signal's own limit, and of the one that stands for it while its rule fails."""
    asks = limit.what == "max_power_w" and limit.amount == 0
    return asks and (limit.reason.rule == SIGNAL or dict(limit.reason.numbers).get("rule") == SIGNAL)


def taken_over(
    was: Shed | None,
    now: Shed | None,
    now_s: int,
    open_chases: Mapping[str, Chase],
    memory: Mapping[str, Any],
) -> tuple[Event, ...]:
    """The report of a shed in whose place another one was begun in this round."""
    if was is None or was.ended_s is not None or now is None or now.cause == was.cause or now.seen_s != now_s:
        return ()
    report = _report(was, open_chases, now_s, is_blind(was, memory))
    if now.cause != SIGNAL:  # the utility's order ended: it was released
        return (report,)
    numbers = (*report.reason.numbers, ("by", now.cause))
    return (report._replace(reason=Reason("shed", "report_taken", numbers)),)


def deadline(shed: Shed | None, obey_within_s: int) -> Deadline | None:
    """By when it must be dark. Once that is proven, whoever restarts has a time of its own."""
    if shed is None or shed.ended_s is not None or shed.shed_100_s is not None:
        return None
    return Deadline((shed.since_s or shed.signal_s) + obey_within_s)


def watch(
    shed: Shed | None,
    image: Image,
    fleet: Fleet,
    done: tuple[tuple[str, Chase], ...],
    commands_n: int,
    open_chases: dict[str, Chase],
    gentle_rungs: dict[str, int],
    blind: bool = False,
) -> tuple[Shed | None, tuple[Event, ...]]:
    """The shed after this round: milestones by measured watts, and the emergency when it stays unproven."""
    if shed is None:
        return None, ()
    now_s = image.clock.plant_s
    stops = [(target, chase) for target, chase in done if chase.want == "stop"]
    gentle = sum(chase.rung < gentle_rungs.get(target, 1) for target, chase in stops)
    shed = shed._replace(gentle=shed.gentle + gentle, hard=shed.hard + len(stops) - gentle)
    if shed.ended_s is not None:
        return shed, (_report(shed, open_chases, now_s, blind),)
    if commands_n and shed.first_command_s is None:
        shed = shed._replace(first_command_s=now_s)
    if is_dead(image):  # who wakes with the feed is told to stop before anybody is told of it
        shed = shed._replace(dark_s=now_s)
    was_proven = shed.shed_100_s is not None
    shed = _milestones(shed, fleet, now_s)
    events: list[Event] = []
    over = bool(shed.emergency) and fleet.proof_w < shed.floor_w and _measured(fleet)
    if over or (shed.shed_100_s is not None and not was_proven):
        events.append(_proven(shed, fleet, now_s))
    if over:
        shed = shed._replace(emergency="", told_w=0)
    found = emergency(shed, fleet, image, open_chases)
    if found is not None and _is_news(shed, found.reason.code, fleet, opening=image.clock.opening):
        shed = shed._replace(emergency=found.reason.code, told_w=fleet.proof_w)
        events.append(found)
    return shed, tuple(events)


def _proven(shed: Shed, fleet: Fleet, now_s: int) -> Event:
    numbers = (("power_w", fleet.proof_w), ("floor_w", shed.floor_w), ("took_s", now_s - shed.signal_s))
    by_word = fleet.unknown if fleet.meter_w is None else 0  # decision 11: a word is not called a measurement
    reason = Reason("shed", "said", (*numbers, ("by_word", by_word))) if by_word else None
    return Event("curtailed", "info", "site", reason or Reason("shed", "proven", numbers))


def _is_news(shed: Shed, code: str, fleet: Fleet, *, opening: bool) -> bool:
    """The first; that it is measured now, where it was only not proven; twice as much, and a tenth of the mine more.

    How much it has grown is looked at once a tick.
    """
    seen_now = shed.emergency == "unverified" != code
    grown = fleet.proof_w >= max(2 * shed.told_w, shed.told_w + shed.before_w // 10)
    return not shed.emergency or seen_now or (opening and grown)


def _milestones(shed: Shed, fleet: Fleet, now_s: int) -> Shed:
    if fleet.most_w < shed.floor_w:
        shed = shed if shed.outlets_s is not None else shed._replace(outlets_s=now_s)
    elif (fleet.measured_w or 0) >= shed.floor_w:  # somebody woke; a missed reading alone is nobody
        shed = shed._replace(outlets_s=None)
    gone_w = shed.before_w - fleet.proof_w
    if shed.shed_50_s is None and gone_w * 100 >= shed.before_w * 50:
        shed = shed._replace(shed_50_s=now_s)
    if shed.shed_90_s is None and gone_w * 100 >= shed.before_w * 90:
        shed = shed._replace(shed_90_s=now_s)
    if fleet.proof_w < shed.floor_w and _measured(fleet):
        shed = shed._replace(
            shed_50_s=shed.shed_50_s if shed.shed_50_s is not None else now_s,
            shed_90_s=shed.shed_90_s if shed.shed_90_s is not None else now_s,
            shed_100_s=shed.shed_100_s if shed.shed_100_s is not None else now_s,
            confirmed_w=fleet.proof_w,
            dark_s=now_s,
        )
    return shed


def _measured(fleet: Fleet) -> bool:
    """Proof needs watts: every outlet, or the site meter. Without any meter and contract, every unit's own word."""
    return fleet.unknown <= fleet.trusted or fleet.meter_w is not None


def emergency(shed: Shed | None, fleet: Fleet, image: Image, open_chases: dict[str, Chase]) -> Event | None:
    """Above the floor for two ticks, while it lasts. Whoever starts again after a black-out is told to stop first, then
    told of; while nothing feeds the site, watts that miners told before count for nothing."""
    if shed is None or shed.ended_s is not None:
        return None
    now_s = image.clock.plant_s
    over_s = now_s - max(shed.since_s or shed.seen_s, shed.dark_s or 0)
    if over_s < UNPROVEN_S or fleet.proof_w < shed.floor_w or is_dead(image):
        return None
    stragglers = _stragglers(image, open_chases)
    numbers = (
        ("power_w", fleet.proof_w),
        ("floor_w", shed.floor_w),
        ("unknown", fleet.unknown),
        ("stragglers", ", ".join(stragglers[:12])),
        ("more", max(0, len(stragglers) - 12)),
    )
    if _by_meter_alone(shed, fleet):
        if fleet.meter_w is None:
            was = (("told_w", shed.told_w), ("sum_w", fleet.most_w + (fleet.fans_w or 0)), *numbers[:2])
            return Event(KIND, "emergency", "site", Reason("shed", "by_meter_unseen", was))
        apart = (("meter_w", fleet.meter_w), ("sum_w", fleet.most_w + (fleet.fans_w or 0)))
        return Event(KIND, "emergency", "site", Reason("shed", BY_METER, (*apart, *numbers[:2])))
    code = "unproven" if _measured(fleet) or (fleet.measured_w or 0) >= shed.floor_w else "unverified"
    return Event(KIND, "emergency", "site", Reason("shed", code, numbers))


def graded(events: tuple[Event, ...], envelope: Envelope, wiring: Wiring) -> tuple[Event, ...]:
    """The events of a stop; that it is unproven is a warning where a person alone asks for it and no utility does here.

    No contract is at stake then, and whoever asked is awake. The emergency stop is safety's, as heat and smoke are.
    """
    binds = binding_power(envelope)
    if SIGNAL in wiring.roles or binds is None or binds.amount or binds.layer != PERSON:
        return events
    return tuple(event._replace(severity="warning") if event.kind == KIND else event for event in events)


def graver(standing: tuple[Event, ...], told: tuple[Event, ...], state: State) -> tuple[Event, ...]:
    """What stands as an emergency and was told as a warning: more than a person asks for it now."""
    alarm = state.alarms.get(UNPROVEN)
    if alarm is None or alarm["severity"] != "warning" or any(event.kind == KIND for event in told):
        return ()
    return tuple(event for event in standing if event.severity == "emergency")


def _stragglers(image: Image, open_chases: dict[str, Chase]) -> list[str]:
    """Who has to be looked at: open stops and unmeasured miners; where there are none, whoever draws, most first."""
    miners = image.miners
    open_stops = {target[6:] for target, chase in open_chases.items() if chase.want == "stop"}
    unseen = {name for name, watts in zip(miners.ids, miners.power_w, strict=True) if watts is None}
    if open_stops or unseen:
        return sorted(open_stops | unseen)
    drawing = sorted((-watts, name) for name, watts in zip(miners.ids, miners.power_w, strict=True) if watts)
    return [name for _, name in drawing]


def is_blind(shed: Shed | None, memory: Mapping[str, Any]) -> bool:
    """True of a curtailment for a signal that nobody could read: its cause is the signal, and nobody has called."""
    return shed is not None and shed.cause == SIGNAL and bool(memory.get(SIGNAL, {}).get("blind"))


def _report(shed: Shed, open_chases: Mapping[str, Chase], now_s: int, blind: bool) -> Event:
    """The event report: what the bill dispute will ask for. Seconds are since the signal."""

    def since(at_s: int | None) -> int | str:
        return at_s - shed.signal_s if at_s is not None else "never"

    stragglers = [f"{target[6:]}:{chase.rung}" for target, chase in sorted(open_chases.items()) if chase.want == "stop"]
    numbers = (
        ("cause", shed.cause),
        ("lasted_s", now_s - shed.signal_s),
        ("first_command_s", since(shed.first_command_s)),
        ("shed_50_s", since(shed.shed_50_s)),
        ("shed_90_s", since(shed.shed_90_s)),
        ("shed_100_s", since(shed.shed_100_s)),
        ("before_w", shed.before_w),
        ("confirmed_w", shed.confirmed_w if shed.confirmed_w is not None else "never"),
        ("floor_w", shed.floor_w),
        ("gentle", shed.gentle),
        ("hard", shed.hard),
        ("stragglers", " ".join(stragglers)),
        ("emergency", shed.emergency),
        ("within_s", shed.within_s),
    )
    return Event("curtail_report", "info", "site", Reason("shed", "report_blind" if blind else "report", numbers))
