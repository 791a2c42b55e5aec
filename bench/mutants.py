"""Mutation testing of core/: one small change at a time, drawn by a seed, and whether the suite notices.

    python bench/mutants.py --seed 7 --count 400 --minutes 60

Every mutant lives in a copy of the tree; the project itself is not touched. A mutant is one turned comparison, one
swapped operator, one number off by one, one dropped `not`, one turned boolean, one left-out statement. It is killed
when a test fails, or does not end in time. What survives is printed with its line, for a person to explain or to kill.
"""

import argparse
import ast
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
TREE = ("mine_controller", "tests", "templates", "www", "sites", "bench", "cron", "pyproject.toml")
LEFT_OUT = ("words.py", "option.py", "catalogue.py", "advice.py")  # texts and declarations: other tests read those
TESTS = ("tests/core", "tests/laws", "tests/planted", "tests/test_tick.py")
QUICK = ("--deselect", "tests/laws/test_machine.py")
LONGEST_S = 420
COMPARE = {"Lt": ast.LtE, "LtE": ast.Lt, "Gt": ast.GtE, "GtE": ast.Gt, "Eq": ast.NotEq, "NotEq": ast.Eq,
           "Is": ast.IsNot, "IsNot": ast.Is, "In": ast.NotIn, "NotIn": ast.In}  # fmt: skip
OPERATE = {"Add": ast.Sub, "Sub": ast.Add, "Mult": ast.FloorDiv, "FloorDiv": ast.Mult}


class Mutant(NamedTuple):
    """A file, the number of the node in the order of a walk, and what it becomes in words."""

    file: str
    node: int
    line: int
    what: str


def nodes(tree: ast.AST) -> Iterator[tuple[int, ast.AST]]:
    """Every node of functions' bodies, numbered; declarations outside are left alone, and so are annotations."""
    skipped = {
        id(part)
        for node in ast.walk(tree)
        for field in ("annotation", "returns")
        if (found := getattr(node, field, None)) is not None
        for part in ast.walk(found)
    }
    inside = {id(node) for found in ast.walk(tree) if isinstance(found, ast.FunctionDef) for node in ast.walk(found)}
    for number, node in enumerate(ast.walk(tree)):
        if id(node) in inside and id(node) not in skipped:
            yield number, node


def change(node: ast.AST) -> str:
    """Say what this node would become, "" nothing."""
    name = type(getattr(node, "ops", [None])[0]).__name__ if isinstance(node, ast.Compare) else ""
    if name in COMPARE:
        return f"{name} -> {COMPARE[name].__name__}"
    if isinstance(node, ast.BoolOp):
        return "and -> or" if isinstance(node.op, ast.And) else "or -> and"
    if isinstance(node, ast.BinOp) and type(node.op).__name__ in OPERATE:
        return f"{type(node.op).__name__} -> {OPERATE[type(node.op).__name__].__name__}"
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        return f"{node.value} -> {not node.value}"
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return f"{node.value} -> {node.value + 1}"
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return "not x -> x"
    if isinstance(node, ast.Assign | ast.AugAssign) and not isinstance(getattr(node, "targets", [None])[0], ast.Name):
        return "left out"
    return ""


class _Turn(ast.NodeTransformer):
    def __init__(self, aim: ast.AST) -> None:
        self.aim = aim

    def visit(self, node: ast.AST) -> ast.AST:
        self.generic_visit(node)
        if node is not self.aim:
            return node
        if isinstance(node, ast.Compare):
            node.ops[0] = COMPARE[type(node.ops[0]).__name__]()
        elif isinstance(node, ast.BoolOp):
            node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        elif isinstance(node, ast.BinOp):
            node.op = OPERATE[type(node.op).__name__]()
        elif isinstance(node, ast.Constant):
            node.value = (not node.value) if isinstance(node.value, bool) else int(str(node.value)) + 1
        elif isinstance(node, ast.UnaryOp):
            return node.operand
        else:
            return ast.copy_location(ast.Pass(), node)
        return node


def draw(seed: int, count: int) -> list[Mutant]:
    """`count` different mutants of core/, drawn by the seed. The same tree and seed give the same ones."""
    found = []
    for path in sorted((ROOT / "mine_controller/core").rglob("*.py")):
        if path.name in LEFT_OUT or path.parent.name == "model":
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        name = str(path.relative_to(ROOT))
        found += [
            Mutant(name, number, getattr(node, "lineno", 0), what)
            for number, node in nodes(tree)
            if (what := change(node))
        ]
    return random.Random(seed).sample(found, min(count, len(found)))  # noqa: S311 - a draw, not a secret


def mutate(text: str, mutant: Mutant) -> str:
    """The file with that one change."""
    tree = ast.parse(text)
    aim = next(node for number, node in nodes(tree) if number == mutant.node)
    return ast.unparse(ast.fix_missing_locations(_Turn(aim).visit(tree)))


class Copy:
    """A copy of the tree in which one mutant lives at a time."""

    def __init__(self) -> None:
        self.at = Path(tempfile.mkdtemp(prefix="minectl-mutant-"))
        for name in TREE:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, self.at / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, self.at / name)

    def kills(self, mutant: Mutant) -> bool:
        """Whether the suite notices."""
        path = self.at / mutant.file
        right = path.read_text(encoding="utf-8")
        path.write_text(mutate(right, mutant), encoding="utf-8")
        try:
            return self.run(_near(mutant, self.at)) or self.run(TESTS)
        finally:
            path.write_text(right, encoding="utf-8")

    def run(self, tests: tuple[str, ...]) -> bool:
        """True when something fails, or nothing ends."""
        if not tests:
            return False
        env = {**os.environ, "PYTHONPATH": str(self.at), "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests, *QUICK]
        try:
            found = subprocess.run(command, cwd=self.at, env=env, capture_output=True, timeout=LONGEST_S, check=False)
        except subprocess.TimeoutExpired:
            return True
        return found.returncode not in (0, 5)


def _near(mutant: Mutant, root: Path) -> tuple[str, ...]:
    """The tests that speak of that module, first: most mutants die there within seconds."""
    stem = Path(mutant.file).stem
    near = [
        path for path in sorted((root / "tests/core").glob("test_*.py")) if stem in path.read_text(encoding="utf-8")
    ]
    named = [path for path in near if stem.rstrip("s") in path.stem]
    return tuple(str(path.relative_to(root)) for path in (*named, *near[:4]))


def main() -> int:
    """Draw, try, tell."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--count", type=int, default=400)
    asked.add_argument("--minutes", type=float, default=60)
    asked.add_argument("--jobs", type=int, default=2)
    asked.add_argument("--trust", action="store_true", help="leave out the run without a mutant")
    asked.add_argument("--least", type=float, default=0.0, help="exit 1 under this share of killed ones, in percent")
    given = asked.parse_args()
    copies = [Copy() for _ in range(given.jobs)]
    if not given.trust and copies[0].run(TESTS):
        print("the suite fails without any mutant")
        return 2
    ends, mutants = time.monotonic() + given.minutes * 60, draw(given.seed, given.count)
    print(f"seed {given.seed}: {len(mutants)} mutants", flush=True)

    def work(at: int) -> list[tuple[Mutant, bool]]:
        out = []
        for mutant in mutants[at :: given.jobs]:
            if time.monotonic() > ends:
                break
            out.append((mutant, copies[at].kills(mutant)))
            print("killed  " if out[-1][1] else "SURVIVED", f"{mutant.file}:{mutant.line} {mutant.what}", flush=True)
        return out

    with ThreadPoolExecutor(given.jobs) as pool:
        tried = [one for part in pool.map(work, range(given.jobs)) for one in part]
    for copy in copies:
        shutil.rmtree(copy.at)
    killed = sum(dead for _, dead in tried)
    share = 100 * killed / max(1, len(tried))
    print(json.dumps({"seed": given.seed, "tried": len(tried), "killed": killed, "score_pct": round(share, 1)}))
    return int(share < given.least)


if __name__ == "__main__":
    sys.exit(main())
