"""POST, PATCH and DELETE on miners, pools and profiles. Each only files requests, or changes a file of the site."""

import time
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from mine_controller.api.asks import NOBODY, Ascii, Problem
from mine_controller.api.bodies import Because, Miner, NewPool, NewProfile, PoolChange, Who, WhoMode
from mine_controller.api.changes import (
    Row,
    admin,
    audit_rows,
    changed,
    desk_of,
    done_already,
    given_itself,
    noticed,
    rows_of,
    unwritten,
)
from mine_controller.api.guard import caller_of
from mine_controller.api.reads import config_of, site_of
from mine_controller.config.edit import STARS
from mine_controller.config.fleet_edit import change as change_line
from mine_controller.config.fleet_edit import remove as take_out
from mine_controller.config.model import Config
from mine_controller.config.pool_edit import remove_pool, set_pool, url_of
from mine_controller.core.refusal import Refused
from mine_controller.ops import miners, profiles
from mine_controller.ops.miners import Asking, Filters, Miners, PickError
from mine_controller.ops.outcomes import stop_waits
from mine_controller.ops.profiles import ProfileError
from mine_controller.ops.replies import Wanted, precheck
from mine_controller.store.db import StoreTrouble

Wait = Annotated[bool, Query(description="1: answer when the tick is over, with what came of it")]
WHY = "over HTTP"
CELLS = ("name", "row", "outlet", "nominal_w", "protected")
TOLD = 20
router = APIRouter(tags=["change"])


# -- who is meant ---------------------------------------------------------------------------------------------------


def picked(found: Miners, name: str) -> dict[str, Any]:
    """The row of one miner. Problem 404."""
    try:
        return miners.picked(found, Filters((name,)))[0]
    except PickError as error:
        raise Problem(404, str(error)) from None


def filters_of(who: Who) -> Filters:
    """Those meant by a body. Problem 422 when it names nobody."""
    if who.ids and who.filter is None:
        return Filters(tuple(who.ids))
    one = who.filter
    if who.ids is None and one is not None and (one.model or one.row or one.group or one.all):
        return Filters((), one.model, one.row, one.group, one.all)
    raise Problem(422, 'say who: {"ids": ["b01"]}, or {"filter": {"model": "S19"}}, or {"filter": {"all": true}}')


def asked(request: Request, asking: Asking, *, wait: bool, notes: Sequence[str] = ()) -> Ascii:
    """Put what can be done; 409 when nobody can take it, 200 when there is nothing to do."""
    wanted, refused = able(config_of(request), asking.wanted)
    notes = tuple(dict.fromkeys((*notes, *asking.notes)))
    cannot = {name: why for name, why in asking.cannot.items() if why} | refused
    more: dict[str, Any] = {"cannot": dict(list(cannot.items())[:TOLD])} if cannot else {}
    if not wanted and cannot:
        raise Problem(409, next(iter(cannot.values())), **more)
    if not wanted:
        return _already(notes)
    of = _waited_for(request, asking) if wait else NOBODY
    return desk_of(request).put(caller_of(request), wanted, wait=wait, more=more | _noted(notes), of=of)


def _waited_for(request: Request, asking: Asking) -> tuple[int, list[str]]:
    """The last tick before, and who is asked something after it: `done` is said of the request, not of the miner."""
    return miners.miners(config_of(request)).tick_at, [name for name, why in asking.cannot.items() if not why]


def _already(notes: Sequence[str]) -> Ascii:
    """Nothing to file: it is so already, or something stands against it that was not asked to go."""
    done = {} if notes else {"done": "it is so already"}
    return Ascii({"request_id": None, "tick_started": False, **done, **_noted(notes)})


def _noted(notes: Sequence[str]) -> dict[str, Any]:
    return {"notes": list(notes[:TOLD])} if notes else {}


def unheard(config: Config, found: Miners, asking: Asking) -> list[str]:
    """Of those to be stopped, who can't be told so now, or knows no stop: filed is not stopped."""
    told = {one.args[0] for one in asking.wanted if one.verb == "quarantine"}
    specs = [spec for spec in config.policy.wiring.miners if spec.id in told]
    waits = ((spec.id, stop_waits(config, found.book.image, spec)) for spec in specs)
    return [*asking.notes, *(f"{name}: {why}" for name, why in waits if why)]


def able(config: Config, wanted: Sequence[Wanted]) -> tuple[list[Wanted], dict[str, str]]:
    """What the config does not rule out at once; and by miner why the rest can't be."""
    kept, cannot, now_s = list[Wanted](), dict[str, str](), int(time.time())
    for one in wanted:
        try:
            if one.verb == "set-state":
                precheck(config, one, now_s)
            kept.append(one)
        except Refused as refused:
            cannot[one.args[0].partition(".")[2] or one.args[0]] = str(refused)
    return kept, cannot


def wished(config: Config, found: Miners, filters: Filters, *, enabled: bool, reason: str) -> Asking:
    """Off: in quarantine, until it is enabled. On: out of quarantine, and no person's hold left."""
    why = reason or WHY
    if not enabled:
        return miners.quarantine(config, found, filters, why, release=False)
    out = miners.quarantine(config, found, filters, why, release=True)
    freed = miners.freed(config, found, filters, why, of=("miner",))  # a mode or a pool keeps nobody off
    return Asking((*out.wanted, *freed.wanted), out.cannot, freed.notes)


# -- many: before one, whose paths would take "bulk" for an id --------------------------------------------------------


def _many(request: Request, who: Who) -> tuple[Config, Miners, Filters, str]:
    config, filters = config_of(request), filters_of(who)
    found = miners.miners(config)
    try:
        miners.picked(found, filters)
    except PickError as error:
        raise Problem(404, str(error)) from None
    return config, found, filters, who.reason or WHY


@router.post("/api/miners/bulk/enable", summary="Let many run again", status_code=202)
def enable_many(request: Request, body: Who, wait: Wait = False) -> Ascii:
    """Out of quarantine, and no person's hold left; when they start is the tick's to say."""
    config, found, filters, why = _many(request, body)
    return asked(request, wished(config, found, filters, enabled=True, reason=why), wait=wait)


@router.post("/api/miners/bulk/disable", summary="Stop many until enabled", status_code=202)
def disable_many(request: Request, body: Who, wait: Wait = False) -> Ascii:
    """They are stopped gently and stay off, in quarantine."""
    config, found, filters, why = _many(request, body)
    asking = wished(config, found, filters, enabled=False, reason=why)
    return asked(request, asking, wait=wait, notes=unheard(config, found, asking))


@router.post("/api/miners/bulk/restart", summary="Restart many", status_code=202)
def restart_many(request: Request, body: Who, wait: Wait = False) -> Ascii:
    """A share of the fleet at a time."""
    config, found, filters, why = _many(request, body)
    return asked(request, miners.errand(config, found, filters, ("restart", ""), why), wait=wait)


@router.post("/api/miners/bulk/mode", summary="A mode for many, until changed", status_code=202)
def mode_many(request: Request, body: WhoMode, wait: Wait = False) -> Ascii:
    """Each that has this mode is put into it within the budgets of its flash memory."""
    config, found, filters, why = _many(request, body)
    return asked(request, miners.hold(config, found, filters, ("mode", body.mode), why, 0), wait=wait)


# -- one miner ------------------------------------------------------------------------------------------------------


@router.patch("/api/miners/{id}", summary="Change one miner's line, or what is wanted of it")
def patch_miner(request: Request, id: str, body: Miner, wait: Wait = False) -> Ascii:  # noqa: A002 - the path is promised with this name
    """name, row, outlet, nominal_w and protected stand in fleet.csv and take role admin; "" empties a cell."""
    config = config_of(request)
    found = miners.miners(config)
    row = picked(found, id)
    asking = _wants(config, found, row["id"], body)
    wants, refused = able(config, asking.wanted)
    for why in (*filter(None, asking.cannot.values()), *refused.values()):
        raise Problem(409, why)
    cells = {name: value for name in CELLS if (value := getattr(body, name)) is not None}
    rows, news = _lined(request, config, row, cells) if cells else ([], [])
    wanted = [*audit_rows(rows, body.reason or WHY), *wants]
    if not wanted:
        return _already(asking.notes)
    notes, of = [*news, *unheard(config, found, asking)], (found.tick_at, [row["id"]])
    if not wants:
        return done_already(request, wanted, wait=wait, more=_noted(notes))
    try:
        return desk_of(request).put(caller_of(request), wanted, wait=wait, more=_noted(notes), of=of)
    except StoreTrouble as trouble:
        if not rows:
            raise
        told = f"its line in fleet.csv is changed; what is wanted of it could not be filed: {trouble.text}"
        raise Problem(503, f"{told}; `minectl doctor` tells what helps") from None


def _lined(
    request: Request, config: Config, row: dict[str, Any], cells: dict[str, Any]
) -> tuple[Sequence[Row], list[str]]:
    """What was changed in its line, and what the check notes of that."""
    admin(request)
    name, flags = row["id"], set(row["flags"])
    protected = cells.pop("protected", None)
    if protected is not None:
        flags = flags | {"protected"} if protected else flags - {"protected"}
        cells["flags"] = " ".join(sorted(flags))
    texts = {column: str(value) for column, value in cells.items()}

    def change() -> list[Row]:
        done = change_line(config.paths.config, name, texts)
        return [(f"fleet.csv {name} {column}", old, new) for column, old, new in done]

    return noticed(request, change)


def _wants(config: Config, found: Miners, name: str, body: Miner) -> Asking:
    """All that is wanted of one miner, and why the first of it can't be."""
    filters, why, asks = Filters((name,)), body.reason or WHY, list[Asking]()
    if body.enabled is not None:
        asks.append(wished(config, found, filters, enabled=body.enabled, reason=why))
    for key in ("mode", "pool"):
        if (value := getattr(body, key)) is not None:
            asks.append(miners.hold(config, found, filters, (key, value), why, 0))
    cannot = next((one.cannot for one in asks if any(one.cannot.values())), {})
    notes = tuple(note for one in asks for note in one.notes)
    return Asking(tuple(wanted for one in asks for wanted in one.wanted), cannot, notes)


@router.delete("/api/miners/{id}", summary="Take a miner out of the fleet")
def delete_miner(request: Request, id: str, wait: Wait = False) -> Ascii:  # noqa: A002 - the path is promised with this name
    """Its line goes from fleet.csv; what is written of its wear stays, and counts when it is listed again."""
    config = config_of(request)
    row = picked(miners.miners(config), id)

    def change() -> list[Row]:
        take_out(config.paths.config, (row["id"],))
        return [(f"fleet.csv {row['id']}", f"{row['mac']} in {row['group']}", "")]

    return changed(request, change, WHY, wait=wait)


@router.delete("/api/miner/{ip}", summary="The same, by its address")
def delete_miner_at(request: Request, ip: str, wait: Wait = False) -> Ascii:
    """Whoever answers at that address now."""
    return delete_miner(request, ip, wait)


@router.post("/api/miners/{id}/restart", summary="Restart one miner", status_code=202)
def restart_miner(request: Request, id: str, body: Because | None = None, wait: Wait = False) -> Ascii:  # noqa: A002 - the path is promised with this name
    """The tick judges, and restarts it when nothing speaks against it."""
    config = config_of(request)
    found = miners.miners(config)
    row = picked(found, id)
    why = (body.reason if body is not None else "") or WHY
    return asked(request, miners.errand(config, found, Filters((row["id"],)), ("restart", ""), why), wait=wait)


@router.post("/api/miner/{ip}/restart", summary="The same, by its address", status_code=202)
def restart_miner_at(request: Request, ip: str, body: Because | None = None, wait: Wait = False) -> Ascii:
    """Whoever answers at that address now."""
    return restart_miner(request, ip, body, wait)


# -- pools ----------------------------------------------------------------------------------------------------------


@router.post("/api/pools", summary="Write a new pool into config.txt", status_code=202)
def post_pool(request: Request, body: NewPool, wait: Wait = False) -> Ascii:
    """Role admin."""
    return _pool(request, body.name, body, new=True, wait=wait)


@router.patch("/api/pools/{id}", summary="Change a pool")
def patch_pool(request: Request, id: str, body: PoolChange, wait: Wait = False) -> Ascii:  # noqa: A002 - the path is promised with this name
    """Role admin. What is left out stays; "" goes back to the default."""
    return _pool(request, id, body, new=False, wait=wait)


def _pool(request: Request, name: str, body: PoolChange, *, new: bool, wait: bool) -> Ascii:
    path = config_of(request).paths.config
    given = {"user": body.wallet, "password": body.password, "coin": body.coin, "fallback": body.fallback}
    values = {key: value for key, value in given.items() if value is not None}

    def change() -> list[Row]:
        given_itself(body.password or "")
        url = _url(body, url_of(path, name))
        return _unread(rows_of(set_pool(path, name, ({"url": url} if url else {}) | values, new=new)))

    return changed(request, change, body.reason or WHY, wait=wait)


def _url(body: PoolChange, written: str) -> str:
    """The address with its port: `port` beside it counts before the one in it. "" = as it is written."""
    if not body.url and body.port is None:
        return ""
    url = body.url or written
    scheme, _, rest = url.partition("://") if "://" in url else ("stratum+tcp", "", url)
    host, colon, port = rest.rpartition(":")
    if not colon or not port.isdecimal():
        host, port = rest, ""
    port = str(body.port) if body.port is not None else port
    return f"{scheme}://{host}:{port}" if port else f"{scheme}://{host}"


@router.delete("/api/pools/{id}", summary="Take a pool out of config.txt")
def delete_pool(request: Request, id: str, wait: Wait = False) -> Ascii:  # noqa: A002 - the path is promised with this name
    """Role admin. A pool that a band or another pool names can't go."""
    path = config_of(request).paths.config
    return changed(request, lambda: _unread(rows_of(remove_pool(path, id))), WHY, wait=wait)


def _unread(rows: Sequence[Row]) -> list[Row]:
    """The same with stars for a wallet: the log is read by everybody who may look."""
    return [
        (what, STARS if old else "", STARS if new else "") if what.endswith(".user") else (what, old, new)
        for what, old, new in rows
    ]


# -- profiles -------------------------------------------------------------------------------------------------------


@router.post("/api/profiles", summary="Save a tuning preset", status_code=201)
def post_profile(request: Request, body: NewProfile) -> Ascii:
    """Role admin. As the miner `from_id` runs now, or as given; what is given counts."""
    admin(request)
    config = config_of(request)
    given = {name: getattr(body, name) for name in profiles.SETTINGS if getattr(body, name) not in (None, "")}
    values = {name: str(value) for name, value in given.items()}
    try:
        if body.from_id is not None:
            row = picked(miners.miners(config), body.from_id)
            values.pop("kind", None)
            made = profiles.of_readings(body.name, row["group"].partition(" ")[0], row, values)
        else:
            made = profiles.profile(body.name, values)
        with site_of(request).edits:
            profiles.save(config.paths.config.parent, made, replace=body.replace)
    except ProfileError as error:
        raise Problem(409, str(error)) from None
    told = profiles.told(made)
    text = ", ".join(f"{name} {value}" for name, value in told.items() if name != "name" and value is not None)
    row_of = (f"profiles.txt {made.name}", "", text)
    try:
        number = desk_of(request).note(caller_of(request), audit_rows([row_of], body.reason or WHY))
    except StoreTrouble as trouble:
        return Ascii(told | {"request_id": None, "notes": [unwritten(trouble)]}, 201)
    return Ascii(told | {"request_id": number}, 201)


@router.post("/api/profiles/{id}/apply", summary="Put a preset on miners of its kind", status_code=202)
def apply_profile(request: Request, id: str, body: Who, wait: Wait = False) -> Ascii:  # noqa: A002 - the path is promised with this name
    """Each setting is told once, a share of the fleet at a time."""
    config, found, filters, why = _many(request, body)
    try:
        one = profiles.find(config.paths.config.parent, id)
    except ProfileError as error:
        raise Problem(404, str(error)) from None
    return asked(request, miners.with_profile(config, found, filters, one, why), wait=wait)
