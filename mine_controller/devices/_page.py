"""Finding the one text on a web page that carries a signal: what a reader sees, and where on the page it stands.

Everything here is about what is visible. Texts are normalised: compatibility forms folded (NFKC), dashes made plain,
white space collapsed, case folded, so that what looks the same is the same. What is struck out is visible and holds no
more: it stands between two ~, and is so no word of a list.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mine_controller.devices.kind import BadReply
from mine_controller.record import NamedTuple

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag

LONGEST_TEXT = 400  # a located text longer than this is a paragraph, not a signal
WIDEST_SPAN = 40  # columns or rows one table cell may cover
MOST_CELLS = 20_000
MOST_PLACES = 200  # what a selector may fit: each is read with all that lies in it
DEEPEST = 1000  # tags within tags (old pages leave theirs open): the time to look through grows with its square
MOST_LOOKS = 2_000_000  # depths of all nodes summed, which is how often they are looked at: about 1 us each
MOST_OPEN = 1000  # comments that never end: the parser looks for the end of each to the end of the page
_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"), "-")
_UNSEEN = ("script", "style", "template", "noscript", "iframe", "object", "svg", "head", "select", "textarea")
_INLINE = frozenset(("a", "abbr", "b", "bdi", "bdo", "cite", "code", "data", "dfn", "em", "font", "i", "ins", "kbd"))
_INLINE |= {"acronym", "big", "del", "nobr", "output", "strike"}
_INLINE |= {"label", "mark", "q", "s", "samp", "small", "span", "strong", "time", "tt", "u", "var", "wbr"}
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_STRUCK = ("del", "s", "strike")
_STRUCK_STYLE = re.compile(r"text-decoration[a-z-]*\s*:[^;]*line-through", re.IGNORECASE)
STRUCK = "~"  # stands around what is struck out: no word of a list then, nor a number
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)


class Line(NamedTuple):
    """One visible line; `level` is 1 to 6 for a heading and 0 for text."""

    text: str
    level: int = 0


def plain(text: str) -> str:
    """The normalised form in which everything is compared."""
    folded = unicodedata.normalize("NFKC", text).translate(_DASHES)
    seen = "".join(letter for letter in folded if unicodedata.category(letter) != "Cf")
    return " ".join(seen.split()).casefold()


def soup(text: str) -> "BeautifulSoup":
    """The page as a tree without what nobody sees. Raises BadReply where it is nested beyond reading."""
    import bs4  # noqa: PLC0415 - a tick whose page has not changed does not pay for it

    if text.count("<!--") - text.count("-->") > MOST_OPEN:
        raise BadReply(f"the page leaves more than {MOST_OPEN} comments open")
    try:
        tree = bs4.BeautifulSoup(text, "html.parser")
        _check_depth(tree)
        for comment in tree.find_all(string=lambda string: isinstance(string, bs4.element.PreformattedString)):
            comment.extract()
        for node in tree.find_all(_is_unseen):
            node.extract()
    except (RecursionError, AssertionError, bs4.builder.ParserRejectedMarkup, ValueError):
        # html.parser gives up with an AssertionError on some broken declarations
        raise BadReply("the page can't be read as HTML") from None
    return tree


def _check_depth(tree: "BeautifulSoup") -> None:
    """Whoever reads every cell of a page with all that lies in it looks at a node as often as it is deep."""
    depth, looks, nodes = 0, 0, tree.contents
    while nodes:
        depth, looks = depth + 1, looks + (depth + 1) * len(nodes)
        if depth > DEEPEST:
            raise BadReply(f"the page has more than {DEEPEST} tags within each other")
        nodes = [child for node in nodes for child in getattr(node, "contents", ())]
    if looks > MOST_LOOKS:
        raise BadReply("the page has tags nested too deeply in too many places")


def _is_unseen(node: "Tag") -> bool:
    if node.name in _UNSEEN:
        return True
    return node.has_attr("hidden") or bool(_HIDDEN.search(str(node.get("style") or "")))


def title_of(text: str) -> str:
    """The page's title, normalised; a captive portal often says what it is only there."""
    found = re.search(r"<title[^>]{0,200}>(.{0,400}?)</title", text, re.IGNORECASE | re.DOTALL)
    return plain(found[1]) if found else ""


def has_password(tree: "BeautifulSoup") -> bool:
    """Whether the page asks for a password."""
    return any(str(node.get("type") or "").strip().lower() == "password" for node in tree.find_all("input"))


def lines(node: "Tag") -> list[Line]:
    """The visible lines, in order: text runs on through inline elements and ends at every other one."""
    found: list[Line] = []
    run: list[str] = []
    level = 0
    for piece, new_level in _pieces(node):
        if piece is not None:
            run.append(piece)
            continue
        text = plain("".join(run))
        if text:
            found.append(Line(text, level))
        run, level = [], new_level
    text = plain("".join(run))
    return [*found, Line(text, level)] if text else found


def _pieces(root: "Tag") -> Iterator[tuple[str | None, int]]:
    """Texts, and (None, heading level) wherever a line ends. An own stack: a page may nest deeper than Python calls."""
    level, struck = 0, any(map(_is_struck, (root, *root.parents)))
    stack: list[tuple[Any, int, bool]] = [(child, 0, struck) for child in reversed(root.contents)]
    while stack:
        node, level, struck = stack.pop()
        if node is None:
            yield None, level
        elif not hasattr(node, "contents"):
            yield (f"{STRUCK}{node}{STRUCK}" if struck and node.strip() else str(node)), level
        elif node.name in _INLINE:
            struck = struck or _is_struck(node)
            stack += [(child, level, struck) for child in reversed(node.contents)]
        else:
            inner = int(node.name[1]) if node.name in _HEADINGS else level
            struck = struck or _is_struck(node)
            yield None, inner
            stack.append((None, level, False))
            stack += [(child, inner, struck) for child in reversed(node.contents)]


def _is_struck(node: "Tag") -> bool:
    return node.name in _STRUCK or ("style" in node.attrs and bool(_STRUCK_STYLE.search(str(node["style"]))))


def text_of(node: "Tag") -> str:
    """All visible text of an element as one line."""
    return " ".join(line.text for line in lines(node))


def selected(tree: "BeautifulSoup", selector: str, attribute: str) -> list[str]:
    """The texts of every element that fits, or the values of its attribute (a colour may be only a class)."""
    try:
        nodes = tree.select(selector)
    except Exception as error:  # noqa: BLE001
        # soupsieve raises several unrelated types for a selector it can't read; all mean the same thing here
        raise BadReply(f"the selector can't be used ({type(error).__name__})") from None
    if len(nodes) > MOST_PLACES:
        raise BadReply(f"the selector fits {len(nodes)} places of the page: it has to fit the signal alone")
    if not attribute:
        return [text_of(node) for node in nodes]
    values = [node.get(attribute) for node in nodes]
    return [plain(" ".join(value) if isinstance(value, list) else str(value)) for value in values if value is not None]


def after_label(found: list[Line], label: str, heading: str) -> list[str]:
    """What follows a label, on its line or else on the next one, where asked for inside the part under a heading."""
    wanted, texts = plain(label).rstrip(": "), []
    part = found if not heading else _under(found, plain(heading).rstrip(": "))
    for at, line in enumerate(part):
        if not _begins(line.text, wanted):
            continue
        rest = line.text[len(wanted) :].lstrip(" :-=").strip()
        if not rest and at + 1 < len(part) and not part[at + 1].level:
            rest = part[at + 1].text
        texts.append(rest)
    return texts


def _begins(text: str, start: str) -> bool:
    return text.startswith(start) and not text[len(start) : len(start) + 1].isalnum()


def _under(found: list[Line], heading: str) -> list[Line]:
    """The lines below every heading of that text, up to the next heading of its own rank or above."""
    part: list[Line] = []
    inside = 0
    for line in found:
        if line.level and (not inside or line.level <= inside):
            inside = line.level if _begins(line.text, heading) else 0
        elif inside:
            part.append(line)
    return part


def cells(tree: "BeautifulSoup", row: str, column: str) -> list[str]:
    """The cells where a row (by its first cell) and a column (by a cell above) meet, in every table that has both."""
    row, column, texts = plain(row), plain(column), []
    for node in tree.find_all("table"):
        grid = _grid(node)
        head = next((at for at, line in enumerate(grid) if column in line[1:]), len(grid))
        below = grid[head + 1 :]
        column_at = grid[head].index(column, 1) if below else 0
        texts += [line[column_at] for line in below if line[0] == row and column_at < len(line)]
    return texts


def _grid(node: "Tag") -> list[list[str]]:
    """The table as rows of texts; a cell over several rows or columns stands in each of them."""
    rows = [row for row in node.find_all("tr") if row.find_parent("table") is node]
    grid: list[list[str]] = []
    held: dict[int, tuple[int, str]] = {}  # column -> rows still to fill from above, and with what
    for row in rows[:MOST_CELLS]:
        line: list[str] = []
        for cell in row.find_all(["td", "th"], recursive=False):
            _from_above(line, held)
            text, deep = text_of(cell), _span(cell, "rowspan")
            for _ in range(_span(cell, "colspan")):
                if deep > 1:
                    held[len(line)] = (deep - 1, text)
                line.append(text)
        _from_above(line, held)
        if line:
            grid.append(line)
    return grid


def _from_above(line: list[str], held: dict[int, tuple[int, str]]) -> None:
    while len(line) in held:
        left, text = held.pop(len(line))
        if left > 1:
            held[len(line)] = (left - 1, text)
        line.append(text)


def _span(cell: "Tag", name: str) -> int:
    text = str(cell.get(name) or "1").strip()
    return min(int(text), WIDEST_SPAN) if text.isascii() and text.isdigit() and len(text) < 6 and int(text) else 1
