"""SIG3: a strange page in the place of the signal is kept by the tick that met it, and the reason says where."""

import hashlib
import json
import sys
import time

import pytest
from cli.place import write_site
from devices.test_cases import replies

from mine_controller.config.load import load
from mine_controller.core.due import Asked
from mine_controller.core.model.state import State
from mine_controller.devices import power_signal
from mine_controller.devices.kind import BadReply
from mine_controller.ports.clock import Sources
from mine_controller.ports.dry import dry_tick
from mine_controller.ports.live import Live, ports_of
from mine_controller.store import query
from mine_controller.tick import tick
from mine_controller.wire.door import Response, Wire, WireError

PORTAL = (
    b'<html><title>Guest Wi-Fi</title><body><input name="csrf_token" value="abc123">' + b"<p>hi</p>" * 9 + b"</html>"
)
GOOD = b'<html><body><b class="signal">run</b>' + b"<p>hello</p>" * 9 + b"</html>"
WHY = "with 'guest wi-fi' in it: not the page"


@pytest.fixture
def config(tmp_path):
    return load(write_site(tmp_path))


def wires(body=PORTAL, kind="text/html"):
    def call(request, until):
        if not request.url.endswith("/signal"):
            raise WireError("refused", "connection refused")
        return Response(200, {"content-type": kind}, body)

    return lambda section, until: Wire(call, time.monotonic, time.sleep, until)


def read(config, **page):
    live = Live(config, wire_for=wires(**page))
    found = live.ask((Asked("power_signal coop"),), None, live.clocks(State(), None))
    return next(one.why for one in found if one.key == "power_signal coop:health")


def samples(config):
    return sorted(config.paths.samples.iterdir()) if config.paths.samples.exists() else []


def test_sig3_a_page_that_cannot_be_read_is_kept_and_the_reason_says_where(config):
    digest = hashlib.sha256(PORTAL).hexdigest()
    assert read(config) == f"{WHY}; kept as samples/power_signal-coop-{digest[:8]}"
    assert [path.name for path in samples(config)] == [f"power_signal-coop-{digest[:8]}"]
    assert f"sha256={digest}" in config.paths.log.read_text()
    assert read(config).endswith(digest[:8])
    assert config.paths.log.read_text().count("sha256") == 1


def test_sig3_a_kept_page_is_a_case_that_the_driver_refuses_again_for_the_same_reason(config):
    read(config)
    (case,) = samples(config)
    told = json.loads((case / "expected.json").read_text())
    assert told == {"refused": WHY}
    with pytest.raises(BadReply, match=told["refused"]):
        power_signal.parse(replies(case), config.endpoints["power_signal coop"].options)
    assert json.loads((case / "options.json").read_text())["selector"] == ".signal"


def test_sig3_a_kept_page_holds_no_token_and_no_address(config):
    read(config)
    (case,) = samples(config)
    text = b"".join(path.read_bytes() for path in case.iterdir())
    assert b"Guest Wi-Fi" in text
    assert [one for one in (b"abc123", b"127.0.0.1") if one in text] == []


def test_a_page_that_can_be_read_or_does_not_come_leaves_no_sample_and_loads_nothing(config, monkeypatch):
    monkeypatch.delitem(sys.modules, "mine_controller.ports.samples", raising=False)
    assert read(config, body=GOOD) == ""
    live = Live(config, wire_for=lambda section, until: wires()(section, until)._replace(call=lost))
    live.ask((Asked("power_signal coop"),), None, live.clocks(State(), None))
    assert samples(config) == []
    assert "mine_controller.ports.samples" not in sys.modules


def lost(request, until):
    raise WireError("timeout", "no answer in 3.0 s")


def test_an_unreadable_answer_of_a_device_in_the_plant_leaves_none(config):
    live = Live(config, wire_for=lambda s, until: Wire(strange, time.monotonic, time.sleep, until))
    found = live.ask((Asked("iotawatt fans"),), None, live.clocks(State(), None))
    assert next(one.why for one in found if one.key == "iotawatt fans:health")
    assert samples(config) == []


def strange(request, until):
    return Response(200, {"content-type": "text/html"}, PORTAL)


def test_a_dry_run_keeps_no_sample(config):
    dry_tick(config, everything=True, wire_for=wires())
    assert samples(config) == []


def test_sig3_a_page_that_sets_off_a_fault_of_the_driver_is_kept_too(config, monkeypatch):
    def broken(replies, options):
        raise RecursionError

    monkeypatch.setattr(power_signal, "parse", broken)
    assert read(config).startswith("driver error: RecursionError; kept as samples/")


@pytest.mark.parametrize("trouble", ["no folder", "a file in its place", "a fault of ours"])
def test_sig3_a_sample_that_can_not_be_kept_costs_only_itself(config, monkeypatch, trouble):
    if trouble == "no folder":
        config = config._replace(paths=config.paths._replace(db=config.paths.db.parent / "gone" / "mine_data.db"))
    elif trouble == "a file in its place":
        config.paths.samples.write_text("")
    else:
        monkeypatch.setattr("mine_controller.ports.samples.case", lambda *_: 1 / 0)
    assert read(config) == WHY
    text = config.paths.log.read_text()
    assert (
        "keeping a sample failed: ZeroDivisionError" if trouble == "a fault of ours" else "no sample of the"
    ) in text


def test_a_long_reason_gives_way_to_the_place_of_its_sample(config):
    why = read(config, body=GOOD.replace(b"run", b"perhaps " * 12))
    assert len(why) == 120
    assert why.endswith(f"; kept as samples/{samples(config)[0].name}")


def test_sig3_the_alarm_of_the_unreadable_signal_names_the_sample(config):
    now = [1_000.0]
    for _ in range(4):
        sources = Sources(lambda: now[0], lambda: 1_789_000_000 + now[0], lambda: "boot", lambda: True)
        live = Live(config, wire_for=wires(), sources=sources)
        live.ping = live.show = lambda *_: None
        tick(ports_of(live)._replace(wait=lambda book, until_s: None), config.policy)
        now[0] += 120
    (name,) = [path.name for path in samples(config)]
    told = [row.text for row in query.events(config.paths, kind="signal_blind")]
    told += [one.body for one in query.letters(config.paths) if "power_signal coop" in one.body]
    assert len(told) >= 2
    assert all(f"kept as samples/{name}" in text for text in told)
