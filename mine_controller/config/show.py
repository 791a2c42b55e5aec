"""A config as it counts: typed, defaults filled in, secrets as stars. For people, `--json` and the debug form."""

from typing import Any

from mine_controller.config import alarms
from mine_controller.config.edit import STARS, EditError, split_key
from mine_controller.config.lines import Section, nearest, read
from mine_controller.config.load import SITE
from mine_controller.config.model import Config
from mine_controller.config.wiring import STOP_KEY, TITLE
from mine_controller.core.model.pool import Pool
from mine_controller.core.model.wiring import FanSpec, Wiring
from mine_controller.core.option import Secret

Tree = dict[str, dict[str, Any]]


def tree(config: Config) -> Tree:
    """Section -> option -> JSON-native value, in the order of a config.txt."""
    out: Tree = {SITE: _options(config.facts)}
    written = _written(config)
    for name, options in config.policy.rules.items():
        if getattr(options, "_fields", ()):
            own = {key: told for key, told in _options(options).items() if key != "sections"}
            out |= {name: own} if own else {}
            out |= {f"{name} {one}": _options(section) for one, section in getattr(options, "sections", ())}
    for title, endpoint in config.endpoints.items():
        common = {"every_s": endpoint.every_s, "live": endpoint.live, "budget_s": endpoint.budget_s}
        through = written[title].entries.get("through") if title in written else None
        out[title] = _options(endpoint.options) | common | ({"through": through.value} if through else {})
    out |= {f"pool {pool.name}": _pool(pool) for pool in config.pools}
    out |= {title: _options(options) for title, options in config.channels.items()}
    if config.keep is not None:
        out["keep"] = _options(config.keep)
    out |= alarms.tree(config.policy.alarms)
    out[TITLE] = _wiring(config.policy.wiring)
    return out


def value(config: Config, key: str) -> Any:
    """One value as it counts; EditError when there is no such key."""
    title, option = split_key(key)
    known = tree(config)
    if title not in known and title in _written(config):
        raise EditError(f"[{title}] takes no part yet, and `minectl config check` says why")
    if title not in known:
        raise EditError(f"there is no section [{title}]{nearest(title, known)}")
    if option not in known[title]:
        raise EditError(f"[{title}] has no option {option}{nearest(option, known[title])}")
    return known[title][option]


def _written(config: Config) -> dict[str, Section]:
    return read(config.texts[0].reveal()).sections


def text(value: Any) -> str:
    """A value as config.txt writes it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(str(part) for part in value)
    return f"{value:g}" if isinstance(value, float) and abs(value) < 1e6 else str(value)


def page(config: Config) -> str:
    """The whole config as text."""
    blocks = []
    for title, options in tree(config).items():
        lines = [f"{name} = {text(value)}" for name, value in options.items() if value not in ("", [])]
        blocks.append("\n".join((f"[{title}]", *lines)))
    return "\n\n".join(blocks)


def _options(options: Any) -> dict[str, Any]:
    return {name: _plain(value) for name, value in options._asdict().items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Secret):
        return STARS if value.reveal_length() else ""
    if isinstance(value, tuple):
        return [part.name if isinstance(part, Pool) else part for part in value]
    return value


def _pool(pool: Pool) -> dict[str, Any]:
    return {name: told for name, told in _options(pool).items() if name != "name"}


def _wiring(wiring: Wiring) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name, role in wiring.roles.items():
        channels = [key.rpartition(":")[0] for key in role.keys if key != STOP_KEY]
        if channels:
            out[name] = channels
            out[f"max_age {name}"] = role.max_age_s
    out |= {f"fan {fan.name}": _fan(fan) for fan in wiring.fans}
    out |= {
        f"breaker {breaker.name}": f"{breaker.limit_w} W continuous"
        + (f" phase {breaker.phase}" if breaker.phase else "")
        for breaker in wiring.breakers
    }
    out |= {f"phase {phase.name}": f"{phase.limit_w} W continuous" for phase in wiring.phases}
    out |= {f"uplink {uplink.name}": uplink.channel for uplink in wiring.uplinks}
    single = (("dummy_pool", wiring.dummy_pool), ("wall", wiring.wall), ("lamp", wiring.lamp))
    out |= {name: channel for name, channel in single if channel}
    out["miners"] = len(wiring.miners)
    out["absent"] = list(wiring.absent)
    return out


def _fan(fan: FanSpec) -> list[str]:
    parts = [f"switch {fan.switch}", f"watts {fan.watts}" if fan.watts else "", f"normal {fan.normal_w}"]
    return [part for part in (*parts, "active_low" if fan.active_low else "") if part]
