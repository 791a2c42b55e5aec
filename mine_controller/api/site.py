"""The site as it is now: its config and its tokens, read again when their files change."""

import threading
from pathlib import Path

from mine_controller.config.lastgood import load_or_last_good
from mine_controller.config.model import Config
from mine_controller.ops import tokens
from mine_controller.ops.tokens import Token, TokenError

Stamp = tuple[tuple[int, int, int] | None, ...]


def stamp(*paths: Path) -> Stamp:
    """What changes when a file is replaced or written."""
    return tuple(_one(path) for path in paths)


def _one(path: Path) -> tuple[int, int, int] | None:
    try:
        info = path.stat()
    except OSError:
        return None
    return info.st_ino, info.st_size, info.st_mtime_ns


class Site:
    """What a service needs to know of the site it serves. `edits` is held by whoever changes its files."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.edits = threading.Lock()
        self._lock = threading.Lock()
        self._config: tuple[Stamp, Config] | None = None
        self._tokens: tuple[Stamp, tuple[Token, ...]] | None = None

    def config(self) -> Config:
        """The config, or the last good one. ConfigError when there is neither."""
        found = stamp(self.path, self.path.parent / "fleet.csv")
        with self._lock:
            if self._config is None or self._config[0] != found or self._config[1].last_good:
                self._config = (found, load_or_last_good(self.path))  # a secret's file may be there again
            return self._config[1]

    def tokens(self) -> tuple[Token, ...]:
        """The tokens that count. TokenError: none does, and why."""
        paths = self.config().paths
        found = stamp(tokens.path_of(paths))
        with self._lock:
            if self._tokens is None or self._tokens[0] != found:
                self._tokens = None
                self._tokens = (found, tokens.load(paths))
            return self._tokens[1]

    def token_of(self, text: str) -> Token | None:
        """Whose token this is; None: nobody's, also while the file of tokens is not fit to be used."""
        try:
            return tokens.find(self.tokens(), text)
        except TokenError:
            return None  # /healthz tells it; a damaged file opens no door
