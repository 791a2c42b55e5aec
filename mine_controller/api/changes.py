"""Changes of config.txt, fleet.csv and profiles.txt over HTTP: checked first, told to the audit log, then a tick."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from fastapi import Request

from mine_controller.api.asks import Ascii, Caller, Desk, Problem
from mine_controller.api.guard import caller_of
from mine_controller.api.reads import site_of
from mine_controller.config.edit import Change, EditError, problem_lines
from mine_controller.config.model import ConfigError
from mine_controller.config.news import fresh, notes
from mine_controller.ops.replies import MOST_CHANGES, Wanted
from mine_controller.ops.tokens import may
from mine_controller.store.db import StoreTrouble

ELSEWHERE = ("file:", "env:", "cred:")
Row = tuple[str, str, str]  # what, before, after; secrets as stars


def admin(request: Request) -> Caller:
    """Who asks, when that is enough to see and change the configuration. Problem 401, 403."""
    caller = caller_of(request)
    if not caller.role:
        raise Problem(401, "this needs a token of role admin: Authorization: Bearer TOKEN")
    if not may(caller.role, "admin"):
        raise Problem(403, f"token {caller.name} may ask, but not change the configuration: that takes role admin")
    return caller


def desk_of(request: Request) -> Desk:
    """Where requests are put."""
    found: Desk = request.app.state.desk
    return found


def rows_of(changes: Iterable[Change]) -> list[Row]:
    """Changes of config.txt for the audit log."""
    return [(f"{one.section}.{one.option}", one.old, one.new) for one in changes]


def given_itself(value: str) -> str:
    """A secret that came over HTTP. EditError: it names a file or variable of the controller.

    Whoever may write an address beside it could have any file that minectl can read sent there.
    """
    if value.strip().startswith(ELSEWHERE):
        raise EditError("over HTTP a secret is given itself: file:, env: and cred: are written at the controller")
    return value


def changed(request: Request, change: Callable[[], Sequence[Row]], why: str, *, wait: bool) -> Ascii:
    """Do it, file its rows for the audit log, have a tick take it over; `notes` of the answer: what the check notes now
    and did not before, if anything. Problem 409 or 422: nothing has changed.
    """
    admin(request)
    rows, news = noticed(request, change)
    told: dict[str, Any] = {"changed": [dict(zip(("what", "old", "new"), row, strict=True)) for row in rows]}
    if not rows:
        return Ascii(told | {"request_id": None, "tick_started": False})
    if news:
        told["notes"] = news
    return done_already(request, audit_rows(rows, why), wait=wait, more=told)


def done_already(request: Request, audit: Sequence[Wanted], *, wait: bool, more: dict[str, Any]) -> Ascii:
    """Have a tick write down and take over what is changed; where nothing can be filed the change stands all the same,
    and the answer says that the audit log lacks it."""
    desk = desk_of(request)
    try:
        return desk.put(caller_of(request), audit, wait=wait, more=more)
    except StoreTrouble as trouble:
        desk.start()
        notes = [*more.get("notes", ()), unwritten(trouble)]
        return Ascii({"request_id": None, "tick_started": True} | more | {"notes": notes}, 202)


def unwritten(trouble: StoreTrouble) -> str:
    """That a change is made and nobody will read of it."""
    return f"this is done, but the audit log could not be told: {trouble.text}; `minectl doctor` tells what helps"


def noticed(request: Request, change: Callable[[], Sequence[Row]]) -> tuple[Sequence[Row], list[str]]:
    """What a change has changed, alone at it, and what the check notes of that. Problem as `edited`."""
    site = site_of(request)
    with site.edits:
        before = notes(site.path)
        rows = edited(change)
        return rows, problem_lines(fresh(before, notes(site.path))) if rows else []


def edited(change: Callable[[], Sequence[Row]]) -> Sequence[Row]:
    """What it changed. Problem 409: it can't be done · 422: the result would not check."""
    try:
        return change()
    except EditError as error:
        raise Problem(409, str(error)) from None
    except ConfigError as error:
        told = problem_lines(error.problems)
        raise Problem(422, "nothing was changed, because the result would not check", problems=told) from None


def audit_rows(rows: Sequence[Row], why: str) -> list[Wanted]:
    """A request for each, which the tick writes down and does nothing about."""
    kept = [Wanted("config", row, why) for row in rows[:MOST_CHANGES]]
    if len(rows) > MOST_CHANGES:
        kept.append(Wanted("config", ("more", "", f"{len(rows) - MOST_CHANGES} options"), why))
    return kept
