"""What is sent to stop everything stops everything, however it is sent; other writes are told how to send it."""

import http.client
import json

import pytest
from api.live import listening

from mine_controller.api import guard
from mine_controller.store.stop import stop_requested

JSON, FORM = {"Content-Type": "application/json"}, {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    ("how", "headers", "sent", "said"),
    [
        ("", FORM, b'{"reason": "smoke"}', "smoke"),  # as curl -d calls it
        ("", JSON, b'{"reason": "smoke\\nin the attic"}', "smoke in the attic"),
        ("", JSON, json.dumps({"reason": "smoke " * 60}).encode(), "smoke smoke"),
        ("", JSON, b'{"reason": "smoke", "why": "hot"}', "smoke"),
        ("", JSON, b'{"reason": null}', "emergency stop over HTTP"),
        ("", JSON, b"{smoke", "emergency stop over HTTP"),
        ("", JSON, b'{"reason": "\xff"}', "emergency stop over HTTP"),
        ("", JSON, b"[" * 60_000, "emergency stop over HTTP"),
        ("", JSON, b'{"reason": "' + b"smoke " * 20_000 + b'"}', "emergency stop over HTTP"),
        ("?wait=120", JSON, b'{"reason": "smoke"}', "smoke"),
    ],
)
def test_an_emergency_stop_is_not_refused_for_the_words_beside_it(served, how, headers, sent, said):
    done = served.post(f"/api/debug/emergency-shutdown{how}", headers=headers, content=sent)
    assert (done.status_code, done.json()["stop"]) == (202, True)
    assert stop_requested(served.place.config.paths).startswith(f"token operate (127.0.0.1): {said}")
    served.settle()


def test_an_emergency_stop_does_not_wait_for_words_that_never_come(place, monkeypatch):
    """A line that breaks down behind the head of the request: who asks, and for what, is known."""
    monkeypatch.setattr(guard, "BODY_S", 0.3)
    place.ticks(1)
    with listening(place) as live:
        one = http.client.HTTPConnection("127.0.0.1", live.port, timeout=20)
        headers = {"Authorization": f"Bearer {live.token('operate')}", "Content-Length": "30", **JSON}
        one.request("POST", "/api/debug/emergency-shutdown", b'{"reason": ', headers)
        status = one.getresponse().status
        one.close()
    assert status == 202
    assert stop_requested(place.config.paths).endswith("emergency stop over HTTP")


def test_a_body_that_is_not_called_json_is_told_what_to_call_it(served):
    done = served.post("/api/debug/fans", headers=FORM, content=b'{"fan.3": "on", "reason": "x"}')
    assert (done.status_code, "Content-Type: application/json" in done.json()["error"]) == (422, True)
