"""ubus over HTTP, as OpenWrt's uhttpd speaks it: log in, call, log out. Sessions die by themselves after 300 s."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Protocol

from mine_controller.core.option import Secret
from mine_controller.devices import _access, _answer
from mine_controller.devices.kind import BadReply, Reply
from mine_controller.record import NamedTuple
from mine_controller.wire.door import Wire, WireError

NOBODY = "0" * 32
_WORDS = {
    2: "it does not take these arguments",
    3: "there is no such method",
    4: "there is no such object",
    5: "it has no data",
    6: "this user may not call it: give it the right in the router's rpcd ACL",
    7: "it took too long",
}


class Call(Protocol):
    """One call within a session."""

    def __call__(
        self, name: str, thing: str, method: str, arguments: Mapping[str, Any], longest_s: float = _access.READ_S
    ) -> Reply:
        """The answer under its name. Raises WireError."""


def words(code: int) -> str:
    """A ubus status in words."""
    return _WORDS.get(code, f"ubus status {code}")


@contextmanager
def session(wire: Wire, options: Any) -> Iterator[Call]:
    """Logged in for a few calls. Raises WireError; a refused login is told by every call's reply."""
    login = _post(wire, options, "login", NOBODY, "session", "login", _who(options.user, options.password))
    sid = _sid(login)

    def call(
        name: str, thing: str, method: str, arguments: Mapping[str, Any], longest_s: float = _access.READ_S
    ) -> Reply:
        if not sid:
            return login._replace(name=name)
        return _post(wire, options, name, sid, thing, method, arguments, longest_s)

    try:
        yield call
    finally:
        if sid:
            with suppress(WireError):  # the router forgets the session by itself
                _post(wire, options, "logout", sid, "session", "destroy", {})


def _who(user: str, password: Secret) -> dict[str, str]:
    return {"username": user, "password": password.reveal()}


def _sid(login: Reply) -> str:
    try:
        code, data = result({"login": login}, "login")
    except BadReply:
        return ""
    sid = data.get("ubus_rpc_session")
    return sid if code == 0 and isinstance(sid, str) and len(sid) < 100 and sid.isalnum() else ""


def _post(
    wire: Wire,
    options: Any,
    name: str,
    sid: str,
    thing: str,
    method: str,
    arguments: Mapping[str, Any],
    longest_s: float = _access.READ_S,
) -> Reply:
    tree = {"jsonrpc": "2.0", "id": 1, "method": "call", "params": [sid, thing, method, dict(arguments)]}
    plain = _Plain(options.pin, options.ca_file)
    wanted = _access.request(plain, "POST", _access.under(options.url, "ubus"), tree)
    return _access.ask(wire, name, wanted, longest_s)


class _Plain(NamedTuple):
    """A request without basic authentication: the session is the login."""

    pin: str
    ca_file: str
    user: str = ""
    password: Secret = Secret("")


def result(replies: Mapping[str, Reply], name: str) -> tuple[int, dict[str, Any]]:
    """Status and data of one answer. Raises BadReply where it is none, or access is denied."""
    if name not in replies:
        raise BadReply(f"{name}: was not asked")
    tree = _answer.table(replies[name])
    error = tree.get("error")
    if isinstance(error, dict):
        raise BadReply(f"{name}: {_answer.clean(str(error.get('message', 'refused')), 60)}: check user and password")
    told = tree.get("result")
    if not isinstance(told, list) or not told or not isinstance(told[0], int) or isinstance(told[0], bool):
        raise BadReply(f"{name}: not an answer of ubus: {_answer.clean(json.dumps(tree)[:60], 60)}")
    data = told[1] if len(told) > 1 and isinstance(told[1], dict) else {}
    return told[0], data
