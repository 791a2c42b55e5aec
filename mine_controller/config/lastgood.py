"""The last config with which a tick ended well: a broken config.txt never stops a mine.

One file beside the database, `config.last-good`, 0600: it holds the texts of config.txt and fleet.csv (literal secrets
too), so it belongs in no backup and no bundle. A secret that lies in a file of its own is not in it: where that file is
gone or closed, its device is asked without (it refuses, and what it would tell is unknown, as of one that fails). A
channel takes no part, nor does a pool: what stands in for its password must not be written into a miner. Nothing else
stands still for it.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path

from mine_controller.config import catalogue, pools
from mine_controller.config.fleet import FILE
from mine_controller.config.lines import UNFILLED, Over, decode
from mine_controller.config.lines import read as read_lines
from mine_controller.config.load import SITE, build_config, load
from mine_controller.config.model import Config, ConfigError, Problem
from mine_controller.config.replace import replace_file
from mine_controller.config.source import SYSTEM, Source, read_file, real, sha
from mine_controller.config.values import Place, WrongValueError, secret

NAME = "config.last-good"
SYSTEM_DATA = Path("/var/lib/minectl")
PRIVATE = 0o100600
STAND_IN = "no-secret-to-be-had"
FROM_FILE = "file:"


def remember(config: Config) -> None:
    """Keep this config for the day config.txt is broken; for after a tick that ended well. May raise OSError."""
    if config.last_good:
        return
    path = config.paths.db.parent / NAME
    if _sha_of(path) == config.sha:
        return
    text, fleet = config.texts
    kept = {
        "sha": config.sha,
        "path": str(real(config.paths.config)),
        "config": text.reveal(),
        "fleet": None if fleet is None else fleet.reveal(),
    }
    replace_file(path, json.dumps(kept).encode(), mode=0o600)


def load_or_last_good(path: Path | str) -> Config:
    """The config, or else the last good one with `last_good` set and the problems in `broken`; else ConfigError.

    A fleet.csv that is gone is a broken config too, where the last good one knew miners: see `lost_fleet`.
    """
    path = Path(path)
    try:
        config = load(path)
    except ConfigError as error:
        kept = _kept(path)
        if kept is None:
            raise
        return kept._replace(last_good=True, broken=error.problems)
    lost = lost_fleet(config)
    kept = _kept(path) if lost is not None else None
    return config if kept is None or lost is None else kept._replace(last_good=True, broken=(lost,))


def lost_fleet(config: Config) -> Problem | None:
    """What is wrong where fleet.csv is gone and the last good config listed miners; None where it never was, or is."""
    if config.texts[1] is not None:
        return None
    kept = _kept(config.paths.config)
    known = len(kept.policy.wiring.miners) if kept is not None else 0
    if not known:
        return None
    text = f"is gone, and miners were listed ({known}): put it back from fleet.csv.previous or a backup"
    return Problem(0, "", "", f"{text} (none left? its first line alone says so)", FILE)


def secret_files(config: Config) -> tuple[Path, ...]:
    """Every file that holds a secret of this config: a new password changes nothing in config.txt itself."""
    folder = real(config.paths.config).parent
    sections = read_lines(config.texts[0].reveal()).sections.values()
    named = {entry.value for section in sections for entry in section.entries.values()}
    return tuple(
        folder / one.removeprefix(FROM_FILE).strip(" \t") for one in sorted(named) if one.startswith(FROM_FILE)
    )


def text_of(path: Path) -> tuple[bytes, Path] | None:
    """The text of the last good config.txt and the file that holds it; for where config.txt itself is gone."""
    good = _kept(path)
    return None if good is None else (good.texts[0].reveal().encode(), good.paths.db.parent / NAME)


def _kept(path: Path) -> Config | None:
    found = (_read(place / NAME, path) for place in _places(path))
    return next((kept for kept in found if kept is not None), None)


def _sha_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            head = file.read(80)
    except OSError:
        return ""
    return head[9:73].decode("ascii", "replace") if head.startswith(b'{"sha": "') else ""


def _places(path: Path) -> Iterator[Path]:
    """Where the database may lie, as far as a broken config can say."""
    yield from _named_places(path)
    yield path.parent
    if real(path) == real(SYSTEM):
        yield SYSTEM_DATA


def _named_places(path: Path) -> Iterator[Path]:
    try:
        raw = read_file(path)
    except OSError:
        return
    section = read_lines(decode(raw)[0]).sections.get(SITE)
    entry = section.entries.get("data_dir") if section else None
    if entry:
        yield path.parent / entry.value


def _without_secrets(source: Source) -> Over:
    """What stands in for each secret whose own file can't be read."""
    place = Place(real(source.path).parent, private=True)
    over: dict[str, dict[str, str]] = {}
    for title, section in read_lines(decode(source.config)[0]).sections.items():
        lost = [key for key, entry in section.entries.items() if _is_lost(entry.value, place)]
        if lost:
            rests = section.kind == pools.KIND or catalogue.find("channel", section.kind) is not None
            over[title] = dict.fromkeys(lost, UNFILLED if rests else STAND_IN)
    return over


def _is_lost(text: str, place: Place) -> bool:
    if not text.startswith(FROM_FILE):
        return False  # env: and cred: are the ticks' own; a tick by hand, which has none of them, is refused as ever
    try:
        secret(text, place)
    except WrongValueError:
        return True
    return False


def _read(kept: Path, path: Path) -> Config | None:
    """The config out of the file; None when there is none, it is another site's, or it isn't as it was written."""
    try:
        info = kept.stat()
        if info.st_uid not in (os.geteuid(), 0) or info.st_mode & 0o077:
            return None
        told = json.loads(kept.read_bytes())
        if told["path"] != str(real(path)):
            return None
        fleet = told["fleet"]
        source = Source(path, told["config"].encode(), None if fleet is None else fleet.encode(), PRIVATE)
        return build_config(source, _without_secrets(source)) if sha(source) == told["sha"] else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ConfigError):
        return None  # as good as none: the problems of config.txt are told instead
