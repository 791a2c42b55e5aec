"""What lies under cron/ for Prometheus, Alertmanager, Grafana and Mosquitto, read by the programs that will read it."""

import json
import random
import re
import shutil
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
import yaml

from mine_controller.core.alarms.catalogue import KINDS
from mine_controller.core.model.book import Book
from mine_controller.core.model.state import State
from mine_controller.core.wording.words import sentence
from mine_controller.play import demo
from mine_controller.play.pages import serve_pages
from mine_controller.ports.show import facts
from mine_controller.render import status_json
from mine_controller.render.given import History
from mine_controller.render.metrics import metrics
from mine_controller.render.supply import FIGURES
from mine_controller.twin import coop, offgrid, story

ROOT = Path(__file__).resolve().parents[1]
PROMETHEUS = ROOT / "cron" / "prometheus"
DASHBOARD = json.loads((ROOT / "cron" / "grafana" / "dashboard.json").read_text("utf-8"))
RULES = yaml.safe_load((PROMETHEUS / "minectl.rules.yml").read_text("utf-8"))


def peer(name, package):
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    return found or pytest.skip(f"{name} is not installed (apt-get install {package})")


def run(*command, **more):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def known():
    """Every metric name the page documents."""
    text = (ROOT / "docs" / "monitoring.md").read_text("utf-8")
    table = text.partition("## What the metrics say")[2].partition("## The alerts")[0]
    names = set()
    for row in re.findall(r"^\| (`.+?`(?:, `.+?`)*) \|", table, re.MULTILINE):
        stem = ""
        for name in re.findall(r"`([a-z_]+)", row):
            if not name.startswith("_"):
                stem = name
            names.add(name if not name.startswith("_") else _joined(stem, name))
    return names


def _joined(stem, tail):
    """`minectl_fan_wanted`, `_on` is minectl_fan_on."""
    parts = stem.split("_")
    for keep in range(len(parts), 1, -1):
        if "_".join(parts[:keep]) + tail in SEEN:
            return "_".join(parts[:keep]) + tail
    return stem + tail


def twin(folder, build, zone, name, ticks=3, **about):
    """A small twin after some ticks, with its page and metrics; its config and what was written."""
    told = story.parse(f"title {name}\ndate 2026-02-10\nweather {'savanna' if build is offgrid.build else 'july'}\n")
    site = build(1, told.start_wall_s(zone) + 8 * 3600, story=told, extras=False, **about)
    config = demo.write_config(folder, site)
    text = config.paths.config.read_text("utf-8").replace("name = Twin", f"name = {name} Twin")
    config.paths.config.write_text(text, "utf-8")
    config = demo.load(config.paths.config)
    demo.live_through(site, config, 1, ticks / 30, lambda _at, _of: None)
    return config


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """An off-grid twin and a co-op twin."""
    top = tmp_path_factory.mktemp("mines")
    return (
        twin(top / "a", offgrid.build, offgrid.ZONE, "North", miners=6),
        twin(top / "b", coop.build, coop.ZONE, "South", miners=6, pdus=1),
    )


@pytest.fixture(scope="module")
def texts(two):
    return [(config.paths.www / "metrics").read_text("utf-8") for config in two]


SEEN: set[str] = set()


@pytest.fixture(autouse=True, scope="module")
def seen(texts):
    SEEN.update(re.findall(r"^# TYPE (\S+) ", "".join(texts), re.MULTILINE))
    SEEN.update(
        f"minectl_{name}"
        for name in ("alarm_active", "battery_charge_percent", "load_percent", "uplink_loss_ratio", "machine_trouble")
    )
    SEEN.update(f"minectl_machine_{name}" for name in ("temperature_celsius", "free_percent", "load_percent"))


def used(expression):
    return set(re.findall(r"minectl_[a-z_]+", expression))


@pytest.mark.peer
def test_promtool_finds_nothing_to_say_of_the_metrics_of_either_site(texts):
    promtool = peer("promtool", "prometheus")
    for text in texts:
        assert run(promtool, "check", "metrics", input=text) == ""


@pytest.mark.peer
@pytest.mark.parametrize("name", ["prometheus.yml", "central.yml"])
def test_promtool_takes_both_configs_with_their_rules(name):
    told = run(peer("promtool", "prometheus"), "check", "config", str(PROMETHEUS / name))
    assert "SUCCESS: 1 rule files found" in told


@pytest.mark.peer
def test_promtool_takes_the_rules_and_amtool_the_routing():
    told = run(peer("promtool", "prometheus"), "check", "rules", str(PROMETHEUS / "minectl.rules.yml"))
    assert re.search(r"SUCCESS: \d+ rules found", told)
    run(peer("amtool", "prometheus-alertmanager"), "check-config", str(PROMETHEUS / "alertmanager.yml"))


@pytest.mark.peer
@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        (["severity=emergency", "mine=a"], "sms,mail"),
        (["severity=warning", "mine=a"], "mail"),
    ],
)
def test_an_emergency_goes_to_the_phone_and_a_warning_does_not(labels, receivers):
    amtool = peer("amtool", "prometheus-alertmanager")
    told = run(amtool, "config", "routes", "test", f"--config.file={PROMETHEUS / 'alertmanager.yml'}", *labels)
    assert told.splitlines()[0] == receivers


CASES = """
rule_files: [minectl.rules.yml]
evaluation_interval: 30s
tests:
  - interval: 30s
    input_series:
      - {series: 'minectl_last_tick_timestamp_seconds{mine="a"}', values: '0x60'}
      - {series: 'minectl_tick_interval_seconds{mine="a"}', values: '120x60'}
    alert_rule_test:
      - {eval_time: 10m, alertname: MinectlTickOld, exp_alerts: []}
      - {eval_time: 13m, alertname: MinectlTickOld, exp_alerts: [{exp_labels: {severity: emergency, mine: a},
         exp_annotations: {summary: 'a: no tick for 13m 0s',
         description: "minectl does not run, or can't write its page. The mine is as the last tick left it."}}]}
  - interval: 30s
    input_series:
      - {series: 'minectl_grid_frequency_hertz{mine="a",role="grid"}', values: '50x10 49.3x20'}
      - {series: 'minectl_grid_frequency_hertz{mine="b",role="grid"}', values: '60x40'}
      - {series: 'minectl_grid_frequency_hertz{mine="c",role="grid"}', values: '60x10 52x20'}
      - {series: 'minectl_grid_frequency_hertz{mine="d",role="grid"}', values: '50x10 52x20'}
      - {series: 'minectl_grid_frequency_hertz{mine="e",role="grid"}', values: '60x10 0x20'}
      - {series: 'minectl_supply_used_ratio{mine="a"}', values: '0.9x10 1.08x20'}
      - {series: 'minectl_miners{mine="a",state="running"}', values: '0x10 90x40'}
      - {series: 'minectl_miners{mine="b",state="running"}', values: '90x40'}
      - {series: 'up{job="minectl",mine="a"}', values: '1x40'}
      - {series: 'up{job="minectl",mine="c"}', values: '1x40'}
      - {series: 'minectl_info{job="minectl",mine="a",site="A"}', values: '1x40'}
      - {series: 'minectl_info{job="minectl",mine="c",site="C"}', values: '1x10 stale'}
      - {series: 'up{job="mines",mine="a",instance="10.8.0.11:9090"}', values: '1x40'}
      - {series: 'up{job="mines",mine="b",instance="10.8.0.12:9090"}', values: '1x10 0x30'}
      - {series: 'minectl_supply_held_watts{mine="a"}', values: '160000x10 0x40'}
      - {series: 'minectl_supply_held_watts{mine="b"}', values: '160000x60'}
      - {series: 'minectl_alarm_active{mine="a",kind="supply_blind",about="supply",severity="warning"}',
         values: '_x10 1x40'}
      - {series: 'minectl_input_up{mine="a",endpoint="modbus_meter genset"}', values: '1x10 0x40'}
      - {series: 'minectl_uplink_up{mine="a",uplink="lte"}', values: '0x40'}
      - {series: 'minectl_uplink_up{mine="a",uplink="starlink"}', values: '1x40'}
      - {series: 'minectl_miners{mine="a",state="unknown"}', values: '20x40'}
      - {series: 'minectl_miners{mine="b",state="unknown"}', values: '40x40'}
      - {series: 'minectl_miners_configured{mine="a"}', values: '160x40'}
      - {series: 'minectl_miners_configured{mine="b"}', values: '160x40'}
    promql_expr_test:
      - {expr: 'count(ALERTS{alertname="MinectlFrequencyLow",alertstate="firing"}) by (mine)', eval_time: 8m,
         exp_samples: [{labels: '{mine="a"}', value: 1}, {labels: '{mine="c"}', value: 1}]}
      - {expr: 'count(ALERTS{alertname="MinectlSupplyOverdrawn",alertstate="firing"}) by (mine)', eval_time: 8m,
         exp_samples: []}
      - {expr: 'count(ALERTS{alertname="MinectlSupplyOverdrawn",alertstate="firing"}) by (mine)', eval_time: 12m,
         exp_samples: [{labels: '{mine="a"}', value: 1}]}
      - {expr: 'count(ALERTS{alertname="MinectlSupplyGone",alertstate="firing"}) by (mine)', eval_time: 9m,
         exp_samples: []}
      - {expr: 'count(ALERTS{alertname="MinectlSupplyGone",alertstate="firing"}) by (mine)', eval_time: 12m,
         exp_samples: [{labels: '{mine="a"}', value: 1}]}
      - {expr: 'count(ALERTS{alertname="MinectlUplinkDown",alertstate="firing"}) by (uplink)', eval_time: 12m,
         exp_samples: [{labels: '{uplink="lte"}', value: 1}]}
      - {expr: 'count(ALERTS{alertname="MinectlNoInternet"})', eval_time: 12m, exp_samples: []}
      - {expr: 'count(ALERTS{alertname="MinectlUnreachable",alertstate="firing"}) by (mine)', eval_time: 9m,
         exp_samples: []}
      - {expr: 'count(ALERTS{alertname="MinectlUnreachable",alertstate="firing"}) by (mine)', eval_time: 12m,
         exp_samples: [{labels: '{mine="b"}', value: 1}, {labels: '{mine="c"}', value: 1}]}
      - {expr: 'count(ALERTS{alertname="MinectlSupplyUnknown",alertstate="firing"}) by (mine)', eval_time: 12m,
         exp_samples: []}
      - {expr: 'count(ALERTS{alertname="MinectlSupplyUnknown",alertstate="firing"}) by (mine)', eval_time: 18m,
         exp_samples: [{labels: '{mine="a"}', value: 1}]}
      - {expr: 'count(ALERTS{alertname="MinectlMinersUnknown",alertstate="firing"}) by (mine)', eval_time: 12m,
         exp_samples: [{labels: '{mine="b"}', value: 1}]}
"""


@pytest.mark.peer
def test_the_rules_fire_when_they_should_and_not_before(tmp_path):
    promtool = peer("promtool", "prometheus")
    shutil.copy(PROMETHEUS / "minectl.rules.yml", tmp_path)
    (tmp_path / "cases.yml").write_text(CASES, "utf-8")
    run(promtool, "test", "rules", "cases.yml", cwd=tmp_path)


def test_rules_and_dashboard_use_only_metrics_that_are_documented():
    names = known()
    rules = {name for group in RULES["groups"] for rule in group["rules"] for name in used(rule["expr"])}
    shown = {name for panel in DASHBOARD["panels"] for target in panel["targets"] for name in used(target["expr"])}
    assert len(names) > 40
    assert rules | shown <= names
    assert len(rules) >= 12


def test_the_one_over_all_knows_each_mine_by_name_so_that_it_can_say_which_is_gone():
    central = yaml.safe_load((PROMETHEUS / "central.yml").read_text("utf-8"))
    (job,) = central["scrape_configs"]
    named = {one["labels"]["mine"]: one["targets"] for one in job["static_configs"]}
    assert [len(targets) for targets in named.values()] == [1, 1]


def test_every_alarm_that_a_rule_waits_for_is_one_that_can_come():
    expressions = " ".join(rule["expr"] for group in RULES["groups"] for rule in group["rules"])
    named = set(re.findall(r'kind="([a-z_]+)"', expressions))
    assert named == {"supply_blind"}
    assert named <= set(KINDS)


def test_every_metric_that_is_written_is_documented(texts):
    written = set(re.findall(r"^# TYPE (\S+) ", "".join(texts), re.MULTILINE))
    assert len(written) > 35
    assert written <= known()


def test_every_alert_says_what_is_wrong_and_how_bad_it_is():
    for group in RULES["groups"]:
        for rule in group["rules"]:
            assert rule["labels"]["severity"] in ("warning", "emergency")
            assert {"summary", "description"} <= set(rule["annotations"])


def test_nothing_comes_in_over_the_bridge():
    lines = (ROOT / "cron" / "mosquitto" / "bridge.conf").read_text("utf-8").splitlines()
    topics = [line.split() for line in lines if line.startswith("topic ")]
    assert topics
    assert {words[2] for words in topics} == {"out"}


def broker(stack, folder, port, more=""):
    """A Mosquitto on loopback."""
    program = peer("mosquitto", "mosquitto")
    folder.mkdir()
    config = folder / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n{more}", "utf-8")
    log = stack.enter_context((folder / "log").open("w"))
    server = subprocess.Popen([program, "-c", str(config), "-v"], stdout=log, stderr=log)
    stack.callback(server.wait, 10)
    stack.callback(server.terminate)
    return folder / "log"


def listener(stack, port, topic):
    """A client that keeps what it hears."""
    from paho.mqtt import client as paho  # noqa: PLC0415 - only here
    from paho.mqtt.enums import CallbackAPIVersion  # noqa: PLC0415

    heard = []
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.on_message = lambda _client, _data, message: heard.append((message.topic, message.payload))
    client.on_connect = lambda it, *_: it.subscribe(topic)
    client.connect("127.0.0.1", port)
    client.loop_start()
    stack.callback(client.loop_stop)
    stack.callback(client.disconnect)
    return client, heard


@pytest.mark.peer
def test_a_mines_states_reach_the_central_broker_and_nothing_comes_back(tmp_path):
    """The shipped bridge, without its TLS and password, between two real brokers."""
    peer("mosquitto", "mosquitto")
    central_port, mine_port = free_port(), free_port()
    left_out = ("remote_username", "remote_password", "bridge_cafile", "#")
    shipped = (ROOT / "cron" / "mosquitto" / "bridge.conf").read_text("utf-8").splitlines()
    bridge = "\n".join(line for line in shipped if not line.startswith(left_out))
    bridge = bridge.replace("broker.example:8883", f"127.0.0.1:{central_port}") + "\n"
    with ExitStack() as stack:
        log = broker(stack, tmp_path / "central", central_port)
        until(lambda: "running" in log.read_text("utf-8"), log)
        log = broker(stack, tmp_path / "mine", mine_port, bridge)
        until(lambda: "Received CONNACK" in log.read_text("utf-8"), log)
        central, there = listener(stack, central_port, "mines/#")
        mine, here = listener(stack, mine_port, "#")
        until(lambda: central.is_connected() and mine.is_connected(), log)

        def crossed():
            mine.publish("tele/source/SENSOR", b"42")
            return ("mines/container-1/tele/source/SENSOR", b"42") in there

        until(crossed, log)
        central.publish("mines/container-1/minectl/command", b"stop").wait_for_publish(5)
        central.publish("mines/container-1/tele/x", b"1").wait_for_publish(5)
        seen = len(there)
        until(lambda: crossed() and len(there) > seen + 1, log)
        own = {"tele/source/SENSOR", "mines/container-1/bridge"}  # the second is the bridge's word about itself
        assert {topic for topic, _ in here} == own


# -- a real Prometheus ------------------------------------------------------------------------------------------------


def free_port():
    """Below those that the kernel gives to whoever connects: of these one is often gone before a program opens it."""
    for port in random.sample(range(20_000, 32_000), 100):
        with suppress(OSError), socket.socket() as taken:
            taken.bind(("127.0.0.1", port))
            return port
    pytest.fail("no port is free")


def started(stack, folder, text):
    """A Prometheus with this config on a port of its own; its address once it is ready."""
    program, port = peer("prometheus", "prometheus"), free_port()
    folder.mkdir()
    (folder / "prometheus.yml").write_text(text, "utf-8")
    shutil.copy(PROMETHEUS / "minectl.rules.yml", folder)
    log = stack.enter_context((folder / "log").open("w"))
    server = subprocess.Popen(
        [program, f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}",
         f"--web.listen-address=127.0.0.1:{port}"],
        stdout=log, stderr=log,
    )  # fmt: skip
    stack.callback(server.wait, 10)
    stack.callback(server.terminate)
    until(lambda: fetched(f"http://127.0.0.1:{port}/-/ready"), folder / "log")
    return f"127.0.0.1:{port}"


def fetched(url):
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return answer.read()
    except OSError:
        return b""


def until(ready, log):
    """Wait for a real program, as short as it takes."""
    for _ in range(300):
        if found := ready():
            return found
        time.sleep(0.1)
    pytest.fail(log.read_text("utf-8")[-2000:])


def asked(address, expression):
    query = urllib.parse.urlencode({"query": expression})
    told = fetched(f"http://{address}/api/v1/query?{query}")
    rows = json.loads(told)["data"]["result"] if told else []
    return {row["metric"].get("mine", ""): float(row["value"][1]) for row in rows}


@pytest.mark.peer
@pytest.mark.timeout(120)
def test_two_mines_are_seen_by_their_own_prometheus_and_by_one_over_both(two, tmp_path):
    """Each mine has its own; the central one takes both by federation, with the shipped files but for addresses."""
    peer("prometheus", "prometheus")
    shipped = (PROMETHEUS / "prometheus.yml").read_text("utf-8").replace("30s", "1s")
    central = (PROMETHEUS / "central.yml").read_text("utf-8").replace("60s", "1s").replace("30s", "1s")
    with ExitStack() as stack:
        mines = []
        for name, config in zip(("north", "south"), two, strict=True):
            pages = serve_pages(config.paths.www, 0)
            stack.callback(pages.server_close)
            stack.callback(pages.shutdown)
            text = shipped.replace("127.0.0.1:80", f"127.0.0.1:{pages.server_port}").replace("container-1", name)
            mines.append(started(stack, tmp_path / name, text))
        until(lambda: all(asked(one, "minectl_info") for one in mines), tmp_path / "north" / "log")
        targets = central.replace("10.8.0.11:9090", mines[0]).replace("10.8.0.12:9090", mines[1])
        over = started(stack, tmp_path / "central", targets)
        seen = until(
            lambda: len(found := asked(over, "minectl_miners_configured")) == 2 and found, tmp_path / "central" / "log"
        )
        assert seen == {"north": 6, "south": 6}
        assert set(asked(over, "minectl_supply_held_watts")) == {"north"}, "the co-op has no source of its own"
        assert asked(over, "sum by (mine) (minectl_uplink_up)") == {"north": 2}


def test_all_that_the_controller_and_its_ups_tell_is_documented(two):
    """The twins have no UPS."""
    made = status_json.document(Book(State()), facts(two[0], 1_770_700_000), History(), sentence, 1_770_700_000)
    told = [{"section": "nut ups", "part": "", "quantity": one, "value": 50.0} for one in FIGURES]
    written = re.findall(r"^# TYPE (minectl_machine_\S+) ", metrics(made | {"machines": told}), re.MULTILINE)
    assert len(written) == len(FIGURES) - 1, "two sorts of temperature are one metric"
    assert set(written) <= known()


def test_a_book_of_nothing_has_metrics_too(two):
    made = status_json.document(Book(State()), facts(two[0], 1_770_700_000), History(), sentence, 1_770_700_000)
    text = metrics(made)
    assert "minectl_info" in text
    assert "supply_held_watts" not in text
