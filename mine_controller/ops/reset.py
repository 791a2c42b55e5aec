"""Reset: the whole history set aside by its date, a new one begun; the wear of miners and fans where it is wanted."""

from pathlib import Path

from mine_controller.config.model import Config
from mine_controller.ops.recall import kept_book
from mine_controller.store.loading import Loaded
from mine_controller.store.note import Who
from mine_controller.store.putback import begin_anew


def reset(config: Config, now_s: int, who: Who, *, keep_wear: bool) -> Path:
    """Under the lock that the caller holds; gives the folder with the old files. Raises StoreTrouble, OSError."""
    kept = Loaded(kept_book(config.paths)) if keep_wear and config.paths.db.exists() else None
    return begin_anew(config.paths, now_s, kept, who)
