"""GET: what the last tick left. Nothing here writes a byte, starts anything or waits for the writer."""

import time
from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import PlainTextResponse, Response

from mine_controller.api.asks import Ascii, Problem
from mine_controller.api.bodies import SHOWN_MOST, Line, Moment
from mine_controller.api.guard import Guard, caller_of, samples
from mine_controller.api.site import Site
from mine_controller.config.edit import problem_lines
from mine_controller.config.model import Config, ConfigError
from mine_controller.core.model.book import Book
from mine_controller.core.model.reason import Reason
from mine_controller.core.model.state import State
from mine_controller.core.option import Secret
from mine_controller.core.wording.words import sentence
from mine_controller.ops import miners, pools, prices, recall, status
from mine_controller.ops.miners import PickError
from mine_controller.ops.profiles import load as load_profiles
from mine_controller.ops.profiles import told as told_profile
from mine_controller.ops.recall import Seen
from mine_controller.ops.tokens import TokenError
from mine_controller.render.metrics import each
from mine_controller.render.metrics import metrics as exposition
from mine_controller.render.status_json import text as as_file
from mine_controller.render.text import masked
from mine_controller.store import query
from mine_controller.store.db import StoreTrouble
from mine_controller.store.events import unpacked

STATUS = (
    "mode", "mode_since", "why", "next", "power_w", "cap_w", "permitted_w", "temperatures", "humidity_pct", "grid_hz",
    "fans", "signal", "price", "miners", "alarms", "emergency_stop", "site", "live", "simulated", "tick_at", "age_s",
)  # fmt: skip
HOUR_S = 3600
NO_PRICE = {"end_s": 0}  # the last tick's may be that of the slot before, and a document of an older version has none


def site_of(request: Request) -> Site:
    """The site that is served."""
    found: Site = request.app.state.site
    return found


def config_of(request: Request) -> Config:
    """Its config as it is now."""
    return site_of(request).config()


def document(config: Config, now_s: int) -> dict[str, Any]:
    """The document of the faces; before the first tick, that nothing is known."""
    found = status.status(config, now_s)
    return status.made(config, Seen(0, Book(State())), now_s) if found is None else found


def one_miner(config: Config, found: miners.Miners, name: str) -> dict[str, Any]:
    """All of the miner of this mac, serial, address or id. Problem 404."""
    try:
        return miners.everything(config, found, name)
    except PickError as error:
        raise Problem(404, str(error)) from None


def shown(config: Config, tree: Any) -> Any:
    """The tree as this site publishes it: without addresses and names of people where it is public."""
    if config.site.publish != "public":
        return tree
    known = {*status.people(config, int(time.time())), *_actors(tree)}
    return _masked(tree, sorted(known, key=len, reverse=True))


def _actors(tree: Any) -> Iterator[str]:
    """Everybody whom the tree itself calls an actor: rows of the log go back further than the pages."""
    if isinstance(tree, dict):
        if isinstance(tree.get("actor"), str) and tree["actor"]:
            yield tree["actor"]
        yield from (name for one in tree.values() for name in _actors(one))
    elif isinstance(tree, list | tuple):
        yield from (name for one in tree for name in _actors(one))


def _masked(tree: Any, people: Sequence[str]) -> Any:
    if isinstance(tree, str):
        return masked(tree, people)
    if isinstance(tree, dict):
        return {masked(str(name)): _masked(value, people) for name, value in tree.items()}
    return [_masked(one, people) for one in tree] if isinstance(tree, list | tuple) else tree


def _named(config: Config, row: dict[str, Any]) -> dict[str, Any]:
    """A miner as this site publishes it: what people call it (a room, a person) is no public matter."""
    return row | {"name": None} if config.site.publish == "public" else row


def plain(value: Any) -> Any:
    """Any part of a book as a JSON tree; a reason has its sentence beside it."""
    if isinstance(value, Secret):
        return str(value)
    if isinstance(value, Reason):
        return {"rule": value.rule, "code": value.code, "numbers": plain(dict(value.numbers)), "text": sentence(value)}
    if hasattr(value, "_asdict"):
        return {name: plain(one) for name, one in value._asdict().items()}
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, set | frozenset):
        return sorted((plain(one) for one in value), key=str)
    return None if isinstance(value, float) and not isfinite(value) else value


router = APIRouter(tags=["look"])


@router.get("/api/status", summary="What it does, why, and what comes next")
def get_status(request: Request) -> Ascii:
    """mode, why, next, power_w, cap_w, temperatures, fans, signal, price, miners, alarms, tick_at, age_s."""
    config, now_s = config_of(request), int(time.time())
    made = document(config, now_s)
    if (made["price"] or NO_PRICE)["end_s"] <= now_s and "price" in config.policy.wiring.roles:
        made["price"] = _kept_price(request, config, (made["tick_at"], config.sha), now_s)
    return Ascii({name: made[name] for name in STATUS})


def _kept_price(request: Request, config: Config, of: tuple[Any, str], now_s: int) -> dict[str, Any] | None:
    """The price, asked of the store once a tick and half hour: pages ask every few seconds."""
    kept = getattr(request.app.state, "price", None)
    if kept is None or kept[0] != of or now_s >= kept[1]:
        found = price(config, now_s)
        request.app.state.price = kept = (of, now_s if found is None else found["end_s"], found)
    told: dict[str, Any] | None = kept[2]
    return told


def price(config: Config, now_s: int) -> dict[str, Any] | None:
    """The price of this half hour with the band that holds; None: it is not known."""
    found = prices.now(config, now_s)
    rows = prices.slots(config, now_s, now_s + 1, now_s)
    if not rows:
        return None
    band = found.band.name if found is not None and found.band is not None else None
    return {"p_kwh": rows[0]["price"], "band": band, "start_s": rows[0]["start_s"], "end_s": rows[0]["end_s"]}


@router.get("/api/state", summary="The last image, memory and decision, whole")
def get_state(request: Request) -> Ascii:
    """Every reading, what is remembered, the decision with its reasons in words."""
    config = config_of(request)
    seen = recall.last_seen(config.paths, config.policy)
    if seen is None:
        return Ascii({"tick_at": None, "image": None, "state": None, "decision": None})
    book = seen.book
    decision = plain(book.decision) if book.decision is not None else None
    if decision is not None:
        decision.pop("state")  # it stands beside it
    made = {"tick_at": seen.tick_at, "decided_again": seen.decided_again, "image": plain(book.image)}
    return Ascii(shown(config, made | {"state": plain(book.state), "decision": decision}))


@router.get("/dashboard_data.json", summary="The file of that name in www/")
@router.get("/status.json", summary="The same document")
def get_document(request: Request) -> Response:
    """docs/status-json.md tells what each field means."""
    return Response(as_file(document(config_of(request), int(time.time()))), media_type="application/json")


@router.get("/api/miners", summary="Every miner")
def get_miners(request: Request) -> Ascii:
    """As the last tick saw them; what is not known is null."""
    config = config_of(request)
    found = miners.miners(config)
    rows = [_named(config, row) for row in found.rows]
    return Ascii(shown(config, {"tick_at": found.tick_at or None, "miners": rows}))


@router.get("/api/miners/{id}", summary="One miner, with every reading")
def get_miner(request: Request, id: str) -> Ascii:  # noqa: A002 - the path is promised with this name
    """`id`: its mac, serial or present address."""
    config = config_of(request)
    return Ascii(shown(config, _named(config, one_miner(config, miners.miners(config), id))))


@router.get("/api/stats", summary="Sums over the fleet")
def get_stats(request: Request) -> Ascii:
    """Each sum says over how many of all it is; a rate of another algorithm is a text, and none of those of TH/s."""
    config = config_of(request)
    counts, rows = document(config, int(time.time()))["miners"], miners.miners(config).rows
    total, online = counts["total"], counts["online"]
    made = {"total_miners": total, "online": online, "offline": None if online is None else total - online}
    for name, of in (("hashrate_ths", "hashrate_ths"), ("power_w", "power_w"), ("avg_temp_c", "chip_c")):
        known = [row[of] for row in rows if isinstance(row[of], int | float)]
        mean = sum(known) / (len(known) if name == "avg_temp_c" else 1) if known else None
        among = sum(row[of] is not None or not (of == "hashrate_ths" and row["hashrate"]) for row in rows)
        made |= {name: None if mean is None else round(mean, 2), f"{name}_known": f"{len(known)} of {among} known"}
    return Ascii(made)


@router.get("/api/energy/current-price", summary="The price that counts now")
def get_price(request: Request) -> Ascii:
    """Null while it is not known."""
    config, now_s = config_of(request), int(time.time())
    return Ascii({"currency": config.site.currency, "unit": config.site.units.price, "now": price(config, now_s)})


@router.get("/api/energy/forecast", summary="Published prices with their bands")
def get_forecast(
    request: Request, hours: Annotated[int, Query(ge=1, le=72)] = 24, back: Annotated[int, Query(ge=0, le=72)] = 0
) -> Ascii:
    """Slots from `back` hours ago to `hours` ahead, and the changes of band among them."""
    config, now_s = config_of(request), int(time.time())
    rows = prices.slots(config, now_s - back * HOUR_S, now_s + hours * HOUR_S, now_s)
    return Ascii({"unit": config.site.units.price, "slots": rows, "next": prices.coming(config, now_s)})


@router.get("/api/pools", summary="The pools, who works there, and how they are")
def get_pools(request: Request) -> Ascii:
    """Users and passwords are never shown."""
    config = config_of(request)
    return Ascii(shown(config, {"pools": pools.rows(config)}))


@router.get("/api/pools/{id}/health", summary="How one pool is")
def get_pool(request: Request, id: str) -> Ascii:  # noqa: A002 - the path is promised with this name
    """By what its miners say of it."""
    config = config_of(request)
    found = next((row for row in pools.rows(config) if row["name"] == id), None)
    if found is None:
        raise Problem(404, f"there is no pool {id[:40]!r}")
    return Ascii(shown(config, found))


@router.get("/api/profiles", summary="Tuning presets")
def get_profiles(request: Request) -> Ascii:
    """What each sets; null is left as it is."""
    found = load_profiles(config_of(request).paths.config.parent)
    return Ascii({"profiles": [told_profile(one) for one in found.values()]})


@router.get("/api/audit", summary="What happened and who asked")
def get_audit(
    request: Request,
    kind: Line = "",
    actor: Line = "",
    about: Line = "",
    since: Moment = 0,
    until: Moment = 253_402_300_799,
    limit: Annotated[int, Query(ge=1, le=SHOWN_MOST)] = 100,
) -> Ascii:
    """Newest first; since and until in seconds since 1970. A reason is [rule, code, [[name, value], ...]]."""
    config = config_of(request)
    found = query.events(config.paths, kind, since, until, actor, about, limit)
    rows = [row._asdict() | {"reason": plain(unpacked(row.reason))} for row in found]
    return Ascii(shown(config, {"events": rows}))


@router.get("/api/me", summary="Whose token this is")
def get_me(request: Request) -> Ascii:
    """Its name and role (read, operate, admin); null without a valid one."""
    caller = caller_of(request)
    return Ascii({"name": caller.name or None, "role": caller.role or None})


watch = APIRouter(tags=["watch"])


@watch.get("/metrics", summary="For Prometheus, with the service's own requests", response_class=PlainTextResponse)
def get_metrics(request: Request) -> PlainTextResponse:
    """docs/monitoring.md tells the names."""
    guard: Guard = request.app.state.guard
    config = config_of(request)
    seen = recall.last_seen(config.paths, config.policy)
    units = () if seen is None else each(seen.book, config.policy.wiring)
    made = exposition(document(config, int(time.time())), units)
    return PlainTextResponse(made + "\n".join(samples(guard.counts)) + "\n", media_type="text/plain; version=0.0.4")


@watch.get("/healthz", summary="Whether the service can do its work")
def get_health(request: Request) -> Ascii:
    """200, or 503 with what is wrong. An old tick is the mine's trouble, and is told without being the service's."""
    wrong, age_s = [], None
    try:
        config = config_of(request)
        wrong += ["config.txt is broken: the last good one counts"] if config.last_good else []
        newest = query.ticks(config.paths, limit=1)
        age_s = max(0, int(time.time()) - newest[0].tick_at) if newest else None
        site_of(request).tokens()
    except (StoreTrouble, TokenError) as trouble:
        wrong.append(str(trouble))
    except ConfigError as error:
        wrong += problem_lines(error.problems)
    return Ascii({"ok": not wrong, "wrong": wrong, "tick_age_s": age_s}, 503 if wrong else 200)
