"""Ask one endpoint now and show everything: what was asked, how long it took, what was read, where reading ended."""

import json
import time
from collections.abc import Sequence
from typing import Any

from mine_controller.devices import _redact
from mine_controller.devices.ask import Endpoint, kind_named, plain
from mine_controller.devices.kind import Ask, BadReply, Found, Reply
from mine_controller.record import NamedTuple
from mine_controller.wire.door import Request, Response, Wire, WireError


class Exchange(NamedTuple):
    """One request and what came of it. Times in seconds since the probe began; `status` 0: no answer, see `why`."""

    method: str
    url: str  # without secrets
    began_s: float
    took_s: float
    status: int
    size: int
    why: str = ""


class Report(NamedTuple):
    """What a probe saw. `why` "": the endpoint was read. `trail`: the steps of reading, where a kind has steps."""

    section: str
    asked: tuple[Exchange, ...]
    found: tuple[Found, ...]
    why: str
    trail: tuple[tuple[str, str], ...] = ()

    def text(self) -> str:
        """For a person."""
        parts = [
            self.section,
            *(f"  {_line(each)}" for each in self.asked),
            *(f"  {step}: {told}" for step, told in self.trail),
            *(f"  {_shown(self.section, found)}" for found in self.found if found.quantity != "memory"),
        ]
        return "\n".join([*parts, f"  not read: {self.why}"] if self.why else parts)

    def json(self) -> str:
        """For a program: one object."""
        tree = {
            "section": self.section,
            "ok": not self.why,
            "why": self.why,
            "asked": [each._asdict() for each in self.asked],
            "trail": [{"step": step, "told": told} for step, told in self.trail],
            "found": [each._asdict() for each in self.found if each.quantity != "memory"],
        }
        return json.dumps(tree, ensure_ascii=False)


def _line(each: Exchange) -> str:
    answer = f"{each.status}, {each.size} bytes" if each.status else each.why
    return f"{each.method} {each.url}: {answer}, {each.took_s:.2f} s"


def _shown(section: str, found: Found) -> str:
    channel = f"{section}/{found.channel}" if found.channel else section
    value = f"unknown: {found.why}" if found.value is None else str(found.value)
    return f"{channel}:{found.quantity} = {value}"


def probe(endpoint: Endpoint, wire: Wire) -> Report:
    """Read the endpoint once, without anything remembered from before. Raises only ImportError, for no such kind."""
    module = kind_named(endpoint.kind)
    name = str(getattr(endpoint, "section", endpoint.kind))
    secrets = _redact.forms_of(endpoint.options)
    asked: list[Exchange] = []
    replies: Sequence[Reply] = ()
    found: tuple[Found, ...] = ()
    why = ""
    try:
        replies = module.fetch(_watched(wire, asked, secrets), endpoint.options, Ask(wall_s=int(time.time())))
        found = tuple(module.parse(replies, endpoint.options))
    except (WireError, BadReply) as error:
        why = str(error) or "no reason given"
    hide = tuple(secret.decode() for secret in secrets)
    shown = tuple(_hidden(each, hide) for each in found)
    return Report(name, tuple(asked), shown, plain(why, hide), _trail(module, replies, endpoint.options, hide))


def _hidden(found: Found, secrets: tuple[str, ...]) -> Found:
    value = plain(found.value, secrets, 200) if isinstance(found.value, str) else found.value
    return Found(plain(found.channel, secrets, 80), found.quantity, value, plain(found.why, secrets))


def _trail(
    module: Any, replies: Sequence[Reply], options: Any, secrets: tuple[str, ...]
) -> tuple[tuple[str, str], ...]:
    """The steps of kinds that read in steps (a power signal's page)."""
    steps = module.trail(replies, options) if replies and hasattr(module, "trail") else ()
    return tuple((step, plain(told, secrets, 400)) for step, told in steps)


def _watched(wire: Wire, asked: list[Exchange], secrets: Sequence[bytes]) -> Wire:
    """The same wire, with every exchange written down."""
    start = wire.now()

    def call(request: Request, until: float) -> Response:
        began = wire.now()
        try:
            answer = wire.call(request, until)
        except WireError as error:
            asked.append(
                _exchange(request, secrets, began - start, wire.now() - began, Response(0, {}, b""), error.why)
            )
            raise
        asked.append(_exchange(request, secrets, began - start, wire.now() - began, answer, ""))
        return answer

    return wire._replace(call=call)


def _exchange(
    request: Request, secrets: Sequence[bytes], began_s: float, took_s: float, answer: Response, why: str
) -> Exchange:
    shown = _redact.url(request.url, secrets)
    return Exchange(request.method, shown, round(began_s, 3), round(took_s, 3), answer.status, len(answer.body), why)
