"""/api/settings/agile-solo-strategy: price bands and what they have mined; and asking for new prices."""

import time
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request

from mine_controller.api.asks import Ascii, Problem
from mine_controller.api.bodies import BandChange, Because, told
from mine_controller.api.changes import changed, desk_of, rows_of
from mine_controller.api.debug import put
from mine_controller.api.guard import caller_of
from mine_controller.api.reads import config_of, document, shown
from mine_controller.api.writes import WHY, Wait
from mine_controller.config.bands import reset, set_band
from mine_controller.config.model import Config
from mine_controller.core.money.bands import split_mode
from mine_controller.ops import bands
from mine_controller.ops.recall import kept_book
from mine_controller.ops.replies import Wanted

STRATEGY = "/api/settings/agile-solo-strategy"
MODES = {"bitaxe_mode": "bitaxe", "nerdqaxe_mode": "nerdqaxe", "avalon_nano_mode": "avalon"}
router = APIRouter(tags=["prices"])


def _why(body: Because | None) -> str:
    return (body.reason if body is not None else "") or WHY


@router.get(STRATEGY, summary="What the bands do now, and next")
def get_strategy(request: Request) -> Ascii:
    """enabled, band, coin, modes, next change, reason."""
    config, now_s = config_of(request), int(time.time())
    found = bands.state(config, now_s) or {}
    held = found.get("forced")
    groups = {
        one["name"]: {"mode": one["mode"] or None, "pool": one["pool"] or None} for one in found.get("groups", ())
    }
    made = {
        "enabled": bool(bands.rows(config, now_s)) and not _is_off(config),
        "band": found.get("band"),
        "coin": found.get("coin"),
        "price_p_kwh": found.get("price"),
        "modes": groups,
        "since": found.get("since"),
        "next": found.get("next"),
        "known_to": found.get("known_to"),
        "forced": held,
        "reason": held or document(config, now_s)["why"],
    }
    return Ascii(shown(config, made))


def _is_off(config: Config) -> bool:
    return any((one.key, one.value) == ("strategy", "off") for one in kept_book(config.paths).state.overrides)


@router.post(f"{STRATEGY}/execute", summary="Start a tick now", status_code=202)
def execute(request: Request, body: Because | None = None, wait: Wait = False) -> Ascii:
    """It reads, decides and acts as every tick does."""
    return desk_of(request).put(caller_of(request), [Wanted("tick", (), _why(body))], wait=wait)


@router.post(f"{STRATEGY}/enable", summary="On, until changed", status_code=202)
def enable(request: Request, body: Because | None = None, wait: Wait = False) -> Ascii:
    """set-state strategy on."""
    return put(request, [Wanted("set-state", ("strategy", "on"), _why(body))], wait=wait)


@router.post(f"{STRATEGY}/disable", summary="Off, until changed", status_code=202)
def disable(request: Request, body: Because | None = None, wait: Wait = False) -> Ascii:
    """set-state strategy off: nothing is mined by price."""
    return put(request, [Wanted("set-state", ("strategy", "off"), _why(body))], wait=wait)


@router.get(f"{STRATEGY}/bands", summary="Every band, dear first")
def get_bands(request: Request) -> Ascii:
    """Prices from `from` to below `below`; null is no edge."""
    config = config_of(request)
    rows = [_named(row) for row in bands.rows(config, int(time.time()))]
    return Ascii({"unit": config.site.units.price, "bands": rows, "choices": _choices(config)})


def _choices(config: Config) -> dict[str, Any]:
    """What a band may name here: coins that pools mine, pools, and the modes of each kind of miner."""
    modes: dict[str, list[str]] = {}
    for spec in config.policy.wiring.miners:
        known = modes.setdefault(spec.group.partition(" ")[0], [])
        known += [mode for mode in spec.modes if mode not in known]
    coins = dict.fromkeys(one.coin for one in config.policy.pools if one.coin)
    choose = getattr(config.policy.rules.get("profit"), "choose", False)
    first = ["off", *(["best"] if choose else [])]
    pools = [{"name": one.name, "coin": one.coin or None} for one in config.policy.pools]
    return {"coins": [*first, *coins], "pools": pools, "modes": {kind: found for kind, found in modes.items() if found}}


def _named(row: dict[str, Any]) -> dict[str, Any]:
    by_kind = dict(split_mode(text) for text in row["modes"])
    old = {"id": row["name"], "max_price": row["below"], "target_coin": row["coin"] or None}
    return old | row | {key: by_kind.get(kind) for key, kind in MODES.items()}


@router.patch(f"{STRATEGY}/bands/{{id}}", summary="Change one band")
def patch_band(request: Request, id: str, body: BandChange, wait: Wait = False) -> Ascii:  # noqa: A002 - the path is promised with this name
    """Role admin. The result is checked first; `minectl config undo` takes it back."""
    config = config_of(request)
    row = next((one for one in bands.rows(config, int(time.time())) if one["name"] == id), None)
    if row is None:
        raise Problem(404, f"there is no band {id[:40]!r}")
    values = values_of(body, row["modes"])
    if not values:
        raise Problem(422, "say what to change: max_price, target_coin, pool, or a mode")
    return changed(request, lambda: rows_of(set_band(config.paths.config, id, values)), _why(body), wait=wait)


def values_of(body: BandChange, modes_now: Sequence[str]) -> dict[str, str]:
    """What a body says of a band, by the options of config.txt; modes of kinds it does not name stay."""
    given = {"max_price": body.max_price, "coin": body.target_coin, "pool": body.pool}
    values = {key: told(value) for key, value in given.items() if value is not None}
    modes = {kind: value for key, kind in MODES.items() if (value := getattr(body, key)) is not None}
    if modes:
        kept = dict(map(split_mode, modes_now)) | modes
        values["modes"] = ", ".join(f"{who} {mode}" for who, mode in kept.items() if mode)
    return values


@router.post(f"{STRATEGY}/bands/reset", summary="The five bands of the start in place of all", status_code=202)
def reset_bands(request: Request, body: Because | None = None, wait: Wait = False) -> Ascii:
    """Role admin."""
    path = config_of(request).paths.config
    return changed(request, lambda: rows_of(reset(path)), _why(body), wait=wait)


@router.post("/api/energy/update-prices", summary="A tick now, which asks for prices that are due", status_code=202)
def update_prices(request: Request, body: Because | None = None, wait: Wait = False) -> Ascii:
    """Their publisher is asked as often as it allows, not oftener."""
    if "price" not in config_of(request).policy.wiring.roles:
        raise Problem(409, "[wiring] has no price: wire one, like price = octopus agile")
    return desk_of(request).put(caller_of(request), [Wanted("tick", ("prices",), _why(body))], wait=wait)
