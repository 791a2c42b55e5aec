"""[pool NAME]: where miners work. Its name is what people, rules and units' own words call it."""

from collections.abc import Iterable, Mapping

from mine_controller.config.lines import Entry, Section, nearest
from mine_controller.config.work import Work
from mine_controller.core.model.policy import PoolFacts
from mine_controller.core.model.pool import Pool
from mine_controller.core.money.bands import never_mines
from mine_controller.core.option import Secret, option
from mine_controller.record import NamedTuple

KIND = "pool"
RESERVED = ("other",)  # how a unit's pool is called that no section names


class Options(NamedTuple):
    """One pool."""

    url: str = option(kind="stratum", help="where miners connect", example="stratum+tcp://pool.example:3333")
    user: str = option(help="the worker's name there, for many pools the wallet's address")
    password: Secret = option("", help="its password; most pools take anything, and get x")
    coin: str = option("", help="what is mined there; who can't mine it is not put there", example="BTC")
    fallback: str = option("", help="name of the pool that stands in while this one is down", example="reserve")


class Read(NamedTuple):
    """The pools that are filled in, by name, and the names of those that are not yet."""

    pools: dict[str, Pool]
    pending: tuple[str, ...]


def read(sections: Iterable[Section], work: Work) -> Read:
    """Every [pool NAME]; problems and what is not yet active are told to `work`."""
    pools: dict[str, Pool] = {}
    pending: list[str] = []
    mine = [section for section in sections if section.kind == KIND]
    for section in mine:
        if not section.name or section.name in RESERVED:
            text = f"can't be called {section.name}" if section.name else "needs a name, like [pool main]"
            work.tell(section.line, section.title, "", text)
            continue
        filled = work.fill(section, Options)
        if filled.unfilled:
            work.note(section.line, section.title, "", f"not yet active: fill in {', '.join(filled.unfilled)}")
            pending.append(section.name)
        elif filled.options is not None:
            pools[section.name] = _pool(section.name, filled.options)
        else:
            pending.append(section.name)  # what is wrong with it is told already
    for section in mine:
        _fallback(section, pools, (*pools, *pending), work)
    return Read(pools, tuple(pending))


def _pool(name: str, options: Options) -> Pool:
    password = options.password if options.password.reveal_length() else Secret("x")
    return Pool(name, options.url, options.user, password, options.coin, options.fallback)


def _fallback(section: Section, pools: Mapping[str, Pool], known: tuple[str, ...], work: Work) -> None:
    name = pools[section.name].fallback if section.name in pools else ""
    if not name:
        return
    line = section.entries["fallback"].line
    if name == section.name:
        work.tell(line, section.title, "fallback", "can't stand in for itself")
    elif name not in known:
        work.tell(line, section.title, "fallback", f"there is no [pool {name[:40]}]{nearest(name, known)}")


def named(section: Section, entry: Entry, names: Iterable[str], found: Read, work: Work) -> tuple[Pool, ...]:
    """The pools an option names; an unknown name is a problem, one not yet active is left out with a note."""
    out = []
    for name in names:
        if name in found.pools:
            out.append(found.pools[name])
        elif name in found.pending:
            work.note(entry.line, section.title, entry.key, f"[pool {name}] is left out while it is not yet active")
        else:
            known = (*found.pools, *found.pending)
            work.tell(entry.line, section.title, entry.key, f"there is no [pool {name[:40]}]{nearest(name, known)}")
    return tuple(out)


def facts(pools: Iterable[Pool]) -> tuple[PoolFacts, ...]:
    """What rules may know of them."""
    return tuple(PoolFacts(pool.name, pool.coin, pool.host, pool.fallback) for pool in pools)


def names_for(title: str, pools: Iterable[Pool]) -> tuple[str, ...]:
    """Those of a section's pools that its miners can be put on."""
    return tuple(pool.name for pool in pools if not never_mines(title, pool.coin))
