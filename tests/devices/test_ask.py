import re
import threading
import time
from types import SimpleNamespace
from typing import NamedTuple

import pytest

from mine_controller.core.due import Asked
from mine_controller.core.model.pool import Pool
from mine_controller.core.model.reading import Reading, Value
from mine_controller.core.option import Secret
from mine_controller.devices import ask as room
from mine_controller.devices.kind import BadReply, Found, Reply
from mine_controller.wire import retry
from mine_controller.wire.door import Exchange, Request, Response, Wire, WireError

REQUEST = Request("GET", "http://192.0.2.1/")


class Options(NamedTuple):
    password: Secret = Secret("canary-4711")


class Section(NamedTuple):
    kind: str = "meter"
    options: Options = Options()
    budget_s: float = 0.0


@pytest.fixture
def kinds(monkeypatch):
    """Kinds by name; a test writes its own drivers in here."""
    known = {}

    def named(name):
        if name not in known:
            raise ImportError(name)
        return known[name]

    monkeypatch.setattr(room, "kind_named", named)
    return known


@pytest.fixture(autouse=True)
def _no_retries():
    retry.set_active(False)
    yield
    retry.set_active(True)


def driver(found=(), fetch=None, **more):
    return SimpleNamespace(fetch=fetch or (lambda wire, options, ask: ()), parse=lambda replies, options: found, **more)


def live(section, until):
    return Wire(lambda request, end: Response(200, {}, b""), time.monotonic, time.sleep, until)


def ask(*asked, endpoints=None, channels=None, until_s=5.0, wire_for=live, threads=True, **more):
    sections = endpoints or {one.endpoint: Section(one.endpoint.split()[0]) for one in asked}
    until = time.monotonic() + until_s
    return room.ask(asked, sections, channels or {}, lambda at: 700, wire_for, until, threads, **more)


def test_what_a_driver_found_gets_the_name_of_its_section(kinds):
    kinds["meter"] = driver(
        [Found("A1", "power_w", 412), Found("", "grid_hz", 50.0), Found("2", "temp_c", None, "cut")]
    )
    assert ask(Asked("meter hall")) == (
        Reading("meter hall/A1:power_w", 412, 700),
        Reading("meter hall:grid_hz", 50.0, 700),
        Reading("meter hall/2:temp_c", None, 700, "cut"),
        Reading("meter hall:health", "ok", 700),
        Reading("meter hall:fails", 0, 700),
    )


@pytest.mark.parametrize("threads", [True, False])
def test_readings_come_in_the_order_asked(kinds, threads):
    kinds["meter"] = driver([Found("1", "power_w", 1)])
    names = [f"meter m{n}" for n in range(20)]
    readings = ask(*(Asked(name) for name in names), threads=threads)
    assert [reading.key for reading in readings if reading.quantity == "health"] == [f"{name}:health" for name in names]


def failing(error):
    def fetch(wire, options, ask):
        raise error

    return driver(fetch=fetch)


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (WireError("refused", "connection refused"), "connection refused"),
        (BadReply("no such page"), "no such page"),
        (TypeError("secret inside"), "driver error: TypeError"),
        (RecursionError(), "driver error: RecursionError"),
        (MemoryError(), "driver error: MemoryError"),
    ],
)
def test_every_failure_is_a_reason_and_counts(kinds, error, why):
    kinds["meter"] = failing(error)
    known = {"meter x:fails": Value(2, 100, "", "")}
    assert ask(Asked("meter x"), channels=known) == (
        Reading("meter x:health", None, 700, why),
        Reading("meter x:fails", 3, 700),
    )


def test_a_look_that_fails_is_no_failure_of_one_more_tick(kinds):
    """Ten looks of one tick were ten in a row: who was away for eight minutes was asked again after sixteen."""
    kinds["meter"] = failing(WireError("timeout", "late"))
    readings = ask(Asked("meter x"), channels={"meter x:fails": Value(2, 100)}, counts=False)
    assert [(one.quantity, one.value) for one in readings] == [("health", None)]


def test_one_failure_leaves_the_others_alone(kinds):
    kinds["meter"], kinds["fan"] = failing(ValueError()), driver([Found("1", "switch", "on")])
    keys = {reading.key: reading.value for reading in ask(Asked("meter x"), Asked("fan y"))}
    assert keys["fan y/1:switch"] == "on"
    assert keys["meter x:health"] is None


def test_the_channels_of_a_failed_endpoint_become_unknown_with_its_reason(kinds):
    kinds["meter"] = failing(WireError("timeout", "no answer in 3.0 s"))
    names = ["meter x/1:power_w", "meter x/2:power_w", "meter x:grid_hz", "meter x/1:memory", "meter x2/1:power_w"]
    names += ["meter x/7:ticket", "meter x/1:temp_c?", "meter x:tried"]
    known = {name: Value(1, 100, "", "") for name in names}
    readings = ask(Asked("meter x"), channels=known)
    assert [reading.key for reading in readings if reading.quantity not in ("health", "fails")] == names[:3]
    assert {reading.why for reading in readings[:4]} == {"no answer in 3.0 s"}


def test_only_the_channels_asked_for_become_unknown(kinds):
    kinds["meter"] = failing(WireError("closed", "cut"))
    known = {f"meter x/{n}:power_w": Value(1, 100, "", "") for n in "12"}
    assert ask(Asked("meter x", channels=("2",)), channels=known)[0].key == "meter x/2:power_w"
    assert len(ask(Asked("meter x", channels=("-",), tickets=("9",)), channels=known)) == 2


def test_an_answer_with_nothing_in_it_is_a_failure(kinds):
    kinds["meter"] = driver(())
    assert ask(Asked("meter x"))[0].why == "nothing readable in the answer"
    assert ask(Asked("meter x", channels=("-",), tickets=("4711",)))[0].value == "ok"


def unreadable(parse, **more):
    reply = Reply("page", 200, {}, b"hello canary-4711")
    return SimpleNamespace(fetch=lambda wire, options, ask: (reply,), parse=parse, **more)


def refuses(replies, options):
    raise BadReply("no page " + "x" * 200)


def test_what_a_kind_that_keeps_samples_can_not_read_is_handed_on_and_the_remark_ends_the_reason(kinds):
    kinds["page"], kinds["meter"] = unreadable(refuses, SAMPLES=True), unreadable(refuses)
    handed = []

    def strange(section, replies, why):
        handed.append((section, [reply.body for reply in replies], why[:7]))
        return "; kept as canary-4711"

    readings = ask(Asked("page x"), Asked("meter y"), strange=strange)
    assert handed == [("page x", [b"hello canary-4711"], "no page")]
    assert readings[0].why.endswith("x; kept as ***")
    assert len(readings[0].why) == 120
    assert readings[2].why.endswith("x")


def test_what_can_be_read_and_what_never_came_is_handed_to_nobody(kinds):
    kinds["page"] = unreadable(lambda replies, options: [Found("", "signal", "run")], SAMPLES=True)
    kinds["meter"] = SimpleNamespace(**vars(failing(WireError("timeout", "no answer"))), SAMPLES=True)
    assert ask(Asked("page x"), Asked("meter y"), strange=lambda *_: 1 / 0)[-2].why == "no answer"


def test_a_page_that_is_still_being_read_when_its_time_is_over_is_not_called_strange(kinds):
    release = threading.Event()

    def slow(replies, options):
        release.wait(10)
        return [Found("", "signal", "run")]

    kinds["page"] = unreadable(slow, SAMPLES=True)
    assert ask(Asked("page x"), until_s=0.1, strange=lambda *_: 1 / 0)[0].why == "no answer in 0.1 s"
    release.set()


def test_a_driver_that_hangs_is_left_behind_and_can_do_nothing_late(kinds):
    # DNS1: a resolver that hangs looks just like this
    release, late = threading.Event(), []

    def fetch(wire, options, ask):
        release.wait(10)
        try:
            wire.call(REQUEST, wire.until)
        except WireError as error:
            late.append(error.why)
        release.clear()
        return ()

    kinds["meter"], kinds["fan"] = driver([Found("1", "power_w", 9)], fetch), driver([Found("1", "switch", "on")])
    readings = ask(Asked("meter x"), Asked("fan y"), until_s=0.1)
    assert readings[0] == Reading("meter x:health", None, 700, "no answer in 0.1 s")
    assert readings[2].value == "on"
    release.set()
    for thread in [one for one in threading.enumerate() if one.name == "ask meter x"]:
        thread.join(5)
    assert late == ["its time is over"]


def hanging(seen):
    def fetch(wire, options, ask):
        seen.append(wire.until - wire.now())
        wire.call(REQUEST, wire.until)
        return ()

    return fetch


def virtual(answer_s):
    """A wire whose calls take `answer_s` of its own time and none of ours."""

    def wire_for(section, until):
        clock = [0.0]

        def call(request, end):
            clock[0] = min(clock[0] + answer_s, end)
            if clock[0] >= end:
                raise WireError("timeout", f"no answer in {end:.1f} s")
            return Response(200, {}, b"")

        return Wire(call, lambda: clock[0], lambda s: None, until)

    return wire_for


@pytest.mark.parametrize(
    ("budget", "probe", "answer_s", "good"),
    [({}, False, 5.0, True), ({}, False, 6.5, False), ({}, True, 0.8, True), ({}, True, 1.5, False),
     ({"BUDGET_S": 12.0}, False, 10.0, True), ({"BUDGET_S": 12.0}, True, 1.5, True)],
)  # fmt: skip
def test_six_seconds_are_enough_and_one_for_a_probe_unless_the_kind_is_slow(kinds, budget, probe, answer_s, good):
    kinds["meter"] = driver([Found("1", "power_w", 1)], hanging([]), **budget)
    readings = ask(Asked("meter x", probe=probe), wire_for=virtual(answer_s), threads=False, until_s=1e6)
    assert (readings[-2].value == "ok") == good


@pytest.mark.parametrize(("written_s", "good"), [(0.0, False), (9.0, False), (11.0, True)])
def test_an_owner_may_give_a_slow_device_more_time(kinds, written_s, good):
    kinds["meter"] = driver([Found("1", "power_w", 1)], hanging([]))
    slow = {"meter x": Section("meter")._replace(budget_s=written_s)}
    readings = ask(Asked("meter x"), endpoints=slow, wire_for=virtual(10.0), threads=False, until_s=1e6)
    assert (readings[-2].value == "ok") == good


def test_a_probe_that_is_answered_has_the_whole_budget(kinds):
    def fetch(wire, options, ask):
        for _ in range(6):
            wire.call(REQUEST, wire.until)
        return ()

    kinds["meter"] = driver([Found("1", "power_w", 1)], fetch)
    assert ask(Asked("meter x", probe=True), wire_for=virtual(0.8), threads=False, until_s=1e6)[-2].value == "ok"


def test_reads_are_asked_once_more_but_a_probe_is_not(kinds):
    retry.set_active(True)
    calls = []

    def wire_for(section, until):
        def call(request, end):
            calls.append(section)
            raise WireError("closed", "cut")

        return Wire(call, lambda: 0.0, lambda s: None, until)

    kinds["meter"] = driver((), hanging([]))
    ask(Asked("meter a"), Asked("meter b", probe=True), wire_for=wire_for, threads=False)
    assert calls == ["meter a", "meter a", "meter b"]


def test_what_a_driver_remembers_comes_back_to_it_alone(kinds):
    seen = []

    def fetch(wire, options, ask):
        seen.append(dict(ask.memory))
        return ()

    kinds["meter"] = driver([Found("etag", "memory", "abc\n")], fetch)
    readings = ask(Asked("meter x"))
    assert readings[0] == Reading("meter x/etag:memory", "abc\n", 700)
    known = {readings[0].key: Value("abc\n", 700, "", ""), "meter y/etag:memory": Value("other", 1, "", "")}
    ask(Asked("meter x"), channels=known)
    assert seen == [{}, {"etag": "abc\n"}]


def test_an_address_that_hung_is_not_asked_in_the_next_tick_and_the_driver_hears_why(kinds):
    sent, heard = [], []

    def many(batch, until):
        sent.append([one.host for one in batch])
        return [b"ok" if one.host == "10.0.0.1" else WireError("timeout", "no answer in 6.0 s") for one in batch]

    def fetch(wire, options, ask):
        heard.append(wire.many([Exchange(f"10.0.0.{at}", 80, b"x") for at in (1, 2)], wire.until))
        return ()

    kinds["meter"] = driver([Found("1", "power_w", 1)], fetch)
    known = {"meter x/10.0.0.2:memory": Value("02:00:00:00:00:02", 1, "", "")}
    readings = ask(Asked("meter x"), channels=known, wire_for=lambda _s, until: live(_s, until)._replace(many=many))
    (kept,) = [one for one in readings if one.key == "meter x/patience:memory"]
    assert kept.value == "h 1 820 10.0.0.2"
    known[kept.key] = Value("h 2 900 10.0.0.2", 700, "", "")
    again = ask(Asked("meter x"), channels=known, wire_for=lambda _s, until: live(_s, until)._replace(many=many))
    assert sent == [["10.0.0.1", "10.0.0.2"], ["10.0.0.1"]]
    assert "does not answer" in str(heard[1][1])
    assert not [one for one in again if one.quantity == "memory"]


def test_a_group_that_is_silent_as_a_whole_is_a_failed_endpoint_and_nobody_is_put_to_rest(kinds):
    def fetch(wire, options, ask):
        raise wire.many([Exchange("10.0.0.1", 80, b"x")], wire.until)[0]

    kinds["meter"] = driver((), fetch)
    silent = [WireError("unreachable", "no connection in 2.0 s")]
    readings = ask(Asked("meter x"), wire_for=lambda _s, until: live(_s, until)._replace(many=lambda b, u: silent))
    assert [(one.quantity, one.value) for one in readings] == [("health", None), ("fails", 1)]


def test_passwords_of_pools_are_secrets_too():
    class WithPools(NamedTuple):
        pools: tuple = (Pool("btc", "stratum+tcp://a:1", "me", Secret("canary-pool")),)
        hosts: tuple = ("10.0.0.1",)

    assert room.secrets_of(WithPools()) == ("canary-pool",)


@pytest.mark.parametrize("value", [True, [1], {"a": 1}, b"1", object(), (1, 2)])
def test_only_scalars_pass(kinds, value):
    kinds["meter"] = driver([Found("1", "power_w", value)])
    reading = ask(Asked("meter x"))[0]
    assert reading.value is None
    assert reading.why == f"driver error: {type(value).__name__} for a value"


def test_nothing_a_device_says_carries_a_secret_or_a_control_character(kinds):
    nasty = "it is canary-4711\x1b[31m\ud800" + "x" * 500
    kinds["meter"] = driver([Found("1", "text", nasty), Found("2", "temp_c", None, nasty), Found(nasty, "text", "a")])
    for reading in ask(Asked("meter x"))[:3]:
        for text in (reading.key, str(reading.value), reading.why):
            assert "canary" not in text
            assert text.isprintable()
            assert len(text) <= 220


@pytest.mark.parametrize("secret", ["", "canary-4711"])
def test_every_reading_of_a_fleet_stands_at_its_own_unit_and_texts_are_cleaned_with_and_without_secrets(kinds, secret):
    kinds["rack"] = driver(
        [
            Found("aa", "address", "10.0.1.1"),
            Found("aa model", "text", "M\n21"),
            Found("aa", "power_w", 3200),
            Found("bb", "power_w", None, "no\tword"),
            Found("aa", "text", "x" * 500),
            Found("", "power_w", 7.5),
            Found("", "text", "plain"),
            Found("1.1.1.1", "memory", "kept\nas it is"),
        ]
    )
    sections = {"rack a": Section("rack", Options(Secret(secret)))}
    assert ask(Asked("rack a"), endpoints=sections)[:-2] == (
        Reading("rack a/aa:address", "10.0.1.1", 700),
        Reading("rack a/aa model:text", "M 21", 700),
        Reading("rack a/aa:power_w", 3200, 700),
        Reading("rack a/bb:power_w", None, 700, "no word"),
        Reading("rack a/aa:text", "x" * 200, 700),
        Reading("rack a:power_w", 7.5, 700),
        Reading("rack a:text", "plain", 700),
        Reading("rack a/1.1.1.1:memory", "kept\nas it is", 700),
    )


def test_a_section_or_a_driver_that_does_not_exist_is_unknown(kinds):
    assert ask(Asked("meter x"))[0].why == "no driver for 'meter'"
    assert ask(Asked("meter x"), endpoints={"other y": Section()})[0].why == "no such endpoint"


@pytest.mark.parametrize("name", ["kind", "ask", "_answer", "../wire", "os", "", "Ask"])
def test_only_drivers_are_kinds(name):
    with pytest.raises(ImportError):
        room.kind_named(name)


def test_a_machine_without_threads_left_says_so(kinds, monkeypatch):
    def start(self):
        raise RuntimeError("can't start new thread")

    kinds["meter"] = driver([Found("1", "power_w", 1)])
    monkeypatch.setattr(threading.Thread, "start", start)
    assert ask(Asked("meter x"))[0].why == "no thread left to ask in"


@pytest.mark.parametrize("threads", [True, False])
def test_a_drivers_own_fault_is_told_with_its_lines_and_without_a_value(kinds, threads):
    kinds["meter"], kinds["fan"] = failing(TypeError("canary-secret")), failing(WireError("timeout", "silent"))
    told = {}
    ask(Asked("meter x"), Asked("fan y"), threads=threads, faults=told.__setitem__)
    assert list(told) == ["meter x"]
    assert re.fullmatch(r"TypeError < test_ask\.py:\d+ fetch < ask\.py:\d+ _ask < ask\.py:\d+ run", told["meter x"])


def test_what_there_is_to_do_meanwhile_is_done_while_devices_think(kinds):
    done = threading.Event()

    def fetch(wire, options, asked):
        assert done.wait(5), "it was left until after the answer"
        return ()

    kinds["meter"] = driver([Found("", "grid_hz", 50.0)], fetch)
    (hz, *_) = ask(Asked("meter hall"), meanwhile=done.set)
    assert (hz.value, done.is_set()) == (50.0, True)


def test_questions_go_out_before_anything_is_done_meanwhile(kinds):
    order = []
    kinds["meter"] = driver([Found("", "grid_hz", 50.0)], lambda wire, options, asked: order.append("asked") or ())
    ask(Asked("meter hall"), meanwhile=lambda: order.append("meanwhile"))
    assert order == ["asked", "meanwhile"]


def test_a_key_and_a_text_that_the_image_has_are_the_image_s_own(kinds):
    number = 9  # spelled anew below, so that equal texts are two
    key, text = f"meter hall/A{number}:text", f"model {number}"
    channels = {key: Value(text, 1, key), "meter hall/A2:text": Value("other", 1, "elsewhere")}
    kinds["meter"] = driver([Found(f"A{number}", "text", f"model {number}"), Found("A2", "text", "other")])
    told = ask(Asked("meter hall"), channels=channels)
    assert told.keys[0] is key
    assert told.values[0] is text
    assert (told.keys[1], told.values[1]) == ("meter hall/A2:text", "other")
