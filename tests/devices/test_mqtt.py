import json

import pytest
from devices.kinds import build
from devices.scripted import Script, told

from mine_controller.config.load import load
from mine_controller.config.model import ConfigError
from mine_controller.core.option import Secret
from mine_controller.devices import mqtt
from mine_controller.devices.kind import Ask, BadReply, Reply
from mine_controller.wire.collected import Broker, Hear

AT = 1_767_225_600
ROW = "- power_w tele/a/SENSOR json ENERGY.Power"


def options(*topics, **more):
    return build("mqtt", "http://127.0.0.1:1883", topics=topics, **more)


def message(source, body, age_s=1.0, retained=False, cut=False, path=""):
    return {"source": source, "path": path, "body": body, "age_s": age_s, "retained": retained, "cut": cut, "note": ""}


def read(chosen, *messages, name="collected", **about):
    tree = {"at": AT, "pulse_age_s": 1.0, "up_s": 9.0, "line": "", "pushed": list(messages), **about}
    return mqtt.parse((Reply(name, 200, {}, json.dumps(tree).encode()),), chosen)


def one(row, *messages, **more):
    return read(options(row, **more), *messages)[0]


def wrong(*topics, **more):
    return "; ".join(mqtt.faults(options(*topics, **more)))


def test_collect_is_asked_for_its_own_section():
    script = Script(lambda _: told({}))
    mqtt.fetch(script.wire, options(ROW), Ask())
    assert [(each.method, each.url) for each in script.requests] == [("GET", "collect:///")]


def test_a_look_names_each_topic_once_and_asks_what_it_may():
    script = Script(lambda _: told({}))
    rows = (
        "- power_w stat/a/STATUS10 json StatusSNS.ENERGY.Power ask cmnd/a/Status 10 alive tele/a/LWT",
        "- voltage_v stat/a/STATUS10 json StatusSNS.ENERGY.Voltage ask cmnd/a/Status 10",
        "b power_w meter/b json kw x1000 time at",
    )
    mqtt.fetch(script.wire, options(*rows, through="ask", tls=True, port=0, user="u"), Ask())
    (request,) = script.requests
    assert (request.url, request.auth[:2]) == ("mqtts://127.0.0.1:8883", ("basic", "u"))
    assert json.loads(request.body) == {
        "topics": ["stat/a/STATUS10", "tele/a/LWT", "meter/b"],
        "live": ["stat/a/STATUS10"],
        "ask": [["cmnd/a/Status", "10"]],
    }


def test_what_collect_is_to_hear_is_every_topic_once():
    chosen = options(
        ROW, "- voltage_v tele/a/SENSOR json E.V alive tele/a/LWT", user="u", password=Secret("pw"), port=0
    )
    broker = Broker("127.0.0.1", 1883, "u", "pw")
    paths = (("tele/a/SENSOR", "ENERGY.Power"), ("tele/a/SENSOR", "E.V"))
    assert mqtt.pushed(chosen) == Hear(broker, ("tele/a/SENSOR", "tele/a/LWT"), paths=paths)
    assert mqtt.pushed(chosen._replace(through="ask")) is None


def test_mqt1_a_retained_message_without_a_date_never_counts():
    """MQT1."""
    found = one("- power_w t", message("t", "5", 0.0, retained=True))
    assert (found.value, found.why) == (None, "only a retained message, which has no date")


def test_mqt1_nor_one_with_a_date_when_the_owner_names_no_time():
    """MQT1."""
    assert one("- power_w t json w", message("t", json.dumps({"w": 5, "at": AT}), retained=True)).value is None


@pytest.mark.parametrize("body", ['{"w": NaN}', '{"w": null}', "{}"])
def test_a_message_without_a_number_where_the_row_looks_says_that_there_is_no_value(body):
    found = one("- power_w t json w", message("t", body))
    assert (found.value, found.why) == (None, "its message has no value at w")


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (AT - 10, 5), (AT * 1000 - 10_000, 5), ("2025-12-31T23:59:50Z", 5), ("2026-01-01T01:00:00+01:00", 5),
        (AT - 61, None), (AT + 61, None), ("2026-01-01T00:00:00", None), ("now", None), (None, None), (0, None),
        ("9999-12-31T23:59:59-23:59", None), (True, None), ([], None),
    ],
)  # fmt: skip
def test_a_retained_message_counts_only_by_its_own_fresh_time(at, value):
    found = one("- power_w t json w time at", message("t", json.dumps({"w": 5, "at": at}), 9.0, retained=True))
    assert found.value == value
    assert found.why or value


def test_a_new_message_with_an_old_time_inside_is_old():
    assert "not now" in one("- power_w t json w time at", message("t", json.dumps({"w": 5, "at": AT - 300}))).why


def test_a_row_looks_at_the_newest_message_that_speaks_of_its_place():
    full, part = '{"w": 5, "c": 21}', '{"w": 9}'
    heard = [message("t", full, 40.0, path="c"), message("t", part, path="w"), message("t", part)]
    power, warm, other = read(options("- power_w t json w", "- temp_c t json c", "- voltage_v t json v"), *heard)[:3]
    assert (power.value, warm.value) == (9, 21)
    assert (other.value, other.why) == (None, "its message has no value at v")


def test_a_part_that_was_last_told_too_long_ago_says_so():
    heard = [message("t", '{"w": 5, "c": 21}', 400.0, path="c"), message("t", '{"w": 9}')]
    found = one("- temp_c t json c", *heard)
    assert (found.value, found.why) == (None, "its last message that speaks of c is 400 s old")


def test_an_asked_answer_counts_only_when_it_is_new():
    row = "- power_w stat/a/STATUS10 json w time at ask cmnd/a/Status 10"
    body = json.dumps({"w": 5, "at": AT})
    assert one(row, message("stat/a/STATUS10", body, retained=True), through="ask").value is None
    assert one(row, message("stat/a/STATUS10", body), through="ask").value == 5


def test_availability_is_the_newest_word_however_it_came():
    row = "- power_w t alive s"
    kept = message("s", "online", 9000.0, retained=True)
    assert one(row, kept, message("t", "5")).value == 5
    assert one(row, kept, message("t", "5"), message("s", "offline")).why == "its availability topic says 'offline'"
    assert "nothing was heard" in one(row, message("t", "5")).why


@pytest.mark.parametrize(
    "body", ["nan", "inf", "-inf", "", "12.3 W", "1e3", "٣", "0x10", "null", "[1]", "1_000", "9" * 40]
)
def test_what_is_no_number_is_unknown_and_never_zero(body):
    found = one("- power_w t", message("t", body))
    assert found.value is None
    assert found.why.startswith("not a number")


def test_a_value_in_another_unit_is_refused_by_its_window():
    assert "is its unit another one?" in one("- voltage_v t 40..60", message("t", "12.0")).why
    assert one("- power_w t x-1", message("t", "12.0")).value == -12


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("DHT.Temperature", {"DHT": {"Temperature": 50.0}, "TempUnit": "F"}),
        ("StatusSNS.DHT.Temperature", {"StatusSNS": {"DHT": {"Temperature": 50.0}, "TempUnit": "F"}}),
    ],
)
def test_a_tasmota_set_to_fahrenheit_is_refused_also_where_it_was_asked(path, body):
    """`Status 8` and `10` wrap the readings, and their unit with them; so two public clients' test data have it:
    {"StatusSNS":{"Time":"2018-12-03T13:48:08","SI7021":{"Temperature":17.7,"Humidity":51.2},"TempUnit":"C"}}."""
    found = one(f"inlet temp_c t json {path}", message("t", json.dumps(body)))
    assert (found.value, found.why) == (None, "the sensor is set to °F: `SetOption8 0` makes it °C")
    celsius = json.dumps(body).replace('"F"', '"C"')
    assert one(f"inlet temp_c t json {path}", message("t", celsius)).value == 50.0


@pytest.mark.parametrize(
    "seen", [AT - 3600, (AT - 3600) * 1000, "2025-12-31T23:00:00.000Z", "2026-01-01T00:00:00+01:00"]
)
def test_what_zigbee2mqtt_remembers_and_sends_anew_when_it_starts_is_not_new(seen):
    """Its controller publishes every cached state at its start (`cache_state_send_on_startup`, on unless switched off),
    as messages like any other; `last_seen` is the time of the device's own last message."""
    body = {"temperature": 21.5, "last_seen": seen}
    found = one("inlet temp_c zigbee2mqtt/inlet json temperature", message("zigbee2mqtt/inlet", json.dumps(body)))
    assert (found.value, found.why) == (None, "its last_seen is 3600 s ago: sent anew from memory")


@pytest.mark.parametrize(
    "seen", [AT, AT * 1000, "2026-01-01T00:00:00Z", AT + 30, None, "just now", True, {}, "2026-01-01"]
)
def test_a_last_seen_that_is_new_or_tells_no_time_takes_nothing_away(seen):
    body = {"temperature": 21.5, "last_seen": seen}
    assert one("inlet temp_c z json temperature", message("z", json.dumps(body))).value == 21.5


def test_zero_that_was_measured_is_zero():
    assert one("- power_w t", message("t", "0")).value == 0


def test_a_row_that_failed_leaves_the_others():
    found = read(options("a power_w a", "b power_w b"), message("a", "x"), message("b", "5"))
    assert [(each.channel, each.value) for each in found] == [("a", None), ("b", 5), ("collect", 9)]


def test_sup_a_silent_collector_is_the_endpoints_fault():
    for pulse_s in (61, None, "x", -1e400):
        with pytest.raises(BadReply, match="collect does not run"):
            read(options("- power_w t"), message("t", "5"), pulse_age_s=pulse_s)


def test_the_broker_behind_an_unknown_value_is_part_of_the_reason():
    found = read(options("a power_w a", "b power_w b"), message("a", "5"), message("b", "5", 70.0), line="no way")
    assert found[1].why == "its last message is 70 s old; no way"


def test_texts_of_devices_are_short_and_printable():
    why = one("- contact t open=alarm", message("t", "\x1b[31m" + "x" * 500)).why
    assert why.isprintable()
    assert len(why) < 80


def test_a_topic_with_a_blank_can_be_written():
    assert one("- power_w tele/my%20plug/S", message("tele/my plug/S", "5")).value == 5


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("power_w t", "is not CHANNEL QUANTITY TOPIC"),
        ("- watts t", "'watts' is no quantity"),
        ("- signal t run=run", "'signal' is no quantity"),
        ("- power_w t/+/x", "no single topic"),
        ("- power_w t/#", "no single topic"),
        ("- power_w t json", "is none of json PATH"),
        ("- power_w t x0", "is none of"),
        ("- power_w t what", "'what' is none of"),
        ("- power_w t 60..40", "runs backwards"),
        ("- power_w t time at", "time needs json"),
        ("- power_w t age 5", "is none of"),
        ("- power_w t age 9999", "age is 10 to 3600"),
        ("- contact t", "needs what its texts mean, like ON=ok OFF=alarm"),
        ("- contact t ON=off", "needs what its texts mean"),
        ("- power_w t ON=on", "is a number"),
        ("collect uptime_s t", "name it otherwise"),
        ("- power_w t ask cmnd/a/Power OFF", "nothing here may command"),
        ("- power_w t ask cmnd/a/Status 10", "ask needs through = ask"),
    ],
)
def test_a_row_that_can_not_be_meant_is_told(row, told):
    assert told in wrong(row)


def test_what_does_not_fit_together_is_told():
    assert wrong(ROW) == ""
    assert "stands twice" in wrong(ROW, "- power_w other")
    assert "65 topics" in wrong(*(f"c{n} power_w t/{n}" for n in range(65)))
    assert "beside user" in wrong(ROW, user="u", password=Secret(""))
    assert "tls = yes" in wrong(ROW, ca_file="/x.crt")
    assert "part of host" in wrong(ROW, host="127.0.0.1:1883")


def test_an_ipv6_address_is_no_host_with_a_port():
    assert wrong(ROW, host="[fd00::5]") == ""
    assert "part of host" in wrong(ROW, host="[fd00::5]:1883")
    assert mqtt.pushed(options(ROW, host="[fd00::5]")).broker.host == "fd00::5"
    script = Script(lambda _: told([]))
    mqtt.fetch(script.wire, options(ROW, host="[fd00::5]", through="ask"), Ask())
    assert script.requests[0].url == "mqtt://[fd00::5]:1883"


def test_a_site_is_told_the_line_of_a_bad_row(tmp_path):
    path = tmp_path / "config.txt"
    path.write_text("[site]\nname = Shed\n[mqtt supply]\nhost = 127.0.0.1\ntopics = - watts t\n[wiring]\n[end]\n")
    path.chmod(0o600)
    with pytest.raises(ConfigError) as error:
        load(path)
    assert [(each.line, each.option) for each in error.value.problems] == [(5, "topics")]
