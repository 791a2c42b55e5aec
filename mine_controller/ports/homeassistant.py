"""After the tick: what the mine is, to each broker that Home Assistant listens to. Control is done by then.

It takes PUBLISH_S at most, whatever the broker or its name does: the work is a thread that is left behind when it is
late. A broker that can't be told is one line in the log an hour. Values go out each tick, the documents of discovery
when they changed and once an hour, because a broker may have lost what it kept; what is gone is deleted then. Behind a
slow line hundreds of documents don't fit into that time: the next tick goes on where the broker's word ended.
"""

import hashlib
import threading
import time
from pathlib import Path
from typing import Any

from mine_controller import __version__
from mine_controller.config.model import Config
from mine_controller.core.alarms.chatter import now_and_then
from mine_controller.core.alarms.machine import reason_of
from mine_controller.core.model.book import Book
from mine_controller.core.wording.spoken import Units, spoken
from mine_controller.core.wording.words import sentence
from mine_controller.notify.homeassistant import Options, broker
from mine_controller.notify.homeassistant_entities import Place, discovery, entities, states
from mine_controller.notify.post import scrub
from mine_controller.ports.log import Log
from mine_controller.ports.tell import hidden, once_in
from mine_controller.record import NamedTuple
from mine_controller.wire.door import WireError
from mine_controller.wire.publish import Batch, PartError, Post, Will, publish

KIND = "homeassistant"
PUBLISH_S = 3.0
SLACK_S = 0.1
ANEW_S = 3600
SAID_EVERY_S = 3600
PART_MOST = 7  # digits of the number of a document


class Job(NamedTuple):
    """One broker's share. `mark`: the file that remembers what discovery told last, `sum`: what it will then hold.

    The posts are so many `values`, then documents of discovery from number `start` on.
    """

    title: str
    options: Options
    batch: Batch
    mark: Path
    sum: str
    values: int
    start: int


class Came(NamedTuple):
    """What came of one. `why` "" = it was told; `part`: of the documents only so many, None = all of them."""

    why: str
    part: int | None = None


def tell_states(config: Config, book: Book, log: Log, now_s: int, until: float) -> None:
    """Publish to each [homeassistant] by `until` (monotonic). Raises nothing a broker can cause."""
    told = [(title, some) for title, some in config.channels.items() if title.partition(" ")[0] == KIND]
    if not told or book.image is None:
        return
    doc = document(config, book, now_s)
    jobs = [job_of(config, book, title, options, doc) for title, options in told]
    outcomes: dict[str, Came] = {}
    within = until - SLACK_S  # so its own reason is the one told, and the same each time
    threads = [threading.Thread(target=_publish, args=(job, within, outcomes), daemon=True) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    for job in jobs:
        _note(config, job, outcomes.get(job.title, Came("the broker does not answer in time")), log, now_s)


def document(config: Config, book: Book, now_s: int) -> dict[str, Any]:
    """The page's own document, without its history. A broker is the owner's: nothing in it is masked."""
    from mine_controller.ports.show import economy, facts  # noqa: PLC0415 - only where a broker is told
    from mine_controller.render.given import History  # noqa: PLC0415 - as above
    from mine_controller.render.status_json import document as made  # noqa: PLC0415 - as above

    site = facts(config, now_s)._replace(economy=economy(config, book, now_s), publish="full")
    return made(book, site, History(), sentence, now_s)


def place_of(config: Config, options: Options) -> Place:
    """Names and times of this site."""
    return Place(options, config.site.name, __version__, config.site.tick_s)


def job_of(config: Config, book: Book, title: str, options: Options, doc: dict[str, Any]) -> Job:
    """All that this tick tells: the values, and what is left to be told of discovery."""
    place, policy = place_of(config, options), config.policy
    models = {unit["id"]: unit["model"] for unit in doc.get("units") or ()}
    configs = discovery(entities(policy, place, config.site.currency), policy, place, models)
    told, mark = sum_of(configs, options), config.paths.run / f"discovery-{title.replace(' ', '-')}"
    values = states(doc, policy, place, open_alarms(book, config.site.units), book.state.overrides)
    posts = [Post(topic, text, place.late_s) for topic, text in values.items()]
    posts.append(Post(place.available, "online"))
    start, many = _start(mark, told, len(configs)), len(posts)
    kept = f"{options.prefix}/+/{place.unit}/+/config" if start < len(configs) else ""
    posts += [Post(topic, text) for topic, text in list(configs.items())[start:]]
    will = Will(place.available, "offline", place.late_s)
    batch = Batch(place.unit.replace("_", "-"), tuple(posts), will, kept, tuple(configs) if kept else ())
    return Job(title, options, batch, mark, told, many, start)


def open_alarms(book: Book, units: Units) -> list[dict[str, Any]]:
    """Every open alarm, with its sentence."""
    return [
        {
            "kind": alarm["kind"],
            "about": alarm["about"],
            "severity": alarm["severity"],
            "state": alarm.get("state", "active"),
            "text": now_and_then(alarm) + spoken(sentence(reason_of(alarm["reason"])), units),
        }
        for alarm in book.state.alarms.values()
    ]


def sum_of(configs: dict[str, str], options: Options) -> str:
    """Changes with what discovery would tell, and with whom."""
    told = [*sorted(configs.items()), options.host, options.port]
    return hashlib.sha256(repr(told).encode()).hexdigest()


def _start(mark: Path, told: str, many: int) -> int:
    """The first document that is to be told, `many` where none is."""
    try:
        age_s = time.time() - mark.stat().st_mtime
        noted, _, part = mark.read_text(encoding="utf-8", errors="replace").partition(" ")
    except OSError:
        return 0  # never told since the machine was started
    if not 0 <= age_s < ANEW_S or noted != told:
        return 0
    return min(int(part), many) if part.isascii() and part.isdecimal() and len(part) < PART_MOST else many


def _publish(job: Job, until: float, outcomes: dict[str, Came]) -> None:
    """A thread: what came of it. A name that is looked up for ever leaves nothing behind."""
    try:
        publish(broker(job.options), job.batch, until)
    except PartError as error:
        documents = error.told - job.values
        outcomes[job.title] = Came("", job.start + documents) if documents > 0 else Came(error.why)
    except WireError as error:
        outcomes[job.title] = Came(error.why)
    except Exception as error:  # noqa: BLE001 - a thread's fault must not print a trace that could hold the password
        outcomes[job.title] = Came(f"publishing failed: {type(error).__name__}")
    else:
        outcomes[job.title] = Came("")


def _note(config: Config, job: Job, came: Came, log: Log, now_s: int) -> None:
    """What discovery told is noted once the broker has it, not before; trouble is a line in the log, once an hour."""
    if came.why:
        if once_in(config.paths.run / f"said-{job.title.replace(' ', '-')}", SAID_EVERY_S, came.why):
            text = scrub(f"Home Assistant could not be told: {came.why}", hidden(config))
            log.say(now_s, "WARN", KIND, channel=job.title, text=text)
    elif job.batch.kept:
        once_in(job.mark, 0, job.sum if came.part is None else f"{job.sum} {came.part}")
