"""What one hour of keeping leaves to the next: backups/kept.json, read by every tick."""

import json
from pathlib import Path
from typing import Any

from mine_controller.config.model import Paths
from mine_controller.record import NamedTuple

NAME = "kept.json"
HOUR_S = 3600


class Kept(NamedTuple):
    """What one hour leaves to the next. `hour` since 1970; `whole_at` wall time; `cut` copies cut short.

    `trouble`: what went wrong in that hour, "" when nothing did.
    """

    hour: int = 0
    whole_at: int = 0
    cut: int = 0
    trouble: str = ""


def is_due(paths: Paths, now_s: int) -> bool:
    """True when no keeping was done in this hour yet."""
    return read_kept(paths).hour != now_s // HOUR_S and paths.db.exists()


def read_kept(paths: Paths) -> Kept:
    """What the last hour of keeping left; nothing of use is a first hour: a copy too many does no harm."""
    return _read(paths.run if (paths.run / NAME).exists() else paths.backups)


def _read(folder: Path) -> Kept:
    try:
        told: Any = json.loads((folder / NAME).read_bytes())
        return Kept(int(told["hour"]), int(told["whole_at"]), int(told["cut"]), str(told["trouble"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Kept()


def write_kept(paths: Paths, kept: Kept) -> None:
    """Keep it for the next hour, beside the copies, else in memory. Raises OSError when neither can be written."""
    try:
        _write(paths.backups, kept)
        (paths.run / NAME).unlink(missing_ok=True)
    except OSError:
        _write(paths.run, kept)


def _write(folder: Path, kept: Kept) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f".{NAME}"
    draft.write_text(json.dumps(kept._asdict()), encoding="ascii")
    draft.replace(folder / NAME)
