"""A dry run listens to brokers, publishes nothing (not even the message that asks for a reading) and writes nothing."""

import json
import time

from cli.place import Place

from mine_controller.devices import power_signal
from mine_controller.ports.dry import _listening, dry_tick
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


def test_a_driver_with_a_fault_is_told_to_who_typed_it_and_the_disk_stays_as_it_was(tmp_path, monkeypatch, capsys):
    """A log that a dry run makes belongs to whoever typed it, and the ticks of cron could not write on."""

    def broken(replies, options):
        raise RecursionError

    def wires(section, until):
        return Wire(lambda request, until: Response(200, {}, b"run"), time.monotonic, time.sleep, until)

    place = Place(tmp_path)
    monkeypatch.setattr(power_signal, "parse", broken)
    before = sorted(tmp_path.rglob("*"))
    dry_tick(place.config, everything=True, wire_for=wires)
    assert sorted(tmp_path.rglob("*")) == before
    assert "driver device=" in capsys.readouterr().err
