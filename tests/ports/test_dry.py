"""A dry run listens to brokers and publishes nothing, not even the message that asks for a reading."""

import json

from mine_controller.ports.dry import _listening
from mine_controller.wire.door import Request, Response, Wire


def test_a_dry_run_publishes_nothing():
    bodies = []

    def call(request, until):
        del until
        bodies.append(request.body)
        return Response(200, {}, b"[]")

    wire = _listening(lambda _section, until: Wire(call, lambda: 0.0, lambda _s: None, until))("mqtt supply", 9.0)
    body = json.dumps({"topics": ["a/b"], "live": ["a/b"], "ask": [["cmnd/a/Status", "10"]]}).encode()
    wire.call(Request("READ", "mqtt://127.0.0.1:1883", body=body), 9.0)
    wire.call(Request("GET", "http://127.0.0.1/"), 9.0)
    assert json.loads(bodies[0]) == {"topics": ["a/b"], "live": ["a/b"], "ask": []}
    assert bodies[1] == b""
