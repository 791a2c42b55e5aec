"""Where a room can be changed a little, and how: the places, the draw by a seed, and the changed module as byte code.

Strings are never changed (docstrings, help texts, wording), nor are annotations and what `assert` says. Everything
else of a module may be: a comparison, an operator, a number, a condition, a `return`, a statement that is left out.
"""

import ast
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType
from typing import NamedTuple, cast

PROGRAM = "mine_controller"
EDGE = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
TURN = {
    ast.Lt: ast.GtE, ast.LtE: ast.Gt, ast.Gt: ast.LtE, ast.GtE: ast.Lt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
OPERATE = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult, ast.Div: ast.Mult,
    ast.Mod: ast.Mult, ast.Pow: ast.Mult, ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr,
}  # fmt: skip
TWINS = {"min": "max", "max": "min", "any": "all", "all": "any"}
JOINED = ast.Tuple | ast.List | ast.Dict | ast.Set | ast.JoinedStr  # what is put together, not calculated
DEFINED = ast.FunctionDef | ast.AsyncFunctionDef
Change = tuple[str, str, Callable[[], ast.AST]]  # the operator, the changed piece as text, and how it is made


class Site(NamedTuple):
    """One mutant: a module's file, the number of the node in a walk, which change of that node, and what it says."""

    file: str
    node: int
    nth: int
    line: int
    operator: str
    scope: str  # the function or class it stands in, "" the module itself
    text: str  # the line as it stands
    was: str
    becomes: str

    @property
    def key(self) -> tuple[str, str, str, str, str]:
        """What names it when lines move: the file, the function, the line's text, the piece and what becomes of it."""
        return self.file, self.scope, self.text, self.was, self.becomes


def left_alone(tree: ast.AST) -> set[int]:
    """Nodes that no mutant touches: annotations, docstrings, what is asserted, the types of an `isinstance`."""
    roots: list[ast.AST] = []
    for node in ast.walk(tree):
        roots += [part for name in ("annotation", "returns") if (part := getattr(node, name, None)) is not None]
        if isinstance(node, ast.Assert):
            roots.append(node)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("isinstance", "cast"):
            roots += node.args[1:] if node.func.id == "isinstance" else node.args[:1]
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.BinOp | ast.Subscript) and _alias(node):
            roots.append(node)
    return {id(part) for root in roots for part in ast.walk(root)}


def _alias(node: ast.Assign) -> bool:
    """A type alias: a name in CamelCase given at the left edge."""
    target = node.targets[0]
    return node.col_offset == 0 and isinstance(target, ast.Name) and target.id[:1].isupper() and not target.id.isupper()


def changes(node: ast.AST, known: set[str]) -> Iterator[Change]:
    """What this node can become. `known`: names that have a value already, so that leaving out a new one is a change
    of what is calculated and not merely a name that is missing."""
    if isinstance(node, ast.Compare):
        yield from _compared(node)
    elif isinstance(node, ast.BoolOp):
        other: ast.boolop = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield _made("boolean", ast.BoolOp(other, node.values))
    elif isinstance(node, ast.BinOp) and type(node.op) in OPERATE and not _joins(node):
        yield _made("arithmetic", ast.BinOp(node.left, OPERATE[type(node.op)](), node.right))
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub):
        yield _made("drop not" if isinstance(node.op, ast.Not) else "arithmetic", node.operand)
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield _made("constant", ast.Constant(not node.value))
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        yield _made("constant", ast.Constant(_off(node.value)))
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in TWINS:
        yield _made("twin", ast.Call(ast.Name(TWINS[node.func.id], ast.Load()), node.args, node.keywords))
    elif isinstance(node, ast.stmt):
        yield from _stated(node, known)
    if isinstance(node, ast.If | ast.IfExp | ast.While | ast.comprehension):
        yield from _asked(node)


def _made(operator: str, made: ast.AST) -> Change:
    return operator, ast.unparse(made), lambda: made


def _off(value: float) -> float:
    """A number off by one; above a hundred by a tenth, as one second of a day is no fault that anyone would make."""
    if abs(value) <= 100:
        return value + 1
    return value + (value // 10 if isinstance(value, int) else value / 10)


def _joins(node: ast.BinOp) -> bool:
    parts = (node.left, node.right)
    texts = any(isinstance(part, ast.Constant) and isinstance(part.value, str) for part in parts)
    return texts or any(isinstance(part, JOINED) for part in parts)


def _compared(node: ast.Compare) -> Iterator[Change]:
    for at, op in enumerate(node.ops):
        for name, table in (("boundary", EDGE), ("comparison", TURN)):
            if (other := table.get(type(op))) is not None:
                ops = [*node.ops[:at], other(), *node.ops[at + 1 :]]
                yield _made(name, ast.Compare(node.left, ops, node.comparators))


def _stated(node: ast.stmt, known: set[str]) -> Iterator[Change]:
    """A statement that is left out, a `return` of nothing, a turned `break` or `continue`."""
    if isinstance(node, ast.Continue | ast.Break):
        yield _made("loop", ast.Break() if isinstance(node, ast.Continue) else ast.Continue())
    elif isinstance(node, ast.Return) and node.value is not None and ast.unparse(node.value) != "None":
        yield _made("return None", ast.Return(ast.Constant(None)))
    elif _can_go(node, known):
        yield _made("statement", ast.Pass())
    elif (
        isinstance(node, ast.If)
        and not node.orelse
        and isinstance(node.body[-1], ast.Return | ast.Continue | ast.Raise)
    ):
        yield "guard", "if False", lambda: ast.If(ast.Constant(value=False), node.body, [])


def _can_go(node: ast.stmt, known: set[str]) -> bool:
    if isinstance(node, ast.Assign):
        return all(_has_value(target, known) for target in node.targets)
    called = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    return called or isinstance(node, ast.Raise | ast.AugAssign)


def _has_value(target: ast.expr, known: set[str]) -> bool:
    return target.id in known if isinstance(target, ast.Name) else isinstance(target, ast.Attribute | ast.Subscript)


def _asked(node: ast.If | ast.IfExp | ast.While | ast.comprehension) -> Iterator[Change]:
    """A condition that is turned round, and a filter that lets everything through."""
    for at, test in enumerate(node.ifs if isinstance(node, ast.comprehension) else [node.test]):
        if not isinstance(test, ast.Compare | ast.UnaryOp):
            yield "condition", f"not ({ast.unparse(test)})", _with(node, at, ast.UnaryOp(ast.Not(), test))
        if isinstance(node, ast.comprehension):
            yield "condition", f"{ast.unparse(test)} left out", _with(node, at, ast.Constant(value=True))


def _with(node: ast.If | ast.IfExp | ast.While | ast.comprehension, at: int, test: ast.expr) -> Callable[[], ast.AST]:
    def make() -> ast.AST:
        if isinstance(node, ast.comprehension):
            node.ifs[at] = test
        else:
            node.test = test
        return node

    return make


def numbered(tree: ast.AST) -> Iterator[tuple[int, ast.AST, list[Change]]]:
    """Every node that can change, with its number in the walk and its changes."""
    alone, known = left_alone(tree), _values(tree)
    for number, node in enumerate(ast.walk(tree)):
        if id(node) not in alone and (found := list(changes(node, known.get(id(node), set())))):
            yield number, node, found


def _values(tree: ast.AST) -> dict[int, set[str]]:
    """For each assignment in a function, the names that are given elsewhere in it as well (or are its arguments)."""
    out: dict[int, set[str]] = {}
    for function in ast.walk(tree):
        if not isinstance(function, DEFINED):
            continue
        args = function.args
        names = {one.arg for one in (*args.args, *args.kwonlyargs, *args.posonlyargs)}
        first: dict[str, int] = {}
        for node in ast.walk(function):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                first[node.id] = min(first.get(node.id, node.lineno), node.lineno)
        for node in ast.walk(function):
            if isinstance(node, ast.Assign):
                out[id(node)] = names | {name for name, line in first.items() if line < node.lineno}
    return out


def sites(root: Path, file: str) -> list[Site]:
    """Every mutant of one file. What stands twice in a line is numbered."""
    source = (root / file).read_text(encoding="utf-8")
    tree, lines, out = ast.parse(source), source.splitlines(), []
    scopes, met = _scopes(tree), Counter[tuple[str, str, str, str]]()
    for number, node, found in numbered(tree):
        line = node.target.lineno if isinstance(node, ast.comprehension) else int(getattr(node, "lineno", 0))
        was = f"if {ast.unparse(node.test)}" if isinstance(node, ast.If) else ast.unparse(node).partition("\n")[0]
        scope, text = scopes.get(id(node), ""), lines[line - 1].strip()
        for nth, (operator, becomes, _) in enumerate(found):
            met[scope, text, was, becomes] += 1
            again = met[scope, text, was, becomes]
            shown = f"{becomes} ({again})" if again > 1 else becomes
            out.append(Site(file, number, nth, line, operator, scope, text, was, shown))
    return out


def _scopes(tree: ast.AST) -> dict[int, str]:
    """The dotted name of the function or class each node stands in."""
    out: dict[int, str] = {}

    def go(node: ast.AST, scope: str) -> None:
        out[id(node)] = scope
        inner = isinstance(node, ast.ClassDef | DEFINED)
        name = f"{scope}.{node.name}".lstrip(".") if isinstance(node, ast.ClassDef | DEFINED) else scope
        for child in ast.iter_child_nodes(node):
            go(child, name if inner else scope)

    go(tree, "")
    return out


def modules(root: Path, room: str) -> list[Path]:
    """The modules of a room, or the one module that is a room by itself."""
    alone = root / PROGRAM / f"{room}.py"
    return [alone] if alone.exists() else sorted((root / PROGRAM / room).rglob("*.py"))


def draw(root: Path, room: str, seed: int, count: int) -> list[Site]:
    """`count` different mutants of a room, each module its share by its places; same tree and seed, same ones."""
    files = [str(path.relative_to(root)) for path in modules(root, room)]
    found = {file: some for file in files if (some := sites(root, file))}
    total = sum(map(len, found.values()))
    count = min(count, total)
    exact = {file: count * len(some) / total for file, some in found.items()}
    share = {file: int(part) for file, part in exact.items()}
    by_rest = sorted(exact, key=lambda file: (share[file] - exact[file], file))
    for file in by_rest[: count - sum(share.values())]:
        share[file] += 1
    drawn: list[Site] = []
    for file, some in found.items():
        drawn += random.Random(f"{seed} {file}").sample(some, share[file])  # noqa: S311 - a draw, not a secret
    return sorted(drawn)


class _Swap(ast.NodeTransformer):
    def __init__(self, aim: ast.AST, other: ast.AST) -> None:
        self.aim, self.other = aim, other

    def visit(self, node: ast.AST) -> ast.AST:
        return self.other if node is self.aim else self.generic_visit(node)


def planted(source: str, path: str, site: Site) -> CodeType:
    """The module with that one change; lines keep their numbers."""
    tree = ast.parse(source)
    aim, found = next((node, found) for number, node, found in numbered(tree) if number == site.node)
    other = found[site.nth][2]()
    if other is not aim and hasattr(aim, "lineno"):
        ast.copy_location(other, aim)
    whole = tree if other is aim else _Swap(aim, other).visit(tree)
    return compile(cast("ast.Module", ast.fix_missing_locations(whole)), path, "exec")


def reach(source: str, site: Site) -> tuple[set[int], set[str]]:
    """The lines any of which a test must run to meet the mutant; or, where it is met at import, the names it gives."""
    tree = ast.parse(source)
    aim = next(node for number, node in enumerate(ast.walk(tree)) if number == site.node)
    path = _path(tree, aim)
    functions = [node for node in path if isinstance(node, DEFINED | ast.Lambda)]
    inside = bool(functions) and not any(aim is part for part in ast.walk(functions[0].args))
    if inside:
        stated = [node for node in path if isinstance(node, ast.stmt)][-1]
        body = getattr(stated, "body", None)
        last = body[0].lineno - 1 if body else stated.end_lineno or stated.lineno
        return set(range(stated.lineno, max(last, stated.lineno) + 1)), set()
    names = {name for node in path for name in _gives(node)}
    return set(), names


def _path(tree: ast.AST, aim: ast.AST) -> list[ast.AST]:
    """From the module's statement down to the node."""
    for child in ast.iter_child_nodes(tree):
        if child is aim:
            return [child]
        if found := _path(child, aim):
            return [child, *found]
    return []


def _gives(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.ClassDef | DEFINED):
        yield node.name
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        yield from (part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name))


def made_of(source: str, names: set[str]) -> set[str]:
    """These names of a module and those it makes of them where it is imported: a table out of its rows."""
    found = set(names)
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            used = {part.id for part in ast.walk(node.value) if isinstance(part, ast.Name)}
            found |= set(_gives(node)) if used & found else set()
    return found


def tally(drawn: list[Site]) -> dict[str, int]:
    """How many of each operator."""
    out: dict[str, int] = defaultdict(int)
    for site in drawn:
        out[site.operator] += 1
    return dict(sorted(out.items()))
