"""Commands over a real broker become requests, and what is no command becomes a sentence."""

import json
import signal
import threading

import pytest
from cli.agile import Home
from cli.place import Place
from collect.peers import eventually, free_port, mosquitto, needs_mosquitto
from notify.test_homeassistant_broker import Ear

from mine_controller.cli.collect import orders_of
from mine_controller.collect import orders, process
from mine_controller.config.load import load
from mine_controller.notify.homeassistant import COMMANDS
from mine_controller.store.inbox import pending
from mine_controller.wire import mqtt
from mine_controller.wire.collected import Broker
from mine_controller.wire.publish import Post, Standing, Will

EVERY = ", ".join(COMMANDS)
SECTION = """\
[homeassistant]
host = 127.0.0.1
port = {port}
commands = {commands}
actor = Kitchen panel

[end]"""


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    with mosquitto(tmp_path_factory.mktemp("broker")) as found:
        yield found


class Run:
    """A collector of commands in a thread, at a site of its own."""

    def __init__(self, site, port, commands=EVERY):
        text = SECTION.format(port=port, commands=commands)
        site.path.write_text(site.path.read_text().replace("[end]", text))
        self.config, self.said, self.ended = load(site.path), [], threading.Event()
        self.base = f"minectl/{'attic' if isinstance(site, Home) else 'coop_test'}"
        found = orders_of(self.config)

        def work():
            process.run({}, self.config.paths.collect, self.ended, bool, self.said.append, orders=found)

        self.thread = threading.Thread(target=work)

    def __enter__(self):
        self.thread.start()
        eventually(lambda: any("is heard" in line for line in self.said))
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join(10)
        assert not self.thread.is_alive()

    def requests(self):
        return pending(self.config.paths)

    def has_said(self, word):
        return eventually(lambda: [line for line in self.said if word in line])


@needs_mosquitto
def test_a_switch_that_is_turned_off_is_a_request_with_a_name(broker, tmp_path):
    with Run(Place(tmp_path), broker.port) as run:
        broker.publish(f"{run.base}/set/miners", "OFF")
        (request,) = eventually(run.requests)
    assert (request.verb, request.args) == ("set-state", ("miners", "stop"))
    assert (request.source, request.actor) == ("collect", "Kitchen panel")
    assert request.reason == "switch 'Miners may run' in Home Assistant"


@needs_mosquitto
def test_what_was_pressed_is_decided_by_the_next_tick_and_shown_then(broker, tmp_path):
    site = Place(tmp_path).ticks(1, of=3)
    with Run(site, broker.port) as run:
        broker.publish(f"{run.base}/set/run_m002", "OFF")
        eventually(run.requests)
    site.config = run.config
    site.ticks()
    from mine_controller.ops.recall import kept_book  # noqa: PLC0415

    state = kept_book(site.config.paths).state
    assert [(one.key, one.value, one.actor) for one in state.overrides] == [("miner.m002", "stop", "Kitchen panel")]


@needs_mosquitto
def test_selects_take_the_words_of_the_config(broker, tmp_path):
    with Run(Home(tmp_path), broker.port) as run:
        for name, word in (("band", "2"), ("mode_b0", "eco"), ("pool_b1", "btc"), ("strategy", "OFF"), ("away", "ON")):
            broker.publish(f"{run.base}/set/{name}", word)
        eventually(lambda: len(run.requests()) == 5)
        assert [one.args for one in run.requests()] == [
            ("band", "2"), ("mode.b0", "eco"), ("pool.b1", "btc"), ("strategy", "off"), ("away", "yes"),
        ]  # fmt: skip
        broker.publish(f"{run.base}/set/band", "auto")
        eventually(lambda: len(run.requests()) == 6)
        assert (run.requests()[-1].verb, run.requests()[-1].args) == ("clear-state", ("band",))


@needs_mosquitto
def test_a_retained_command_is_an_old_one_and_is_refused(broker, tmp_path):
    site = Place(tmp_path)
    broker.publish("minectl/coop_test/set/miners", "OFF", retain=True)
    try:
        with Run(site, broker.port) as run:
            run.has_said("miners: refused: a retained command")
            assert run.requests() == ()
    finally:
        broker.publish("minectl/coop_test/set/miners", "", retain=True)


@needs_mosquitto
@pytest.mark.parametrize(
    ("payload", "word"),
    [
        (b"off", "is none of ON, OFF"),
        (b"", "is none of"),
        (b"OFF\n", "no plain text"),
        (b"\xff\xfe", "no text"),
        (b"x" * 500, "no command is that long"),
        (b"x" * 50_000, "no command is that long"),
        (b"set-state signal run", "is none of"),
    ],
)
def test_what_is_no_command_is_refused_and_said(broker, tmp_path, payload, word):
    with Ear(broker) as ear, Run(Place(tmp_path), broker.port) as run:
        broker.publish(f"{run.base}/set/miners", payload)
        run.has_said(word)
        eventually(lambda: word in str(ear.values(f"{run.base}/answer").get("text")))
        assert ear.values(f"{run.base}/answer")["ok"] is False
        assert run.requests() == ()


@needs_mosquitto
def test_only_what_the_owner_opted_into_is_listened_to(broker, tmp_path):
    with Run(Home(tmp_path), broker.port, "strategy") as run:
        broker.publish(f"{run.base}/set/miners", "OFF")
        broker.publish(f"{run.base}/set/signal", "run")
        broker.publish(f"{run.base}/set/strategy", "OFF")
        (request,) = eventually(run.requests)
        assert request.args == ("strategy", "off")


def test_without_an_opt_in_nothing_is_collected(tmp_path):
    site = Place(tmp_path)
    site.path.write_text(site.path.read_text().replace("[end]", "[homeassistant]\nhost = 127.0.0.1\n\n[end]"))
    assert orders_of(load(site.path)) == {}


@needs_mosquitto
def test_a_broken_automation_does_not_fill_the_audit_log(broker, tmp_path, monkeypatch):
    monkeypatch.setattr(orders, "A_MINUTE", 3)
    with Run(Place(tmp_path), broker.port) as run:
        for _ in range(6):
            broker.publish(f"{run.base}/set/miners", "OFF")
        run.has_said("more than 3 commands in a minute")
        assert len(run.requests()) == 3


@needs_mosquitto
def test_a_flood_of_commands_does_not_fill_the_log_of_the_collector(broker, tmp_path, monkeypatch):
    monkeypatch.setattr(orders, "A_MINUTE", 3)
    with Run(Place(tmp_path), broker.port) as run:
        for number in range(40):
            broker.publish(f"{run.base}/set/miners", f"nonsense {number}")
        run.has_said("what else is refused in this minute is not told")
        broker.publish(f"{run.base}/set/miners", "\x01")
        told = [line for line in run.said if "miners: refused" in line]
        assert len(told) == 4


@needs_mosquitto
def test_home_assistant_sees_whether_anybody_listens(broker, tmp_path):
    with Ear(broker) as ear:
        with Run(Place(tmp_path), broker.port) as run:
            eventually(lambda: ear.heard.get(f"{run.base}/listening") == "online")
        eventually(lambda: ear.heard.get(f"{run.base}/listening") == "offline")


@needs_mosquitto
def test_the_late_offline_of_a_line_that_broke_unseen_does_not_stay(broker, tmp_path, monkeypatch):
    """The broker tells the will of the line before, 45 s after the collector is back on another one."""
    monkeypatch.setattr(orders, "AGAIN_S", 0.2, raising=False)
    with Ear(broker) as ear, Run(Place(tmp_path), broker.port) as run:
        topic = f"{run.base}/listening"
        eventually(lambda: ear.heard.get(topic) == "online")
        ear.heard.clear()
        broker.publish(topic, "offline", retain=True)
        eventually(lambda: ear.heard.get(topic) == "online")
        assert sum("is heard" in line for line in run.said) == 1


@needs_mosquitto
def test_a_broker_that_restarts_is_found_again(tmp_path):
    (tmp_path / "broker").mkdir()
    with mosquitto(tmp_path / "broker") as own, Run(Place(tmp_path), own.port) as run:
        own.stop()
        eventually(lambda: any("closed" in line or "goodbye" in line or "refuses" in line for line in run.said))
        own.start()
        eventually(lambda: sum("is heard" in line for line in run.said) == 2)
        own.publish(f"{run.base}/set/miners", "OFF")
        eventually(run.requests)


def test_a_request_that_cannot_be_written_is_said_and_nothing_dies(tmp_path, monkeypatch):
    from mine_controller.ops import homeassistant as desk  # noqa: PLC0415
    from mine_controller.store.db import StoreTrouble  # noqa: PLC0415

    site = Place(tmp_path)
    text = SECTION.format(port=free_port(), commands="run")
    site.path.write_text(site.path.read_text().replace("[end]", text))
    (found,) = desk.desks(load(site.path)).values()

    def full(*_given):
        raise StoreTrouble("full", "the disk is full")

    monkeypatch.setattr(desk, "_file", full)
    assert found.judge("minectl/coop_test/set/miners", "OFF") == (False, "not filed: the disk is full")
    assert found.judge("minectl/coop_test/set/nobody", "OFF").ok is False


@needs_mosquitto
def test_a_broker_that_forbids_to_say_that_it_listens_is_told_of(tmp_path, monkeypatch):
    """Every switch is unavailable then, while everything is heard."""
    monkeypatch.setattr(orders, "AGAIN_S", 0.2)
    (tmp_path / "rights").write_text("topic read #\n")
    (tmp_path / "broker").mkdir()
    with (
        mosquitto(tmp_path / "broker", f"acl_file {tmp_path}/rights") as broker,
        Run(Place(tmp_path), broker.port) as run,
    ):
        assert run.has_said(f"does not let us publish on {run.base}/listening")
        (tmp_path / "rights").write_text("topic readwrite #\n")
        broker.process.send_signal(signal.SIGHUP)
        eventually(lambda: sum("is heard" in line for line in run.said) == 2)


def test_an_answer_is_json_that_a_template_can_read():
    told = orders.Judged(False, "refused: 'x\"y' is none of")
    assert json.loads(json.dumps({"text": told.text}))["text"] == told.text


def test_a_line_that_stays_keeps_nothing_of_what_was_confirmed():
    line = Standing(Broker("127.0.0.1", 1, "", "", False, ""), (), print, mqtt.V5, Will("mine/listening", "offline"))
    for _ in range(200):
        line.send([Post("mine/listening", "online")])
        for mid in tuple(line.open_mids):
            line._confirmed(None, None, mid, None, None)
    assert not [name for name, value in vars(line).items() if isinstance(value, list | set | dict) and value]
