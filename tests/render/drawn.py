"""The slower pages drawn from the samples."""

import sample

from mine_controller.core.model.reason import Reason
from mine_controller.core.wording.words import sentence
from mine_controller.render import others, page, status_json
from mine_controller.render.given import EventLine, History, Hour, Past, Rolled

EVERY_PAGE = ("fleet.html", "events.html", "report.html", "debug.html", "miner.html")
HOUR_S, DAY_S = 3600, 86_400


def rolled(step_s, days, hole=()):
    """Stretches up to now: full power, every tenth one curtailed; those of `hole` are missing."""
    now = sample.NOW // step_s * step_s
    ats = [at for at in range(now - days * DAY_S, now + 1, step_s) if at not in hole]
    count = len(ats)
    off = [at // step_s % 10 == 0 for at in ats]
    return Rolled(
        step_s,
        tuple(ats),
        (step_s // 120,) * count,
        (step_s // 120,) * count,
        tuple(10_000.0 if one else 940_000.0 for one in off),
        (950_000.0,) * count,
        (21.0,) * count,
        (33.5,) * count,
        (9.0,) * count,
        (270.0,) * count,
        tuple(1.0 if one else 0.0 for one in off),
        tuple((10_000.0 if one else 940_000.0) * step_s for one in off),
        tuple(float(step_s) if one else 0.0 for one in off),
    )


def past(count=280, **other):
    events = (*sample.history().events, EventLine(sample.NOW - 60, "miner_off_unasked", "warning", "a001", "went dark"))
    hours = {
        f"a{at:03}": tuple(
            Hour(sample.NOW // HOUR_S * HOUR_S - ago * HOUR_S, 3300.0, 61.5, 101.2) for ago in range(40, 0, -1)
        )
        for at in range(count)
    }
    by_day = {"2026-07-13": rolled(HOUR_S, 1), "2026-07-14": rolled(HOUR_S, 1)}
    return Past(rolled(HOUR_S, 7), rolled(12 * HOUR_S, 90), events, (), hours, by_day)._replace(**other)


def given(of=None, count=280, told=None, **facts):
    """What the slower pages are made from: a sample, or (book, facts, history) of one's own."""
    book, site, history = of or (sample.book("RUNNING", count), sample.facts(count, **facts), sample.history())
    made = status_json.document(book, site, history, sentence, sample.NOW + 3)
    return others.Given(made, book, site, past(count) if told is None else told, sentence, sample.NOW + 3, history)


def slow(made):
    """Every slower page by name; miner.html is the first miner's, without its folder."""
    pages = {
        "fleet.html": others.fleet(made),
        "events.html": others.log(made),
        "report.html": others.report(made),
        "debug.html": others.debug(made),
    }
    for _, unit, card in list(others.every_miner(made))[:1]:
        pages["miner.html"] = others.miner(made, unit, card) | {"root": ""}
    return {name: page.render(shown, name=name) for name, shown in pages.items()}


__all__ = ["EVERY_PAGE", "History", "Reason", "given", "past", "rolled", "slow"]
