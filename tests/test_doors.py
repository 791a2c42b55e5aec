"""Who may import whom. docs/architecture.md draws the same picture for people."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1] / "mine_controller"

# A room and the rooms it may use; its own is always open. Whoever is not listed is open to `cli` alone.
OPEN = {
    "packaged": "",
    "record": "",
    "core": "",
    "wire": "",
    "devices": "core wire",
    "notify": "core wire",
    "store": "core",
    "render": "core",
    "twin": "core wire",
    "stratum": "",
    "collect": "wire",  # a process of its own that hears and keeps; what to hear it is told by whoever starts it
    "config": "core devices notify",
    "tick": "core config",  # the list of steps; it names the ports it needs and knows none of them
    "ports": "core wire devices notify store render config tick",
    "play": "core wire devices notify store render twin config ports tick",
    "ops": "core wire devices notify store render twin config ports tick",
    "api": "core store render config ops packaged",  # neither wire nor devices: it can't open a line to a miner
    "cli": "core wire devices notify store render twin config ports tick play ops stratum collect api",
}
IMPURE = "os sys time random socket sqlite3 pathlib datetime subprocess threading logging requests zoneinfo uuid"
FILES = sorted(ROOT.rglob("*.py"))


def room(name: str) -> str:
    return name.partition(".")[0]


def where(file: Path) -> str:
    return file.relative_to(ROOT).parts[0].removesuffix(".py")


def imported(text: str, package: tuple[str, ...]) -> Iterator[str]:
    """Every imported module by its full name; also those imported inside functions."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else ()
            module = ".".join((*base, *([node.module] if node.module else [])))
            yield from (f"{module}.{alias.name}" for alias in node.names)


def imports(file: Path) -> tuple[str, ...]:
    return tuple(imported(file.read_text(), ("mine_controller", *file.relative_to(ROOT).parts[:-1])))


def ours(file: Path) -> set[str]:
    mine = "mine_controller."
    return {room(name.removeprefix(mine)) for name in imports(file) if name.startswith(mine)}


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_room_imports_only_through_its_doors(file):
    here = where(file)
    allowed = {here, "__version__", "packaged", "record", *OPEN.get(here, " ".join(OPEN)).split()}
    assert ours(file) <= allowed, f"{here} may use {sorted(allowed)}"


@pytest.mark.parametrize("file", sorted((ROOT / "core").rglob("*.py")), ids=lambda file: str(file.relative_to(ROOT)))
def test_the_core_knows_no_clock_no_chance_and_no_world(file):
    assert {room(name) for name in imports(file)}.isdisjoint(IMPURE.split())


def test_every_room_has_its_doors_written_down():
    assert {where(file) for file in FILES} - {"__init__"} <= set(OPEN)


def test_an_import_inside_a_function_or_behind_a_dot_is_seen():
    text = "def f():\n    import time\n    from ..store import db\n    from mine_controller import wire\n"
    seen = tuple(imported(text, ("mine_controller", "core")))
    assert seen == ("time", "mine_controller.store.db", "mine_controller.wire")
