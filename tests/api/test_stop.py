"""What is sent to stop everything stops everything, however it is sent; other writes are told how to send it."""

import json

import pytest

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
        ("?wait=120", JSON, b'{"reason": "smoke"}', "smoke"),
    ],
)
def test_an_emergency_stop_is_not_refused_for_the_words_beside_it(served, how, headers, sent, said):
    done = served.post(f"/api/debug/emergency-shutdown{how}", headers=headers, content=sent)
    assert (done.status_code, done.json()["stop"]) == (202, True)
    assert stop_requested(served.place.config.paths).startswith(f"token operate (127.0.0.1): {said}")
    served.settle()


def test_a_body_that_is_not_called_json_is_told_what_to_call_it(served):
    done = served.post("/api/debug/fans", headers=FORM, content=b'{"fan.3": "on", "reason": "x"}')
    assert (done.status_code, "Content-Type: application/json" in done.json()["error"]) == (422, True)
