"""After the save: the outbox to the channels, and what came of it back into the outbox.

A tick that could not be saved can't mark what it told, so it leaves the outbox alone and tells two things: that, at
most once an hour, and the emergencies that are in no outbox yet (`unsaved.py`).
"""

import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from mine_controller.config.model import Config
from mine_controller.core.option import Secret
from mine_controller.notify.deliver import Desk, Said, deliver, ways
from mine_controller.notify.quiet import Options as Quiet
from mine_controller.notify.quiet import ends_at
from mine_controller.notify.words import Place
from mine_controller.packaged import packaged
from mine_controller.ports import unsaved
from mine_controller.ports.journal import Journal
from mine_controller.ports.letters import sum_of
from mine_controller.ports.log import Log
from mine_controller.store.outbox import Mark

UNSAVED_EVERY_S = 3600


def tell(config: Config, journal: Journal, log: Log, now_s: int, until: float) -> None:
    """Deliver what is due until `until` (monotonic). Raises nothing a channel or a file can cause."""
    if journal.unsaved:
        _tell_unsaved(config, journal, log, now_s, until)
        return
    done = deliver(journal.letters, desk(config, now_s), now_s, until)
    _log(log, now_s, done.lines)
    journal.mark([Mark(*noted) for noted in done.notes])


def desk(config: Config, now_s: int) -> Desk:
    """Who is told, and how, at `now_s` wall time."""
    alarms, quiet = config.policy.alarms, quiet_of(config)
    return Desk(
        ways(config.channels),
        place(config),
        sum_of(config),
        hidden(config),
        _quiet_until(quiet, config.site.timezone, now_s) if quiet else 0,
        (alarms.repeat_s, alarms.repeat_then_s),
    )


def _quiet_until(quiet: list[Quiet], timezone: str, now_s: int) -> int:
    """Its end by the site's clock, which may be put forward or back in that very night; 0: it is not quiet."""
    ends_s = ends_at(quiet, local_minute(timezone, now_s), now_s)
    zone = ZoneInfo(timezone)
    offsets = [datetime.fromtimestamp(at, UTC).astimezone(zone).utcoffset() or timedelta() for at in (now_s, ends_s)]
    return max(now_s + 60, ends_s - int((offsets[1] - offsets[0]).total_seconds())) if ends_s else 0


def quiet_of(config: Config) -> list[Quiet]:
    """Every [quiet]."""
    return [options for title, options in config.channels.items() if title.partition(" ")[0] == "quiet"]


def local_minute(timezone: str, wall_s: int) -> int:
    """The minute of the day where the mine stands."""
    there = datetime.fromtimestamp(wall_s, UTC).astimezone(ZoneInfo(timezone))
    return there.hour * 60 + there.minute


def hidden(config: Config) -> tuple[Secret, ...]:
    """Every secret of the config: what a service says may hold any of them."""
    return tuple(one if isinstance(one, Secret) else Secret(one) for one in config.secrets)


def place(config: Config) -> Place:
    """Site, time zone and the folders of message templates, the owner's first."""
    folders = [str(config.paths.templates / "messages")]
    with suppress(FileNotFoundError):  # every message then goes out as plain text, and the log says why
        folders.append(str(packaged("templates") / "messages"))
    return Place(config.site.name, config.site.timezone, tuple(folders))


def _log(log: Log, now_s: int, lines: tuple[Said, ...]) -> None:
    for line in lines:
        log.say(now_s, "INFO" if line.ok else "WARN", "notify", channel=line.channel, text=line.text)


def _tell_unsaved(config: Config, journal: Journal, log: Log, now_s: int, until: float) -> None:
    run = config.paths.run
    due = unsaved.of_grave(run, journal.grave)
    if _hourly(run / "unsaved-told", journal.unsaved):
        due = (unsaved.of_trouble(config, journal.unsaved, now_s), *due)
    if due:
        done = deliver(due, desk(config, now_s), now_s, until)
        _log(log, now_s, done.lines)
        unsaved.note(run, due, done.notes)


def _hourly(path: Path, trouble: str) -> bool:
    """True when this was not told within the hour. Where memory is full too its mark loses the text, not its time."""
    with suppress(OSError):
        found = path.stat()
        if not found.st_size and 0 <= time.time() - found.st_mtime < UNSAVED_EVERY_S:
            return False
    return once_in(path, UNSAVED_EVERY_S, trouble)


def once_in(path: Path, every_s: int, word: str) -> bool:
    """True when `word` is new or was noted at least `every_s` ago; it is then noted. No file to be had: True."""
    try:
        age_s = time.time() - path.stat().st_mtime
        if 0 <= age_s < every_s and path.read_text(encoding="utf-8", errors="replace") == word:
            return False
    except OSError:
        pass  # never noted, or not readable: rather told twice than not at all
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(word, encoding="utf-8")
    except OSError:
        return True
    return True
