"""All bands at once: what a set of them would do to the published prices, and writing, adding or removing them."""

import time
from collections import Counter
from itertools import pairwise
from typing import Any

from fastapi import APIRouter, Request

from mine_controller.api.asks import Ascii, Problem
from mine_controller.api.bodies import BandChange, Bands, NewBand, told
from mine_controller.api.changes import admin, changed, rows_of
from mine_controller.api.reads import config_of
from mine_controller.api.strategy import STRATEGY, values_of
from mine_controller.api.writes import WHY, Wait
from mine_controller.config.bands import remove, set_band, set_bands, with_bands
from mine_controller.config.edit import diff, problem_lines
from mine_controller.config.load import build_config
from mine_controller.config.model import Config, ConfigError
from mine_controller.config.news import fresh
from mine_controller.config.source import read_source
from mine_controller.core.model.policy import Policy
from mine_controller.core.money.bands import Planned
from mine_controller.core.money.outlook import outlook
from mine_controller.ops.prices import clock, frozen

router = APIRouter(tags=["prices"])


@router.post(f"{STRATEGY}/bands/preview", summary="What these bands would make of the published prices")
def preview(request: Request, body: Bands) -> Ascii:
    """Every known slot from now on with the band that holds in it and the one that would; nothing is written."""
    config, now_s = config_of(request), int(time.time())
    source = read_source(config.paths.config)
    text = with_bands(source.config, _wanted(body)).encode()
    made: dict[str, Any] = {"diff": list(diff(source.config, text)), "slots": [], "hours": []}
    made["unit"] = config.site.units.price
    try:
        tried = build_config(source._replace(config=text), {})
    except ConfigError as error:
        return Ascii(made | {"ok": False, "problems": problem_lines(error.problems)})
    now, then = _planned(config, config.policy, now_s), _planned(config, tried.policy, now_s)
    news = problem_lines(fresh(config.notes, tried.notes))
    return Ascii(made | {"ok": True, "problems": [], "notes": news, **_compared(config, now, then)})


def _planned(config: Config, policy: Policy, now_s: int) -> tuple[Planned, ...]:
    book = frozen(config)
    found = None if book.image is None else outlook(book.image, book.state, policy, now_s)
    return found.planned if found is not None else ()


def _compared(config: Config, now: tuple[Planned, ...], then: tuple[Planned, ...]) -> dict[str, Any]:
    before = {one.start_s: one for one in now}
    slots = [
        {
            "at": clock(config, one.start_s),
            "start_s": one.start_s,
            "end_s": one.end_s,
            "price": one.price,
            "now": before[one.start_s].band.name if one.start_s in before else None,
            "then": one.band.name,
            "then_off": one.band.off,
        }
        for one in then
    ]
    was, will = _hours(now), _hours(then)
    hours = [{"band": name, "now": was.get(name, 0.0), "then": will.get(name, 0.0)} for name in sorted({*was, *will})]
    changes = {"now": _turns(now), "then": _turns(then)}
    return {"slots": slots, "hours": hours, "changes": changes, "mean_price": {"now": _mean(now), "then": _mean(then)}}


def _hours(planned: tuple[Planned, ...]) -> dict[str, float]:
    seconds = Counter[str]()
    for one in planned:
        seconds[one.band.name] += one.end_s - one.start_s
    return {name: round(held_s / 3600, 2) for name, held_s in seconds.items()}


def _turns(planned: tuple[Planned, ...]) -> int:
    return sum(one.band.name != two.band.name for one, two in pairwise(planned))


def _mean(planned: tuple[Planned, ...]) -> float | None:
    """The mean price of the hours in which something is mined; None: of none."""
    mined = [one for one in planned if not one.band.off]
    spent = sum(one.end_s - one.start_s for one in mined)
    return round(sum(one.price * (one.end_s - one.start_s) for one in mined) / spent, 2) if spent else None


def _wanted(body: Bands) -> dict[str, dict[str, str]]:
    """By name. Problem 422: a name stands twice."""
    names = [one.id for one in body.bands]
    if len(set(names)) < len(names):
        raise Problem(422, "each band has a name of its own")
    return {
        one.id: {
            "max_price": "" if one.max_price is None else told(one.max_price),
            "coin": one.target_coin,
            "pool": one.pool,
            "modes": ", ".join(one.modes),
        }
        for one in body.bands
    }


@router.put(f"{STRATEGY}/bands", summary="These bands in place of all", status_code=202)
def put_bands(request: Request, body: Bands, wait: Wait = False) -> Ascii:
    """Role admin. All or nothing; a band that is not named goes, options that have no field here stay."""
    path, wanted = config_of(request).paths.config, _wanted(body)
    return changed(request, lambda: rows_of(set_bands(path, wanted)), body.reason or WHY, wait=wait)


@router.post(f"{STRATEGY}/bands", summary="One more band", status_code=202)
def post_band(request: Request, body: NewBand, wait: Wait = False) -> Ascii:
    """Role admin. Its place is by its price."""
    admin(request)
    config = config_of(request)
    rule = config.policy.rules.get("band")
    if rule is not None and body.id in {band.name for band in rule.sections}:
        raise Problem(409, f"there is a band {body.id} already: PATCH changes it")
    values = values_of(BandChange(**body.model_dump(exclude={"id"})), ())
    return changed(
        request, lambda: rows_of(set_band(config.paths.config, body.id, values)), body.reason or WHY, wait=wait
    )


@router.delete(f"{STRATEGY}/bands/{{id}}", summary="A band less")
def delete_band(request: Request, id: str, wait: Wait = False) -> Ascii:  # noqa: A002 - the path is promised with this name
    """Role admin. Its prices are then those of the dearer band beside it."""
    path = config_of(request).paths.config
    return changed(request, lambda: rows_of(remove(path, id)), WHY, wait=wait)
