"""The typed policy and wiring a tick ran on, kept once per config hash without secrets: what replay decides with."""

import json
import sqlite3
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from mine_controller.core.model.alarm import AlarmPolicy
from mine_controller.core.model.policy import Policy, PoolFacts, SiteOptions
from mine_controller.core.model.wiring import Wiring
from mine_controller.core.option import Secret
from mine_controller.store.codec import text


def pack_policy(policy: Policy) -> str:
    """Give a policy as JSON; tuples with names as objects, secrets as stars."""
    return text(_tree(policy))


def policy_key(db: sqlite3.Connection | None, config_sha: str, code: str, written: str) -> str:
    """Give the key to keep a policy under: the hash of its config, which other programs may have read otherwise.

    db None: what is kept already can't be asked, or one waits for the disk still.
    """
    if db is None:
        return coded(config_sha, code)
    found = db.execute("SELECT policy FROM configs WHERE sha = ?", (config_sha,)).fetchone()
    return config_sha if found is None or found[0] == written else coded(config_sha, code)


def coded(config_sha: str, code: str) -> str:
    """The key of what one program made of a config, beside what another did."""
    return f"{code} {config_sha}"


def _tree(value: Any) -> Any:
    if isinstance(value, Secret):
        return str(value)
    if hasattr(value, "_asdict"):
        return {name: _tree(inner) for name, inner in value._asdict().items()}
    if isinstance(value, dict):
        return {name: _tree(inner) for name, inner in value.items()}
    if isinstance(value, tuple | list):
        return [_tree(inner) for inner in value]
    return value


def unpack_policy(written: str, options: Mapping[str, Any]) -> Policy:
    """Undo `pack_policy`; `options` gives each rule's Options by its name, and a rule without one is left out.

    Raises ValueError for a policy this program's types can't hold.
    """
    tree = json.loads(written)
    try:
        rules = {name: build(options[name], held) for name, held in tree["rules"].items() if name in options}
        alarms = build(AlarmPolicy, tree.get("alarms", {}))
        pools = build(tuple[PoolFacts, ...], tree.get("pools", ()))
        return Policy(build(SiteOptions, tree["site"]), rules, build(Wiring, tree["wiring"]), pools, alarms)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"this program can't read that policy: {error!r}") from error


def build(kind: Any, tree: Any) -> Any:
    """Make a value of a type out of JSON, by its annotations. Fields the type no longer has are left out."""
    if hasattr(kind, "_fields"):
        hints = get_type_hints(kind)
        return kind(**{name: build(hints[name], held) for name, held in tree.items() if name in hints})
    origin, inner = get_origin(kind), get_args(kind)
    if origin is tuple:
        kinds = [inner[0]] * len(tree) if inner[-1] is Ellipsis else inner
        return tuple(build(each, held) for each, held in zip(kinds, tree, strict=True))
    if origin is dict:
        return {name: build(inner[1], held) for name, held in tree.items()}
    if origin in (Union, UnionType):
        return None if tree is None else build(next(each for each in inner if each is not NoneType), tree)
    return kind(tree) if kind in (float, Secret) else tree
