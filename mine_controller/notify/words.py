"""Groups of news into the words of one channel, by templates the owner may change.

A template is looked for in templates/messages beside config.txt first, then in the one that came with minectl. One that
can't be rendered gives way to plain text made here: the message is told, and the log says what is wrong.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from mine_controller.notify.message import EMERGENCY, LEVELS, WARNING, Button, Channel, Message, one_line
from mine_controller.notify.news import Group
from mine_controller.record import NamedTuple

if TYPE_CHECKING:
    from jinja2 import Environment

SUBJECT = "subject.txt"
IDS_MOST = 300
ROWS_MOST = 5  # alarms with buttons of their own under one message
EMPTY = "the template made no text"


class Place(NamedTuple):
    """Whose news it is. `folders` hold the templates, the owner's first."""

    site: str
    timezone: str
    folders: tuple[str, ...]


class Written(NamedTuple):
    """A message and what was wrong with the templates ("" nothing)."""

    message: Message
    trouble: str


def write(channel: Channel, groups: Sequence[Group], place: Place) -> Written:
    """The message, at most as long as the channel takes: what doesn't fit is counted, the least grave first."""
    pen = _Pen(place)
    size: Callable[[str], int] = getattr(channel, "size", _size)
    many = len(groups)
    while True:
        message = pen.message(channel, groups[:many], groups[many:])
        if many <= 1 or max(size(message.text), _size(message.html)) <= channel.MOST:
            break
        many = max(1, many * 2 // 3)
    if _size(message.html) > channel.MOST:
        message = message._replace(html="")
    if size(message.text) > channel.MOST:
        message = message._replace(text=_cut(message.text, f" ... {message.id[:40]}", size, channel.MOST))
    return Written(message, "; ".join(dict.fromkeys(pen.trouble)))


def _cut(text: str, end: str, size: Callable[[str], int], most: int) -> str:
    """As much of its beginning as there is room for, and that end."""
    kept = min(len(text), most)
    while kept > 0 and size(text[:kept] + end) > most:
        kept -= kept // 20 + 1
    return text[:kept] + end


def _size(text: str) -> int:
    """Length as the services count it: some letters are two."""
    return len(text.encode("utf-16-le", "replace")) // 2


class _Pen:
    """One message's templates, and what is wrong with them."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.trouble: list[str] = []
        self._made: Environment | None = None

    def message(self, channel: Channel, told: Sequence[Group], rest: Sequence[Group]) -> Message:
        """One message of the groups `told`; the `rest` is only counted."""
        level = max(group.level for group in told)
        all_ids = " ".join(group.ids for group in (*told, *rest))
        facts = {
            "site": self.place.site,
            "shadow": all(group.shadow for group in told),
            "severity": LEVELS[level],
            "groups": told,
            "count": sum(group.times for group in (*told, *rest) if group.is_news) or 1,
            "left": sum(group.times for group in rest),
            "left_ids": " ".join(group.ids for group in rest)[:IDS_MOST],
        }
        subject = one_line(self._text(SUBJECT, facts, plain_subject))
        text = self._text(channel.TEXT, facts, plain_text)
        html = self._text(channel.HTML, facts, lambda _: "") if channel.HTML else ""
        return Message(level, subject, text, html, all_ids, buttons(told))

    def _text(self, name: str, facts: dict[str, Any], plain: Callable[[dict[str, Any]], str]) -> str:
        try:
            made = self._environment().get_template(name).render(facts).strip()
            if made:
                return made
            self.trouble.append(f"{name}: {EMPTY}")
        except Exception as error:  # noqa: BLE001 - an owner's template can fail in any way; the message must go out
            self.trouble.append(one_line(f"{name}: {type(error).__name__}: {error}"))
        return plain(facts)

    def _environment(self) -> "Environment":
        from jinja2 import FileSystemLoader, StrictUndefined  # noqa: PLC0415 - heavy
        from jinja2.sandbox import SandboxedEnvironment  # noqa: PLC0415 - the same

        if self._made is None:
            self._made = SandboxedEnvironment(
                loader=FileSystemLoader(self.place.folders),
                autoescape=lambda name: bool(name and name.endswith(".html")),
                undefined=StrictUndefined,
                trim_blocks=True,
                lstrip_blocks=True,
            )
        return self._made


def plain_subject(facts: dict[str, Any]) -> str:
    """The subject without a template."""
    group: Group = facts["groups"][0]
    other = f" and {facts['count'] - group.times} more" if facts["count"] > group.times else ""
    return f"{'[shadow] ' if facts['shadow'] else ''}{facts['site']}: {group.word} {group.kind}{other}"


def plain_text(facts: dict[str, Any]) -> str:
    """The text without a template."""
    lines = [facts["site"]]
    for group in facts["groups"]:
        many = f" {group.times} times" if group.times > 1 else ""
        about = ", ".join(group.about) + (f" and {group.more} more" if group.more else "")
        loud = group.word.upper() if group.level >= WARNING else group.word
        shadow = "[shadow] " if group.shadow else ""
        todo = f" To do: {group.owner}." if group.owner else ""
        lines.append(f"{shadow}{loud} {group.kind}{many}, {about}: {group.text} ({group.when}){todo} {group.ids}")
    if facts["left"]:
        lines.append(f"and {facts['left']} more {facts['left_ids']}")
    return "\n".join(lines)


def buttons(told: Sequence[Group]) -> tuple[tuple[Button, ...], ...]:
    """A row for each alarm that stands, the gravest first: ack, and silence for an hour where that is allowed."""
    open_alarms = [alarm for group in told for alarm in group.alarms]
    alone, rows = len(open_alarms) == 1, []
    for name, severity in open_alarms[:ROWS_MOST]:
        row = [Button("Ack" if alone else f"Ack {name}", f"ack:{name}")]
        if severity != LEVELS[EMERGENCY]:
            row.append(Button("Shelve 1 h", f"shelve:{name}"))
        rows.append(tuple(row))
    return (*rows, (Button("Status", "status"),)) if rows else ()


def trial(place: Place, shadow: bool) -> tuple[Group, ...]:
    """What `notify test` sends."""
    text = "this is a test of the way to you; nothing has happened"
    group = Group(0, LEVELS[0], "test", 1, (place.site,), 0, text, "now", old=False, shadow=shadow, ids="#0")
    return (group,)
