"""After the tick: what people wrote to the bot since, as requests for the next tick or answers from this book.

Only configured chats are obeyed, and of their users only the listed ones where any are; others get no answer and a line
in the log. Nothing here touches a device: an ack is filed like one from the command line, /stop raises the stop file
after a second press. What was heard is filed first, by the number of its update, then the offset is kept: killed in
between, it is heard again and found filed. A chat that can't be reached is left alone for 1, 2, 4 .. 15 minutes.
While nothing can be written questions are answered and the stop works all the same; what can't be filed is said so.
"""

import hashlib
import hmac
import html
import json
import re
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from mine_controller.config.model import Config
from mine_controller.core.model.book import Book
from mine_controller.core.wording import heartbeat as lines
from mine_controller.core.wording.spoken import spoken
from mine_controller.notify.chat import FEW, LIMIT, Heard, Reply, Update, fetch, reply
from mine_controller.notify.local import local_text
from mine_controller.notify.message import EMERGENCY, LEVELS, Button, Sent
from mine_controller.notify.post import scrub
from mine_controller.notify.telegram import Options, hears
from mine_controller.ports.heartbeat import place_of
from mine_controller.ports.log import Log
from mine_controller.ports.tell import hidden
from mine_controller.record import NamedTuple
from mine_controller.store.db import StoreTrouble
from mine_controller.store.heard import filed_before, heard, keep_heard
from mine_controller.store.inbox import file_request, verdict_of
from mine_controller.store.query import events
from mine_controller.store.stop import raise_stop, stop_requested

FETCHES = 3  # of up to 100 updates each
HEAR = 0.6  # this part of the time is for hearing, the rest for answering
REPLIES = 10  # a tick; the service allows about one a second and chat
LATE_S = 900  # a command written longer ago is not obeyed
CONFIRM_S = 600  # how long the button that stops everything may be pressed
SHELVE_S = 3600
LONGEST_WAIT_S = 900
SURE_S = 6 * 86_400  # the service begins its numbers anew after a week of silence
OPEN_MOST, OPEN_S = 20, 86_400  # requests whose verdict is to be told, and for how long
EVENTS_TOLD = 10
TEXT_MOST = 3500
ALARMS_TOLD = 8
NAMED = re.compile(r"[a-z0-9]{5}")
_COMMAND = re.compile(r"/([A-Za-z0-9_]{1,32})(@[A-Za-z0-9_]{1,32})?")  # as Telegram marks one, whatever stands behind
AROUND = " []()<>:.,!"  # what may stand around a name copied from a list
HELP = """\
/status what the mine does, power, air, inputs
/why every limit that bites
/alarms what is open, with buttons
/events what happened last
/fans relays and watts
/ack NAME somebody has seen an alarm
/stop everything off, after a second press
/help this list
Answers come at the end of a tick."""
UNHEARD = f"Nothing was done: there is no such command.\n{HELP}"
RESUME = 'Starting again is not done from here. On the controller: <code>minectl resume --reason "..."</code>'


class Bot(NamedTuple):
    """One token and the chats that may speak to it: chat -> the users who may, empty for everybody in it."""

    name: str
    options: Options
    chats: dict[str, frozenset[str]]


def bots(config: Config) -> tuple[Bot, ...]:
    """One a token: two readers of one bot would take each other's updates."""
    found: dict[tuple[str, str], list[Options]] = {}
    for title, options in config.channels.items():
        if title.partition(" ")[0] == "telegram" and hears(options):
            found.setdefault((options.api_url, options.token.reveal()), []).append(options)
    return tuple(_bot(token, same) for (_, token), same in found.items())


def _bot(token: str, sections: list[Options]) -> Bot:
    """`name` is the public part of the token, which is the bot's own number; else a digest that tells nothing."""
    number = token.partition(":")[0]
    name = number if number.isdecimal() and number != token else hashlib.sha256(token.encode()).hexdigest()[:12]
    chats: dict[str, frozenset[str]] = {}
    for options in sections:
        chats[options.chat_id] = chats.get(options.chat_id, frozenset()) | frozenset(options.users)
    return Bot(f"telegram-{name}", sections[0], chats)


def listen(config: Config, book: Book, log: Log, now_s: int, until: float) -> None:
    """Hear and answer every bot until `until` (monotonic). Raises nothing that a service or a disk can cause."""
    for bot in bots(config):
        try:
            _Ear(config, bot, book, log, now_s).turn(until)
        except StoreTrouble as trouble:
            log.say(now_s, "WARN", "listen", channel=bot.name, text=trouble.text)


class _Ear:
    """One bot in one tick."""

    def __init__(self, config: Config, bot: Bot, book: Book, log: Log, now_s: int) -> None:
        self.config, self.bot, self.book, self.log, self.now_s = config, bot, book, log, now_s
        self.kept = heard(config.paths, bot.name, now_s)
        self.replies: list[Reply] = []
        self.open: list[list[Any]] = [one for one in self.kept.get("open", ()) if _is_open(one)]
        self.shut: dict[str, int] = {}  # who is not listened to: how often

    def turn(self, until: float) -> None:
        """Fetch, file, keep the offset, answer."""
        wait = self.config.paths.run / f"wait-{self.bot.name}.json"
        fails, next_at = _waiting(wait.read_bytes() if wait.exists() else b"")
        if self.now_s < next_at <= self.now_s + 86_400:
            return
        first = "next" not in self.kept
        for _ in range(FETCHES):
            within = time.monotonic() + (until - time.monotonic()) * HEAR
            got = fetch(self.bot.options, self._offset(), within, FEW if fails else LIMIT)
            if got.next is not None or (first and got.sent.ok):
                self._obey(() if first else got.updates)
                self._keep(got.next)
            if not got.full:
                break
            first = False
        self._tell_strangers(got)
        _note(wait, got.sent, fails, self.now_s)
        self._verdicts()
        self._answer(until)

    def _offset(self) -> int | None:
        """Where to go on: at the newest the first time, so that an old backlog is not obeyed; see SURE_S."""
        if "next" not in self.kept:
            return -1
        kept, at = self.kept.get("next"), self.kept.get("at")
        fresh = isinstance(at, int) and 0 <= self.now_s - at < SURE_S
        return kept if isinstance(kept, int) and kept > 0 and fresh else None

    def _keep(self, after: int | None) -> None:
        if after is None and "next" in self.kept:
            return
        self.kept = {"next": after or 0, "at": self.now_s, "open": self.open[-OPEN_MOST:]}
        self._write()

    def _write(self) -> None:
        """What can't be kept anywhere is heard again at the next tick; it must not leave people without an answer."""
        try:
            keep_heard(self.config.paths, self.bot.name, self.kept)
        except StoreTrouble as trouble:
            self.log.say(self.now_s, "WARN", "listen", channel=self.bot.name, text=trouble.text)

    # -- what people want -----------------------------------------------------------------------------------------

    def _obey(self, updates: Iterable[Update]) -> None:
        for one in updates:
            try:
                self._heard(one)
            except Exception as error:  # noqa: BLE001 - heard anew for a day, it would hold up every stop behind it
                from mine_controller.devices._blame import where  # noqa: PLC0415 - only where something failed

                text = f"this could not be answered: {type(error).__name__}"  # its own text could hold a secret
                self.log.say(self.now_s, "ERROR", "listen", channel=self.bot.name, text=text, where=where(error))
                self._say(one, html.escape(f"{text}; mine.log says where"), toast=text)

    def _heard(self, one: Update) -> None:
        users = self.bot.chats.get(one.chat)
        if users is None or (users and one.user not in users):
            self.shut[f"chat {one.chat} user {one.user}"] = self.shut.get(f"chat {one.chat} user {one.user}", 0) + 1
        elif one.data:
            self._pressed(one)
        elif one.private or one.text.startswith("/"):
            self._told(one)

    def _pressed(self, one: Update) -> None:
        verb, _, rest = one.data.partition(":")
        if verb == "status":
            self._say(one, _lines(lines.status(self.book, place_of(self.config))), toast="here it is")
        elif verb in ("ack", "shelve") and NAMED.fullmatch(rest):
            self._file(one, verb, (rest,) if verb == "ack" else (rest, str(SHELVE_S)))
        elif verb == "stop":
            self._confirmed(one, rest)
        else:
            self._say(one, toast="this button is none of ours")

    def _told(self, one: Update) -> None:
        found = _COMMAND.match(one.text)
        verb, rest = (found[1].lower(), one.text[found.end() :]) if found else ("", "")
        if verb and one.at and not -LATE_S < (ago_s := self.now_s - one.at) < LATE_S:
            self._late(one, verb, ago_s)
            return
        answers: dict[str, Callable[[Update], None]] = {
            "status": lambda one: self._say(one, _lines(lines.status(self.book, place_of(self.config)))),
            "why": lambda one: self._say(one, _lines(lines.why(self.book, place_of(self.config)))),
            "fans": lambda one: self._say(one, _lines(lines.fans(self.book, place_of(self.config)))),
            "events": lambda one: self._say(one, self._events()),
            "alarms": self._alarms,
            "stop": self._ask_stop,
            "resume": lambda one: self._say(one, RESUME),
            "ack": lambda one: self._ack(one, rest.strip(AROUND).lower()),
            "help": lambda one: self._say(one, HELP),
            "start": lambda one: self._say(one, HELP),
        }
        if verb in answers:
            answers[verb](one)
        elif (one.private or (found and found[2])) and not self._has_said(one.chat, UNHEARD):
            self._say(one, UNHEARD)  # once a tick: talk takes no room from the answer to a stop behind it

    def _ack(self, one: Update, name: str) -> None:
        if NAMED.fullmatch(name):
            self._file(one, "ack", (name,))
        else:
            self._say(one, "Write the name of the alarm behind it, like <code>/ack a2b3c</code>; /alarms lists them.")

    def _alarms(self, one: Update) -> None:
        found = lines.alarms(self.book, place_of(self.config))
        rows = []
        for name, severity, _ in found[:ALARMS_TOLD]:
            row = [Button(f"Ack {name}", f"ack:{name}")] if name else []
            if name and severity != LEVELS[EMERGENCY]:
                row.append(Button("Shelve 1 h", f"shelve:{name}"))
            rows += [tuple(row)] if row else []
        told = [f"{line} [{name}]" if name else line for name, _, line in found]
        self._say(one, _lines(told or ["No open alarm."]), tuple(rows))

    def _events(self) -> str:
        try:
            rows = events(self.config.paths, limit=EVENTS_TOLD)
        except StoreTrouble as trouble:
            return html.escape(trouble.text)
        zone = ZoneInfo(self.config.site.timezone)
        moments = [local_text(datetime.fromisoformat(row.timestamp).astimezone(zone), "%m-%d %H:%M") for row in rows]
        told = [spoken(row.text, self.config.site.units) for row in rows]
        kinds = [f"{row.kind} {row.about}" for row in rows]
        return _lines(f"{at} {kind}: {text}" for at, kind, text in zip(moments, kinds, told, strict=True))

    # -- requests -------------------------------------------------------------------------------------------------

    def _file(self, one: Update, verb: str, args: tuple[str, ...]) -> None:
        """A request for the next tick; the same update again asks for nothing."""
        key, label = f"{self.bot.name}-{one.id}", " ".join((verb, *args[:1]))
        if self._was_filed(key):
            return
        try:
            number = self._request(one, verb, args, key)
        except StoreTrouble as trouble:
            text = f"{label} could not be written down and was not done: {trouble.text}"
            self.log.say(self.now_s, "WARN", "listen", channel=self.bot.name, text=text)
            self._say(one, html.escape(text), toast=f"{label} could not be written down")
            return
        self.open.append([number, one.chat, label, self.now_s])
        self._say(one, toast=f"{label}: asked for; the next tick takes it")
        self.log.say(self.now_s, "INFO", "listen", channel=self.bot.name, text=f"{_who(one)} asks: {label}")

    def _was_filed(self, key: str) -> bool:
        """Not known counts as not filed: its key keeps a request from standing twice, and a stop must not wait."""
        try:
            return filed_before(self.config.paths, key)
        except StoreTrouble:
            return False

    def _request(self, one: Update, verb: str, args: tuple[str, ...], key: str) -> int:
        place = f"chat {one.chat}"
        said = "by a button in the chat" if one.data else "from the chat"
        return file_request(
            self.config.paths, "telegram", _who(one), -1, place, verb, args, said, key=key, at=self.now_s
        )

    def _late(self, one: Update, verb: str, ago_s: int) -> None:
        """What lay there is not obeyed. A stop has its button whatever a clock says: one that is wrong refuses none."""
        if verb == "stop":
            self._ask_stop(one, f"/stop was written {_ago(ago_s)}; it counts once the button is pressed. ")
        elif ago_s > 0:
            self._say(one, f"/{verb} came too late: it was written {_ago(ago_s)}. Not obeyed.")
        else:
            help_ = "the clock of the controller is wrong, `minectl doctor` tells what helps"
            self._say(one, f"/{verb} was written {_ago(ago_s)}: {help_}. Not obeyed; /stop is.")

    def _ask_stop(self, one: Update, about: str = "") -> None:
        name = html.escape(self.config.site.name)
        data = f"stop:{self.now_s}:{self._seal(one.chat, self.now_s)}"
        how = lines.by_what(self.config.policy.wiring.miners)
        text = f"{about}Stop everything at <b>{name}</b>, {how} until resumed on the controller?"
        self._say(one, text, ((Button(f"STOP {self.config.site.name}"[:60], data),),))

    def _seal(self, chat: str, at: int) -> str:
        """What only this program can have put on the button: nobody in the chat knows the token."""
        text = f"{self.config.site.name} {chat} {at}".encode()
        return hmac.new(self.bot.options.token.reveal().encode(), text, hashlib.sha256).hexdigest()[:24]

    def _confirmed(self, one: Update, rest: str) -> None:
        text, _, seal = rest.partition(":")
        at = int(text) if text.isascii() and text.isdecimal() and len(text) <= 11 else 0
        if not hmac.compare_digest(seal.encode(), self._seal(one.chat, at).encode()):
            self._say(one, toast="this button is none of ours")
        elif not 0 <= self.now_s - at < CONFIRM_S:
            self._say(one, "That button is too old; nothing was done. Write /stop again.", toast="too old")
        elif not self._was_filed(key := f"{self.bot.name}-stop-{at}-{one.chat}"):
            self._stop(one, key)
        elif stop_requested(self.config.paths) is not None:
            self._say(one, toast="the stop is set already")
        else:
            self._say(one, "That stop was ended since; nothing was done. Write /stop again.", toast="used already")

    def _stop(self, one: Update, key: str) -> None:
        """The level first, then its audit row: whatever happens between the two, everything goes off."""
        try:
            raise_stop(self.config.paths, f"{_who(one)} by Telegram", "emergency stop from the chat")
        except StoreTrouble as trouble:
            self._say(one, f"{html.escape(trouble.text)}. OPEN THE MAIN BREAKER.", toast="it could not be set")
            return
        self.log.say(self.now_s, "WARN", "listen", channel=self.bot.name, text=f"{_who(one)} asks: emergency-stop")
        shadow = "" if self.config.site.live else " Shadow mode: nothing is sent."
        text = (
            f"EMERGENCY STOP is set: the next tick, within {self.config.site.tick_s} s, switches everything off "
            f"{lines.by_what(self.config.policy.wiring.miners).rstrip(',')}.{shadow} {RESUME}"
        )
        self._say(one, text, toast="the stop is set")
        try:
            self._request(one, "emergency-stop", (), key)
        except StoreTrouble as trouble:
            text = f"the stop holds, and is not in the audit log: {trouble.text}"
            self.log.say(self.now_s, "WARN", "listen", channel=self.bot.name, text=text)

    # -- answers --------------------------------------------------------------------------------------------------

    def _say(
        self, one: Update, text: str = "", buttons: tuple[tuple[Button, ...], ...] = (), *, toast: str = ""
    ) -> None:
        if not text and not one.press:
            text = html.escape(toast)
        self.replies.append(Reply(one.chat, text, buttons, one.press, toast))

    def _has_said(self, chat: str, text: str) -> bool:
        return any((each.chat, each.text) == (chat, text) for each in self.replies)

    def _verdicts(self) -> None:
        """What became of requests, each told once: it is struck off when the chat has it."""
        for one in self.open:
            number, chat, label, _at = one
            try:
                found = verdict_of(self.config.paths, number)
            except StoreTrouble:  # its own alarm tells of it; the verdict is told once it can be read
                return
            if found is not None:
                self.replies.append(Reply(chat, html.escape(f"{label}: {found[0]}, {found[1]}")[:TEXT_MOST]))
                one.append(len(self.replies) - 1)

    def _answer(self, until: float) -> None:
        told = reply(self.bot.options, self.replies[:REPLIES], until) if self.replies else []
        failed = [sent.why for sent in told if not sent.ok]
        if failed or len(self.replies) > REPLIES:
            why = failed[0] if failed else f"{len(self.replies) - REPLIES} answers too many in one tick"
            text = scrub(f"not everything was answered: {why}", hidden(self.config))
            self.log.say(self.now_s, "WARN", "listen", channel=self.bot.name, text=text)
        done = {at for at, sent in enumerate(told) if sent.ok or sent.permanent}
        left = [one[:4] for one in self.open if not (len(one) > 4 and one[4] in done) and self._waits(one)]
        if left != self.kept.get("open", []):
            self.kept = {**self.kept, "open": left[-OPEN_MOST:]}
            self._write()

    def _waits(self, one: list[Any]) -> bool:
        return bool(-OPEN_S < self.now_s - one[3] < OPEN_S)

    def _tell_strangers(self, got: Heard) -> None:
        if self.shut:
            named = ", ".join(f"{who} ({many} times)" for who, many in list(self.shut.items())[:3])
            more = f" and {len(self.shut) - 3} more" if len(self.shut) > 3 else ""
            text = f"not listened to: {named}{more}"
            self.log.say(self.now_s, "WARN", "listen", channel=self.bot.name, text=text)
        if not got.sent.ok:
            text = scrub(f"can't hear the chat: {got.sent.why}", hidden(self.config))
            self.log.say(self.now_s, "WARN", "listen", channel=self.bot.name, text=text)


def _is_open(one: Any) -> bool:
    """A row as it was kept: request, chat, what it was, when."""
    return isinstance(one, list) and [type(part) for part in one] == [int, str, str, int]


def _who(one: Update) -> str:
    return f"{one.name} ({one.user})"


def _ago(seconds: int) -> str:
    return f"{abs(seconds) // 60} min {'ago' if seconds > 0 else 'ahead of this clock'}"


def _lines(told: Iterable[str]) -> str:
    """Lines as HTML, whole ones up to what a message holds."""
    out, size = [], 0
    for line in told:
        safe = html.escape(line[:400], quote=False)
        size += len(safe) + 1
        if size > TEXT_MOST:
            out.append("...")
            break
        out.append(safe)
    return "\n".join(out) or "nothing"


def _waiting(kept: bytes) -> tuple[int, int]:
    """How often in a row it failed, and until when (wall time) the bot is left alone."""
    try:
        fails, next_at = json.loads(kept)
        return int(fails), int(next_at)
    except (ValueError, TypeError):
        return 0, 0


def _note(path: Any, sent: Sent, fails: int, now_s: int) -> None:
    """Keep the back-off in memory; after a boot it begins anew."""
    try:
        if sent.ok:
            path.unlink(missing_ok=True)
            return
        wait_s = LONGEST_WAIT_S if sent.permanent else min(LONGEST_WAIT_S, 60 << min(fails, 10))
        wait_s = wait_s if sent.retry_after_s is None else round(sent.retry_after_s + 1)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps([fails + 1, now_s + wait_s]), encoding="ascii")
    except OSError:
        return  # asked again at the next tick, which does no harm
