"""The policies recorded ticks ran on, for whoever decides them again."""

from functools import lru_cache

from mine_controller.core import rules
from mine_controller.core.model.policy import Policy
from mine_controller.store import query
from mine_controller.store.db import Paths
from mine_controller.store.policies import unpack_policy


class Policies:
    """The policies of recorded ticks, unpacked once a config."""

    def __init__(self, paths: Paths) -> None:
        self.paths = paths
        self._by_name: dict[tuple[str, str], Policy | None] = {}

    def of(self, config_sha: str, code: str = "") -> Policy | None:
        """The policy `code` made of that config; None when none is kept. ValueError: this program can't read it."""
        name = config_sha, code
        if name not in self._by_name:
            written = query.policy_text(self.paths, config_sha, code)
            self._by_name[name] = None if written is None else _policy(written)
        return self._by_name[name]


@lru_cache(maxsize=4)  # a year's stretches, and the service's answers, follow each other under the same few configs
def _policy(written: str) -> Policy:
    return unpack_policy(written, {rule: rules.load(rule).Options for rule in rules.NAMES})
