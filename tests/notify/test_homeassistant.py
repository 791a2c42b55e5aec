"""What Home Assistant is told: entities it takes, values it can read, names that break nothing."""

import json
from types import SimpleNamespace

import pytest
from cli.agile import Home
from cli.place import Place
from hypothesis import given
from hypothesis import strategies as st
from notify import hass

from mine_controller.config.load import load
from mine_controller.config.model import ConfigError
from mine_controller.core.model.policy import Policy
from mine_controller.core.model.state import Override, State
from mine_controller.core.option import Secret, fill
from mine_controller.core.wording.spoken import UNITS
from mine_controller.notify import homeassistant
from mine_controller.notify.homeassistant import Options, check, node_of, slug
from mine_controller.notify.homeassistant_entities import Place as Where
from mine_controller.notify.homeassistant_entities import discovery, entities, states
from mine_controller.notify.homeassistant_orders import orders
from mine_controller.ports.homeassistant import open_alarms
from mine_controller.wire.publish import is_ours

EVERY = ", ".join(homeassistant.COMMANDS)


def options(**given):
    return fill(Options, {"host": "127.0.0.1", "password": Secret(""), **given})


def told(config, **given):
    place = Where(options(**given), config.site.name, "1.0", 120)
    found = entities(config.policy, place, config.site.currency)
    return place, found, discovery(found, config.policy, place, {})


@pytest.fixture(scope="module", params=["container", "home"])
def config(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    return (Place if request.param == "container" else Home)(folder).config


def test_every_document_of_discovery_is_one_that_home_assistant_takes(config):
    _, _, found = told(config, commands=homeassistant.COMMANDS, page="https://mine.example/")
    made = [hass.check(topic, payload) for topic, payload in found.items()]
    assert len({one["unique_id"] for one in made}) == len(made)
    names = [(tuple(one["device"]["identifiers"]), one["name"]) for one in made]
    assert len(set(names)) == len(names), "two entities of one device would be called alike"


def test_every_value_that_an_entity_reads_is_in_the_document_it_reads(config):
    place, found, documents = told(config, commands=homeassistant.COMMANDS)
    values = states({}, config.policy, place, [], [])
    for topic, payload in documents.items():
        one = json.loads(payload)
        field = one["value_template"].removeprefix("{{ value_json.").removesuffix(" }}")
        if one["state_topic"] != place.answer:
            assert field in json.loads(values[one["state_topic"]]), topic
        assert field.isidentifier(), "a template that is more than the name of a field"
    assert len(found) == len(documents)


def test_what_is_not_known_is_null_or_the_word_and_never_nought(config):
    place, _, _ = told(config)
    values = json.loads(states({}, config.policy, place, [], [])[place.state()])
    assert values["power_w"] is None
    assert values["miners_running"] is None
    assert values["miners"] == "unknown"
    assert values["fans_on"] is None
    assert values["why"] == "unknown"
    assert 0 not in [value for name, value in values.items() if name != "alarms"]


def test_values_go_stale_and_commands_need_somebody_who_listens(config):
    place, _, found = told(config, commands=homeassistant.COMMANDS)
    for one in map(json.loads, found.values()):
        topics = [there["topic"] for there in one["availability"]]
        if "command_topic" in one:
            assert topics == [place.available, place.listening]
            assert one["availability_mode"] == "all"
        elif one["state_topic"] != place.answer:
            assert one["expire_after"] == 360
            assert topics == [place.available]


def test_without_commands_there_is_nothing_to_press(config):
    _, found, documents = told(config)
    assert {one.component for one in found} == {"sensor", "binary_sensor"}
    assert not any("command_topic" in payload for payload in documents.values())


def test_only_what_the_owner_named_may_be_asked_for(tmp_path):
    config = Home(tmp_path).config
    found = orders(config.policy, options(commands=("band", "mode")))
    assert {one.key.partition(".")[0] for one in found} == {"band", "mode"}
    assert orders(config.policy, options()) == ()


def test_a_payload_stands_for_a_request_that_was_written_down_beforehand(tmp_path):
    config = Home(tmp_path).config
    found = {one.object: one for one in orders(config.policy, options(commands=homeassistant.COMMANDS))}
    assert found["miners"].payloads == {"ON": ("clear-state", "miners"), "OFF": ("set-state", "miners", "stop")}
    assert found["band"].payloads["auto"] == ("clear-state", "band")
    assert found["band"].payloads["2"] == ("set-state", "band", "2")
    miner = config.policy.wiring.miners[0]
    assert found[f"run_{miner.id}"].payloads["OFF"] == ("set-state", f"miner.{miner.id}", "stop")


def test_a_switch_shows_what_is_held_and_not_what_was_pressed(tmp_path):
    config = Home(tmp_path).config
    place, _, _ = told(config, commands=homeassistant.COMMANDS)
    held = Override("miners", "stop", "output", 0, "owner", "hums", 1)
    for overrides, shown in (([], "ON"), ([held], "OFF"), ([held._replace(value="run")], "ON")):
        values = json.loads(states({}, config.policy, place, [], overrides)[place.state()])
        assert values["set_miners"] == shown
        assert values["set_band"] == "auto"


def test_an_alarm_that_is_only_held_open_says_that_it_is_not_there():
    held = {"kind": "uplink_down", "about": "4g", "severity": "warning", "reason": ["alarm", "uplink_down", []]}
    book = SimpleNamespace(
        state=State(alarms={"there": held | {"chatter": 2}, "gone": held | {"chatter": 2, "clear_s": 9}})
    )
    there, gone = (one["text"] for one in open_alarms(book, UNITS))
    assert gone == f"comes and goes, not there now: {there}"


def test_an_alarm_is_a_problem_and_one_that_follows_from_another_is_none(config):
    place, _, _ = told(config)
    smoke = {"kind": "smoke", "about": "site", "severity": "emergency", "state": "active", "text": "smoke"}
    made = states({}, config.policy, place, [smoke, smoke | {"kind": "disk", "state": "suppressed"}], [])
    values = json.loads(made[place.state()])
    assert (values["alarm"], values["emergency"], values["alarms"]) == ("ON", "ON", 1)
    assert (values["alarm_smoke"], values["alarm_disk"]) == ("ON", "OFF")
    assert json.loads(made[f"{place.base}/alarms"])["open"][0]["text"] == "smoke"


def test_a_processor_is_told_in_kilohashes(tmp_path):
    config = Home(tmp_path).config
    spec = config.policy.wiring.miners[0]
    slow = spec._replace(id="c1", group="xmrig office")
    policy = config.policy._replace(wiring=config.policy.wiring._replace(miners=(spec, slow)))
    place = Where(options(), "Attic", "1.0", 120)
    doc = {"units": [{"id": spec.id, "hashes_per_s": 1.2e12}, {"id": "c1", "hashes_per_s": 9240.46}]}
    values = states(doc, policy, place, [], [])
    assert json.loads(values[place.state(spec.id)])["hashrate"] == 1.2
    assert json.loads(values[place.state("c1")])["hashrate"] == 9.24
    assert (
        "kH/s"
        in discovery(entities(policy, place), policy, place, {})[
            f"homeassistant/sensor/{place.unit}/c1_hashrate/config"
        ]
    )


def test_a_fleet_of_hundreds_has_no_device_a_miner(tmp_path):
    policy = Place(tmp_path).config.policy
    many = tuple(policy.wiring.miners[0]._replace(id=f"m{at}") for at in range(61))
    large = policy._replace(wiring=policy.wiring._replace(miners=many))
    place = Where(options(commands=("run",)), "Coop", "1.0", 120)
    assert not any(one.miner for one in entities(large, place))
    assert [one.object for one in orders(large, options(commands=("run",)))] == ["miners"]
    assert list(states({}, large, place, [], [])) == [place.state(), f"{place.base}/alarms"]


# -- names -------------------------------------------------------------------------------------------------------------


@given(st.lists(st.text(min_size=1, max_size=60), min_size=2, max_size=2, unique=True))
def test_no_name_breaks_a_topic_and_no_two_become_one(names):
    first, second = (slug(name) for name in names)
    assert is_ours(f"a/{first}/b")
    assert first != second


@pytest.mark.parametrize("name", ["#", "+", "a/b", "../..", "$SYS", "x\0y", "Зал 1", "<b>{{ 7*7 }}</b>", "a" * 300])
def test_hostile_names_of_site_and_miner_stay_names(tmp_path, name):
    policy = Place(tmp_path).config.policy
    spec = policy.wiring.miners[0]._replace(id=name, name=name)
    policy = policy._replace(wiring=policy.wiring._replace(miners=(spec,)))
    place = Where(options(commands=homeassistant.COMMANDS), name, "1.0", 120)
    found = discovery(entities(policy, place), policy, place, {name: name})
    for topic, payload in found.items():
        assert name not in hass.check(topic, payload)["value_template"]
    for topic in (*states({}, policy, place, [], []), place.available, place.listening):
        hass.subscribable(topic)
        assert topic.startswith(f"minectl/{node_of(place.options, name)}/")


@pytest.mark.parametrize(
    ("given_", "word"),
    [
        ({"prefix": "home/assistant"}, "prefix"),
        ({"topic": "#"}, "topic"),
        ({"topic": "cmnd"}, "belongs to other devices"),
        ({"topic": "homeassistant"}, "belongs"),
        ({"topic": "ha", "prefix": "ha"}, "the same as"),
        ({"node": "a+b"}, "node"),
        ({"commands": ("run", "poweroff")}, "'poweroff' is none of"),
        ({"host": "10.0.0.2:1883"}, "port"),
        ({"user": "ha"}, "password"),
        ({"ca_file": "/x"}, "ca_file"),
        ({"actor": " "}, "actor"),
    ],
)
def test_what_cannot_work_is_told_by_name(given_, word):
    assert word in " ".join(check(options(**given_)))


def test_the_section_is_read_from_the_config_and_its_password_is_no_text(tmp_path):
    place = Place(tmp_path)
    section = f"[homeassistant]\nhost = 127.0.0.1\nuser = ha\npassword = canary-ha\ncommands = {EVERY}\n\n[end]"
    place.path.write_text(place.path.read_text().replace("[end]", section))
    config = load(place.path)
    assert "canary-ha" in config.secrets
    assert "canary-ha" not in repr(config.channels)
    place.path.write_text(place.path.read_text().replace(EVERY, "everything"))
    with pytest.raises(ConfigError) as caught:
        load(place.path)
    assert any("is none of" in problem.text for problem in caught.value.problems)
    assert isinstance(config.policy, Policy)


def test_a_broker_by_its_ipv6_address_is_asked_at_that_and_a_port_behind_it_is_refused():
    """The sample's [mqtt] takes one; here it was told that its colons are a port."""
    own = options(host="[fd00::5]")
    assert check(own) == ()
    assert homeassistant.broker(own)[:2] == ("fd00::5", 1883)
    for host in ("[fd00::5]:1884", "broker.lan:1884"):
        assert check(options(host=host)) == ("port: is an option of its own, not part of host",)
