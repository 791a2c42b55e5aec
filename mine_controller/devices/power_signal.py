"""The utility's web page that says whether the site may run.

The page is taken for unknown: where the word stands, what it looks like and what it means are options. Reading it is a
pipeline in which every step can only pass on or say "unreadable"; nothing ever falls through to "run". Unchanged pages
(304, or the same bytes) keep what they said last, as long as the options are the same ones.
"""

import datetime as dt
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import mine_controller
from mine_controller.core.option import declarations, option
from mine_controller.devices import _access, _answer, _meaning, _page
from mine_controller.devices.kind import Ask, BadReply, Can, Found, LaneSpec, Reply
from mine_controller.record import NamedTuple
from mine_controller.wire.door import Request, Wire

CAN = Can(reads=("signal", "text"))
LANE = LaneSpec()
OUTSIDE = True
SAMPLES = True  # its owner may redesign it any day

SMALLEST_PAGE = 50  # bytes; shorter HTML holds no page
LARGEST_PAGE = 256 * 1024
FUTURE_S = 600  # a page time further ahead than this is no page time
HTML = ("text/html", "application/xhtml+xml")
OTHERS = ("text/plain", "application/json")
FORMER = "former"  # the Reply in which `fetch` hands on what was kept of the last good page
KEPT = ("signal", "snippet", "digest", "page_at", "etag", "last_modified")
DATED = ("date", "date_s")  # the Date of the last good answer, and the plant second at which it was new
LONGEST_MARK = 200
LAST_LATIN = 0xFF  # headers are sent in Latin-1

Note = Callable[[str, str], None]


class Options(NamedTuple):
    """One page. Exactly one of selector, label and table_row + table_column says where the text stands."""

    url: str = option(help="address of the page", kind="url", example="https://cbpower.coop/power-signal")
    selector: str = option(
        "", kind="selector", help="CSS selector of the element; for JSON the dotted path of the value", example="#value"
    )
    attribute: str = option("", help="take this attribute of the element instead of its text", example="class")
    label: str = option(
        "", help="the text right after this label; for JSON the name of the key", example="Current status"
    )
    heading: str = option("", help="look for the label only in the part under this heading")
    table_row: str = option("", help="first cell of the table row")
    table_column: str = option("", help="head of the table column")
    pattern: str = option("(.+)", kind="regex", help="what the whole text must look like; its one group is the value")
    run_if: tuple[str, ...] = option((), help="the number means run when all of these hold", example="< 1")
    off_if: tuple[str, ...] = option((), help="the number means off when all of these hold", example=">= 1")
    warn_if: tuple[str, ...] = option((), help="the number means a warning when all of these hold")
    run: tuple[str, ...] = option((), help="words that mean run", example="normal, systems normal")
    off: tuple[str, ...] = option((), help="words that mean off", example="control in effect, interrupt")
    warn: tuple[str, ...] = option((), help="words of a warning")
    unknown: tuple[str, ...] = option((), help="words by which the page itself says nothing", example="undetermined")
    must_contain: tuple[str, ...] = option((), help="texts without which it is not the page", example="Power Signal")
    must_not_contain: tuple[str, ...] = option(
        ("just a moment", "access denied", "captive portal", "under maintenance", "accept the terms", "guest wi-fi"),
        help="texts that give away another page in its place",
    )
    password_form_ok: bool = option(False, help="the real page holds a login form")
    contact: str = option("", help="your mail address, told to the page's owner in the User-Agent")
    time_pattern: str = option("", kind="regex", help="where the page tells its own time; one group")
    time_format: str = option(
        "%m/%d/%Y %H:%M", help="how it is written (strptime); several with | between", example="%B %d, %Y %I:%M %p"
    )
    time_zone: str = option("UTC", kind="zone", help="zone of that time", example="America/Chicago")
    max_page_age_s: int = option(
        0,
        low=0,
        high=604800,
        unit="s",
        help="older pages are unreadable; 0 = any age (many tell their last change only)",
    )
    max_cdn_age_s: int = option(
        600,
        low=30,
        high=86400,
        unit="s",
        help="oldest copy taken from a cache on the way; so long may the answers' Date stand still",
    )
    pin: str = _access.PIN
    ca_file: str = _access.CA_FILE


class Kept(NamedTuple):
    """What a good page said. `page_at`: epoch seconds as text, "" unknown."""

    signal: str = ""
    snippet: str = ""
    digest: str = ""
    page_at: str = ""
    etag: str = ""
    last_modified: str = ""


def fetch(wire: Wire, options: Options, ask: Ask) -> tuple[Reply, ...]:
    """Reply "page", and "former" when there is a last good page read by these same options."""
    former = _former(options, ask.memory)
    headers = {
        "user-agent": f"minectl/{mine_controller.__version__}" + (f" ({options.contact})" if options.contact else ""),
        "accept": ", ".join((*HTML, *OTHERS)),
        "cache-control": "no-cache",
    }
    if former.etag:
        headers["if-none-match"] = former.etag
    if former.last_modified:
        headers["if-modified-since"] = former.last_modified
    wanted = Request("GET", options.url, headers, pin=options.pin, ca_file=options.ca_file, cap=LARGEST_PAGE)
    answer = wire.call(wanted, wire.until)
    page = Reply("page", answer.status, dict(answer.headers), answer.body)
    if not former.signal:
        return (page,)
    dated = {name: ask.memory.get(name, "") for name in DATED}
    return page, Reply(FORMER, 0, {**former._asdict(), **dated, "asked_s": str(ask.at_s)}, b"")


def _former(options: Options, memory: dict[str, str]) -> Kept:
    """Nothing when the options have changed: an old meaning must not be confirmed by an unchanged page."""
    if memory.get("rules") != _rules(options) or memory.get("signal") not in _meaning.WORDS:
        return Kept()
    return Kept(*(memory.get(name, "") for name in KEPT))


def _rules(options: Options) -> str:
    """A short digest of everything that was set."""
    fields = [(name, getattr(options, name)) for name, declared in declarations(Options) if name != "contact"
              and getattr(options, name) != declared.default]  # fmt: skip
    return hashlib.sha256(json.dumps(fields).encode()).hexdigest()[:16]


def parse(replies: Sequence[Reply], options: Options) -> tuple[Found, ...]:
    """`signal` (run, off, warn), `snippet` and `digest` as proof, `page_time` where told, and what to remember."""
    return _read(replies, options, lambda _step, _told: None)


def trail(replies: Sequence[Reply], options: Options) -> tuple[tuple[str, str], ...]:
    """Every step of the pipeline and what came of it, up to where it ended; for the person who writes the options."""
    steps: list[tuple[str, str]] = []
    try:
        _read(replies, options, lambda step, told: steps.append((step, told)))
    except BadReply as error:
        steps.append(("unreadable", str(error)))
    return tuple(steps)


def _read(replies: Sequence[Reply], options: Options, note: Note) -> tuple[Found, ...]:
    named = {reply.name: reply for reply in replies}
    page = named.get("page")
    if page is None:
        raise BadReply("the page was not asked")
    former = Kept(*(named[FORMER].headers.get(name, "") for name in KEPT)) if FORMER in named else Kept()
    wrong = faults(options)
    if wrong:
        raise BadReply(f"config: {wrong[0]}")
    _check_cache(page, options)
    kept = _confirmed(page, former, note) if page.status == 304 else _look(page, former, options, note)
    _check_time(kept, page, options)
    dated = _check_date(page, named.get(FORMER), options)
    note("time", _iso(kept.page_at) or "the page tells none")
    return (*_found(kept._replace(**_marks(page, kept)), page, options), *dated)


def _check_cache(page: Reply, options: Options) -> None:
    """A copy that lay too long in a cache says nothing about now."""
    if page.status not in (200, 304):
        wait = f", asks to wait {_answer.wait_s(page.headers):.0f} s" if "retry-after" in page.headers else ""
        raise BadReply(f"the page {_answer.status_words(page.status)}{wait}")
    age_s = _answer.number(page.headers.get("age", "0").split(",")[0])
    if age_s is None or age_s > options.max_cdn_age_s:
        told = "of unknown age" if age_s is None else f"{age_s:.0f} s old"
        raise BadReply(f"a copy from a cache, {told}")


def _confirmed(page: Reply, former: Kept, note: Note) -> Kept:
    if not former.signal or not (former.etag or former.last_modified):
        raise BadReply("not modified (304), though nothing was compared")
    note("answer", f"{page.status}: unchanged since it said {former.signal}")
    return former


def _look(page: Reply, former: Kept, options: Options, note: Note) -> Kept:
    """The pipeline proper. The same bytes as last time need no second look."""
    kind = page.headers.get("content-type", "").partition(";")[0].strip().lower()
    note("answer", f"{page.status} {_answer.clean(kind, 30)}, {len(page.body)} bytes")
    if kind not in (*HTML, *OTHERS):
        raise BadReply(f"not a page but {_answer.clean(kind, 40) or 'of no type'}")
    smallest = SMALLEST_PAGE if kind in HTML else 1
    if not smallest <= len(page.body) <= LARGEST_PAGE:
        raise BadReply(f"{len(page.body)} bytes are no page")
    if not _is_whole(page, kind):
        raise BadReply("the page may have been cut short: it has neither a length nor an end")
    digest = hashlib.sha256(kind.encode() + b"\n" + page.body).hexdigest()
    if former.signal and digest == former.digest:
        note("digest", "the same bytes as last time")
        return former
    seen = _SEEN[kind](_text(page), options, note)
    note("located", " | ".join(repr(_answer.clean(text, 60)) for text in seen.texts[:5]) or "nothing")
    if not seen.texts:
        raise BadReply("the place is not on the page")
    value = _meaning.one_match([_page.plain(text) for text in seen.texts], options.pattern)
    note("value", repr(_answer.clean(value)))
    signal = _meaning.meaning(value, options)
    note("meaning", signal)
    return Kept(signal, _answer.clean(value, 80), digest, _page_at(seen.whole, options, former.page_at))


def _is_whole(page: Reply, kind: str) -> bool:
    """An answer that tells its length was checked by the wire. One that just ends must end where such a text does:
    half a page can say "normal" where the whole one says "normal operation suspended"."""
    if "content-length" in page.headers or "chunked" in page.headers.get("transfer-encoding", "").lower():
        return True
    if kind in HTML:
        return b"</html" in page.body[-4096:].lower()
    return page.body.endswith(b"\n") or page.body.lstrip()[:1] in (b"{", b"[")


class _Seen(NamedTuple):
    whole: str  # everything visible, normalised
    texts: list[str]  # the located texts


def _text(page: Reply) -> str:
    """The body as text, by the charset it names, else UTF-8."""
    named = re.search(r"charset=\"?([A-Za-z0-9_.:-]{1,40})", page.headers.get("content-type", ""))
    try:
        return page.body.decode(named[1] if named else "utf-8", errors="replace").lstrip("\ufeff")
    except (LookupError, ValueError, TypeError):
        return page.body.decode("utf-8", errors="replace")


def _see_html(text: str, options: Options, note: Note) -> _Seen:
    tree = _page.soup(text)
    lines = _page.lines(tree)
    whole = " ".join([_page.title_of(text), *(line.text for line in lines)])
    _check_marks(whole, options, note)
    if _page.has_password(tree) and not options.password_form_ok:
        raise BadReply("a form that asks for a password: another page in its place?")
    if options.selector:
        return _Seen(whole, _page.selected(tree, options.selector, options.attribute))
    if options.label:
        return _Seen(whole, _page.after_label(lines, options.label, options.heading))
    if options.table_row:
        return _Seen(whole, _page.cells(tree, options.table_row, options.table_column))
    raise BadReply("config: a page needs a selector, a label, or table_row and table_column")


def _see_text(text: str, options: Options, note: Note) -> _Seen:
    lines = [_page.Line(_page.plain(line)) for line in text.splitlines() if line.strip()]
    whole = " ".join(line.text for line in lines)
    _check_marks(whole, options, note)
    if options.label:
        return _Seen(whole, _page.after_label(lines, options.label, ""))
    if options.selector or options.table_row:
        raise BadReply("plain text has no elements: use a label, or nothing")
    return _Seen(whole, [whole])


def _see_json(text: str, options: Options, note: Note) -> _Seen:
    whole = _page.plain(text)
    _check_marks(whole, options, note)
    found = _answer.tree(Reply("page", 200, {}, text.encode("utf-8", errors="replace")))
    if options.label:
        values = list(_under_key(found, _page.plain(options.label)))
    else:
        values = [_answer.dig(found, options.selector) if options.selector else found]
    return _Seen(whole, [_leaf(value) for value in values if isinstance(value, str | int | float)])


_SEEN: dict[str, Callable[[str, Options, Note], _Seen]] = {
    "text/html": _see_html,
    "application/xhtml+xml": _see_html,
    "text/plain": _see_text,
    "application/json": _see_json,
}


def _leaf(value: str | float | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)[: _page.LONGEST_TEXT + 1]


def _under_key(found: Any, key: str) -> Iterable[Any]:
    """The values of a key wherever it stands in the tree."""
    stack = [found]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            yield from (value for name, value in node.items() if _page.plain(name) == key)
            stack += node.values()
        elif isinstance(node, list):
            stack += node


def _check_marks(whole: str, options: Options, note: Note) -> None:
    for mark in options.must_contain:
        if _page.plain(mark) not in whole:
            raise BadReply(f"without {_answer.clean(mark, 40)!r}: not the page; it begins {_answer.clean(whole, 40)!r}")
    for mark in options.must_not_contain:
        if _page.plain(mark) in whole:
            raise BadReply(f"with {_answer.clean(mark, 40)!r} in it: not the page")
    note("markers", "every wanted text is there, no unwanted one")


def _page_at(whole: str, options: Options, former: str) -> str:
    """The page's own time as epoch seconds in a text; "" where none is asked for or found. `former`: the last one."""
    if not options.time_pattern:
        return ""
    found = re.search(options.time_pattern, whole, re.IGNORECASE)
    if not found:
        return ""
    written = _page.plain(found[1] if found.re.groups else found[0])
    for form in options.time_format.split("|"):
        at = _epoch(written, form.strip(), options.time_zone, int(former) if former.isdecimal() else 0)
        if at is not None:
            return str(at)
    return ""


def _epoch(written: str, form: str, zone: str, former: int) -> int | None:
    """By its own offset where it has one (%z; it knows no small z). Of a time that comes twice the first one, unless
    the page told a later one before: it never runs back."""
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - only pages with a time pay for zones

    try:
        told = dt.datetime.strptime(written.upper(), form)  # noqa: DTZ007 - its zone comes below
        local = told if told.tzinfo is not None else told.replace(tzinfo=ZoneInfo(zone))
        first, second = (int(local.replace(fold=fold).timestamp()) for fold in (0, 1))
    except (ValueError, OverflowError, LookupError, OSError):
        return None  # ZoneInfoNotFoundError is a LookupError
    return second if first < former <= second else first


def _check_time(kept: Kept, page: Reply, options: Options) -> None:
    """The page's time against the answer's own clock (Date, plus the time it lay in a cache)."""
    now = _answer.moment(page.headers.get("date", ""))
    if not kept.page_at or now is None:
        if options.max_page_age_s:
            raise BadReply("its age can't be told: no page time, or no Date in the answer")
        return
    age_s = now + (_answer.number(page.headers.get("age", "0")) or 0) - int(kept.page_at)
    if age_s < -FUTURE_S:
        raise BadReply(f"the page's time lies {-age_s / 60:.0f} min in the future")
    if options.max_page_age_s and age_s > options.max_page_age_s:
        raise BadReply(f"the page is {age_s / 60:.0f} min old by its own time")


def _check_date(page: Reply, former: Reply | None, options: Options) -> tuple[Found, ...]:
    """SIG2: a server that lives stamps each answer anew (RFC 9110, 6.6.1); where the Date stands still it is a copy.

    Gives what to remember; nothing where no Date is told.
    """
    date = _mark(page.headers.get("date", ""))
    told = former.headers if former is not None else {}
    asked_s = told.get("asked_s", "")
    if not date or not asked_s.isdecimal():
        return ()
    since_s = told["date_s"] if date == told.get("date") and told.get("date_s", "").isdecimal() else asked_s
    still_s = int(asked_s) - int(since_s)
    if still_s > options.max_cdn_age_s:
        raise BadReply(f"an old copy: the answer's Date has stood still for {still_s} s")
    return Found("date", "memory", date), Found("date_s", "memory", since_s)


def _marks(page: Reply, kept: Kept) -> dict[str, str]:
    """What to compare with next time; a 304 need not repeat it."""
    etag, modified = (_mark(page.headers.get(name, "")) for name in ("etag", "last-modified"))
    if page.status == 304:
        return {"etag": etag or kept.etag, "last_modified": modified or kept.last_modified}
    return {"etag": etag, "last_modified": modified}


def _mark(text: str) -> str:
    """A header that may be sent back: short and printable, else none."""
    return text if len(text) <= LONGEST_MARK and text.isascii() and text.isprintable() else ""


def _iso(page_at: str) -> str:
    return dt.datetime.fromtimestamp(int(page_at), dt.UTC).strftime("%Y-%m-%dT%H:%MZ") if page_at else ""


def _found(kept: Kept, page: Reply, options: Options) -> tuple[Found, ...]:
    found = [
        Found("", "signal", kept.signal),
        Found("snippet", "text", kept.snippet),
        Found("digest", "text", kept.digest),
    ]
    if kept.page_at:
        found.append(Found("page_time", "text", _iso(kept.page_at)))
    if "age" in page.headers:
        found.append(Found("cache_age_s", "text", _answer.clean(page.headers["age"], 20)))
    memory = [Found(name, "memory", value) for name, value in kept._asdict().items()]
    return (*found, *memory, Found("rules", "memory", _rules(options)))


def faults(options: Options) -> list[str]:
    """What is wrong with these options taken together, as sentences."""
    ways = [bool(options.selector), bool(options.label), bool(options.table_row or options.table_column)]
    found = []
    if sum(ways) > 1:
        found.append("selector, label and table_row exclude each other")
    if bool(options.table_row) != bool(options.table_column):
        found.append("table_row and table_column go together")
    if options.heading and not options.label:
        found.append("heading only says where to look for a label")
    if options.attribute and not options.selector:
        found.append("attribute needs a selector")
    if options.max_page_age_s and not options.time_pattern:
        found.append("max_page_age_s: needs time_pattern, which says where the page tells its time")
    if any(ord(letter) > LAST_LATIN for letter in options.contact):
        found.append("contact: holds a letter that no request can carry: write it without accents")
    return found + _meaning.faults(options)
