"""LuxOS by its own API: a session is a lock that one client holds at a time, not a password.

Ours and not asic-rs's, which takes over another client's session, hides why a unit refused, and removes every pool
before it adds the new one. Commands and codes as LuxOS documents them: 316 session created, 402 another one is active,
335 curtailment sent.
"""

from collections.abc import Callable, Sequence

from mine_controller.core.model.command import REFUSED, UNSUPPORTED, Command, Outcome
from mine_controller.core.model.pool import Pool
from mine_controller.devices import _answer, _antminer_lux_limit, _asic_rs, _cgminer_orders, _errands, _pools
from mine_controller.devices._cgminer import Fleet
from mine_controller.devices.kind import Report
from mine_controller.wire import cgminer
from mine_controller.wire.door import Wire

BUSY = 402
BUSY_WHY = "another session holds it, again later (a forgotten one lapses after a minute)"


def apply(wire: Wire, options: Fleet, pools: Sequence[Pool], batch: Sequence[Command], report: Report) -> None:
    """Commands that take a session, pool changes, which take none; each step with all units at once."""
    good = [command for command in batch if _fits(command, pools, report)]
    with_session = [command for command in good if command.verb != "pool"]
    _pools_changed(wire, options, pools, [command for command in good if command.verb == "pool"], report)
    sessions: dict[str, str] = {}
    logons = _cgminer_orders.step(wire, options, [(command, cgminer.request("logon")) for command in with_session])
    going = _cgminer_orders.before(logons, report, lambda command, tree: _logged_on(command, tree, sessions))
    open_ = [command for command in with_session if command.id in sessions]
    limits = [step for step in going if step[0].verb == "limit"]
    try:
        for command, answer in _cgminer_orders.step(wire, options, [step for step in going if step not in limits]):
            report(_cgminer_orders.judged(command, answer))
        _antminer_lux_limit.apply(wire, options, limits, sessions, report)
    finally:  # a session left open keeps everybody out for a minute
        _cgminer_orders.step(wire, options, [(one, cgminer.request("logoff", sessions[one.id])) for one in open_])


def _fits(command: Command, pools: Sequence[Pool], report: Report) -> bool:
    if command.verb == "mode":
        report(Outcome(command.id, UNSUPPORTED, "LuxOS has profiles instead of modes: use a limit in watts"))
        return False
    refusal = _asic_rs.checked(command, pools).refusal
    if refusal:
        report(Outcome(command.id, REFUSED, refusal))
    return not refusal


def _logged_on(command: Command, tree: cgminer.Tree, sessions: dict[str, str]) -> bytes | Outcome:
    status, session = cgminer.status(tree), cgminer.row(tree, "SESSION").get("SessionID")
    if status.code == BUSY:
        return Outcome(command.id, REFUSED, BUSY_WHY)
    if not status.good or not isinstance(session, str) or not session.isalnum():
        return Outcome(command.id, REFUSED, f"before the command: no session: {_answer.clean(status.text, 60)}")
    sessions[command.id] = session
    return _order(command, session)


def _order(command: Command, session: str) -> bytes:
    light = "blink" if command.value == "on" else "auto"
    fan = _asic_rs.checked(command, ()).value
    speed = "-1" if fan == _errands.AUTO else fan
    orders = {
        "stop": ("curtail", f"{session},sleep"),
        "run": ("curtail", f"{session},wakeup"),
        "restart": ("rebootdevice", session),
        "fan": ("fanset", f"{session},speed={speed}"),
        "locate": ("ledset", f"{session},red,{light}"),
        "limit": ("profiles", ""),
    }
    return cgminer.request(*orders[command.verb])


def _pools_changed(wire: Wire, options: Fleet, pools: Sequence[Pool], batch: Sequence[Command], report: Report) -> None:
    """Switch to the pool where the unit has it, else add it and switch; no pool is ever removed."""
    ask = cgminer.request("pools")
    heard = _cgminer_orders.step(wire, options, [(command, ask) for command in batch])
    steps = _cgminer_orders.before(heard, report, _switch(pools, or_add=True))
    adds = [step for step in steps if step[1] != ask and b'"addpool"' in step[1]]
    asked = _cgminer_orders.step(wire, options, adds)
    added = _cgminer_orders.before(asked, report, lambda command, tree: _added(command, tree, ask))
    again = _cgminer_orders.before(_cgminer_orders.step(wire, options, added), report, _switch(pools, or_add=False))
    for command, answer in _cgminer_orders.step(wire, options, [step for step in steps if step not in adds] + again):
        report(_cgminer_orders.judged(command, answer))


def _added(command: Command, tree: cgminer.Tree, then: bytes) -> bytes | Outcome:
    if cgminer.status(tree).good:
        return then
    outcome = _cgminer_orders.judged(command, tree)
    if outcome.verdict == REFUSED and outcome.why != _cgminer_orders.READ_ONLY:
        return outcome._replace(why="it does not take the pool")  # its own words may hold what was sent
    return outcome


def _switch(pools: Sequence[Pool], *, or_add: bool) -> Callable[[Command, cgminer.Tree], bytes | Outcome]:
    def chosen(command: Command, tree: cgminer.Tree) -> bytes | Outcome:
        for row in cgminer.rows(tree, "POOLS"):
            number = cgminer.number(row.get("POOL"))
            if number is not None and _pools.name_of(pools, row.get("URL"), row.get("User")) == command.value:
                return cgminer.request("switchpool", f"{number:.0f}")
        if not cgminer.rows(tree, "POOLS") or not or_add:
            return Outcome(command.id, REFUSED, "before the command: its list of pools does not hold it")
        url, user, password = map(cgminer.escaped, _asic_rs.listed(pools, command.value)[0])
        return cgminer.request("addpool", f"{url},{user},{password}")

    return chosen
