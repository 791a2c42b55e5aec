"""The pools of a site as rows: facts of their sections, and their health as the last tick saw it."""

from typing import Any

from mine_controller.config.model import Config
from mine_controller.core.fleet import sum_up
from mine_controller.core.pools.health import Health, healths
from mine_controller.ops.prices import frozen


def rows(config: Config) -> list[dict[str, Any]]:
    """Every active pool: the fields of `Health`, its address and its fallback; never a user. Raises StoreTrouble."""
    book, policy = frozen(config), config.policy
    found: dict[str, Health] = {}
    if book.image is not None:
        lit = sum_up(book.image, book.state, policy.wiring).on
        memory = book.state.memory.get("failover", {})
        found = {one.name: one for one in healths(book.image, policy.wiring, policy.pools, memory, lit)}
    return [
        {
            **found.get(pool.name, _unseen(pool.name, pool.coin))._asdict(),
            "address": f"{pool.host}:{pool.port}",
            "fallback": pool.fallback,
        }
        for pool in config.pools
    ]


def _unseen(name: str, coin: str) -> Health:
    return Health(name, coin, "unknown", "no tick has seen it", 0, 0, None, None, None, None, "")
