"""The board that Grafana shows: its panels, their units, and what they ask Prometheus."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
DASHBOARD = json.loads((ROOT / "cron" / "grafana" / "dashboard.json").read_text("utf-8"))


def used(expression):
    return set(re.findall(r"minectl_[a-z_]+", expression))


def test_the_dashboard_has_the_panels_that_were_asked_for_and_one_data_source():
    titles = " ".join(panel["title"] for panel in DASHBOARD["panels"]).lower()
    for word in ("frequency", "supply against use", "miners by state", "temperatures", "uplink", "alarms"):
        assert word in titles
    sources = {json.dumps(panel["datasource"]) for panel in DASHBOARD["panels"]}
    given = yaml.safe_load((ROOT / "cron/grafana/provisioning/datasources/prometheus.yml").read_text("utf-8"))
    assert sources == {json.dumps({"type": "prometheus", "uid": given["datasources"][0]["uid"]})}
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    files = yaml.safe_load((ROOT / "cron/grafana/provisioning/dashboards/minectl.yml").read_text("utf-8"))
    assert files["providers"][0]["options"]["path"] == "/var/lib/grafana/dashboards"


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("minectl_share_loss_ratio", "percentunit"),
        ("minectl_miner_hashes_per_second", "Hs"),
        ("minectl_miner_chip_celsius", "celsius"),
        ("minectl_miner_power_watts", "watt"),
        ("minectl_wall_pump_on", "bool_on_off"),
    ],
)
def test_lost_shares_the_wall_and_each_miner_have_a_panel_in_its_unit(name, unit):
    shown = [one for one in DASHBOARD["panels"] if any(name in used(target["expr"]) for target in one["targets"])]
    assert [one["fieldConfig"]["defaults"]["unit"] for one in shown] == [unit]


def test_no_two_panels_lie_over_each_other_and_none_is_wider_than_the_board():
    spots = [panel["gridPos"] for panel in DASHBOARD["panels"]]
    cells = [
        (x, y) for at in spots for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


def test_a_panel_of_one_figure_asks_for_now():
    """Asked for the whole time shown, each mode of the last day has its last value and is shown as the mode, and a mine
    that is gone goes on with what it said last: no alarm, and all its watts."""
    figures = [target for panel in DASHBOARD["panels"] if panel["type"] == "stat" for target in panel["targets"]]
    assert len(figures) == 6
    assert [one["expr"] for one in figures if not one.get("instant")] == []


GONE = """
evaluation_interval: 30s
tests:
  - interval: 30s
    input_series:
      - {series: 'minectl_last_tick_timestamp_seconds{mine="here"}', values: '0+30x200'}
      - {series: 'minectl_last_tick_timestamp_seconds{mine="gone"}', values: '0+30x20 stale'}
    promql_expr_test:
      - {expr: 'EXPR', eval_time: 70m,
         exp_samples: [{labels: '{mine="here"}', value: 0}, {labels: '{mine="gone"}', value: 3600}]}
"""


@pytest.mark.peer
def test_the_age_of_the_last_tick_grows_on_where_the_mine_is_gone(tmp_path):
    promtool = shutil.which("promtool") or pytest.skip("promtool is not installed (apt-get install prometheus)")
    (panel,) = [one for one in DASHBOARD["panels"] if one["title"] == "Last tick"]
    asked = panel["targets"][0]["expr"].replace("$mine", ".*")
    (tmp_path / "cases.yml").write_text(GONE.replace("EXPR", asked), "utf-8")
    done = subprocess.run(
        [promtool, "test", "rules", "cases.yml"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
