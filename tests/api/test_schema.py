"""Whatever its own OpenAPI document allows, and whatever it does not: no path ends in a server error."""

import warnings
from collections import Counter
from itertools import cycle

import pytest
from api.served import Served
from cli.agile import Home
from hypothesis import HealthCheck, given, settings

from mine_controller.api.asks import Problem
from mine_controller.ops import replies

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")
AT = "http://127.0.0.1:5000"
KNOWN = cycle(("b0", "btc", "2", ""))  # ids of the attic, and every fourth time as it was made up
ROUNDS = settings(
    max_examples=16, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


@pytest.fixture
def attic(tmp_path, monkeypatch):
    home = Home(tmp_path)
    home.prices(15, 8, 25, ticks=2)
    home.ticks(2)
    monkeypatch.setattr(replies, "start_tick", lambda _config: replies.Started(0))
    served = Served(home)
    served.state.jobs.begin = _no_search
    return served


def _no_search(*_about):
    raise Problem(409, "a search runs already", job="x")


def test_no_path_ends_in_a_server_error(attic):
    from schemathesis.generation import GenerationMode  # noqa: PLC0415 - only where it is installed

    schema = schemathesis.openapi.from_dict(attic.get("/openapi.json").json())
    schema.config.generation.update(modes=[GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
    seen: Counter[tuple[str, int]] = Counter()
    for found in schema.get_all_operations():

        @ROUNDS
        @given(case=found.ok().as_strategy())
        def ask(case):
            attic.now_s += 60
            answer = _sent(attic, case)
            seen[f"{case.method} {case.path}", answer.status_code] += 1
            assert answer.status_code < 500, f"{case.method} {case.path}: {case.body!r} {answer.text}"

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its own making
            ask()
    assert len({path for path, _ in seen}) > 40
    assert {200, 202, 404, 409, 422} <= {status for _, status in seen}
    attic.settle()


def _sent(served, case):
    name = next(KNOWN)
    if name:
        case.path_parameters = dict.fromkeys(case.path_parameters or (), name)
    about = case.as_transport_kwargs(base_url=AT)
    headers = {str(name): str(value) for name, value in (about.get("headers") or {}).items()} | served.bearer("admin")
    sent = {name: about[name] for name in ("json", "content", "params") if about.get(name) is not None}
    if isinstance(about.get("data"), bytes | str):
        sent["content"] = about["data"]
    return served.send(about["method"], about["url"].removeprefix(AT), None, "", headers=headers, **sent)
