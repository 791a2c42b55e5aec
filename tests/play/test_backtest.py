"""Another config on the twin under the recorded outside, and how far the twin itself is off."""

import pickle
from xml.etree import ElementTree as ET

import pytest
from core.plant import Plant, wiring
from play.days import at_home, play

from mine_controller.config.load import load
from mine_controller.core.due import Asked
from mine_controller.core.model.command import APPLIED, NOT_SENT, UNREACHABLE, Command
from mine_controller.core.model.reason import Reason
from mine_controller.play import backtest, sweep
from mine_controller.play import outside as outer
from mine_controller.play.ground import Ground, Start
from mine_controller.play.outside import Seen, Track
from mine_controller.play.replay import Part, paths_to
from mine_controller.render.compare_svg import Course, drawing
from mine_controller.render.text import Zone
from mine_controller.store import query

FOR_EVER_S = 1 << 36
ZONE = "America/Chicago"
STORY = "14:00 signal off for 20m\n14:50 device foreman mine refuse for 4m\n"


class Recorded:
    """A day's records and what was read out of them."""

    def __init__(self, folder):
        _, self.config = play(folder, STORY, hours=2.5, miners=16)
        self.part = Part(str(self.config.paths.db), 0, FOR_EVER_S)
        self.outside = outer.recorded(self.part)
        self.begun = outer.begin(self.part, FOR_EVER_S)
        self.start = Start(self.begun.state, self.begun.image)
        self.figures = backtest.figures(self.outside.seen, self.begun.policy)

    def run(self, policy, name="other"):
        return backtest.run(backtest.Run(name, policy, ZONE, 120, self.outside, self.start))


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    return Recorded(tmp_path_factory.mktemp("day"))


@pytest.fixture(scope="module")
def same(day):
    return day.run(day.begun.policy, "same")


# -- the outside ----------------------------------------------------------------------------------------------------


def test_the_signal_is_read_out_of_the_records_with_its_moments(day):
    track = day.outside.tracks["role signal"]
    assert [value for value, _ in track.known] == ["run", "off", "run"]
    off_s, run_s = track.at_s[1:]
    assert 1080 <= run_s - off_s <= 1400


def test_what_did_not_answer_then_does_not_answer_in_the_twin(day):
    known = day.outside.tracks["health foreman mine"].known
    assert [value for value, _ in known] == ["ok", None, "ok"]
    assert known[1][1]


def test_the_inlet_is_no_outside(day):
    assert "role inlet_c" not in day.outside.tracks
    assert {"role ambient_c", "dew"} <= day.outside.tracks.keys()


def test_stretches_joined_are_the_whole(day):
    half = query.anchors(paths_to(day.part.db))[1]  # stretches end at an anchor
    first = outer.recorded(day.part._replace(until=half))
    second = outer.recorded(day.part._replace(since=half + 1))
    whole = outer.joined([first, second])
    assert whole.seen == day.outside.seen
    assert {name: track.known for name, track in whole.tracks.items() if name.startswith("role")} == {
        name: track.known for name, track in day.outside.tracks.items() if name.startswith("role")
    }


def test_a_track_holds_from_its_moment_until_the_next():
    track = Track((100, 200), (("run", ""), ("off", "")))
    assert [track.at(at_s)[0] for at_s in (0, 100, 199.9, 200, 9999)] == ["run", "run", "run", "off", "off"]
    assert Track().at(5) == (None, "never recorded")
    assert track.then(Track((300, 400), (("off", ""), ("run", "")))).at_s == (100, 200, 400)


def test_miners_draw_in_the_twin_what_was_measured_of_them(day):
    found = outer.sizes(day.outside, day.begun.policy.wiring.miners)
    assert len(set(found.values())) > 8
    assert all(2900 < watts < 3900 for watts in found.values())


# -- the twin's own error -------------------------------------------------------------------------------------------


def test_the_recorded_config_run_again_is_near_the_record(day, same):
    rows = {row["figure"]: row for row in backtest.compared(day.figures, same, [])}
    assert abs(rows["energy_kwh"]["error_pct"]) < 2
    assert abs(rows["starts"]["error"]) <= 2
    assert abs(rows["inlet_max_c"]["error"]) < 1.5
    assert rows["late_s"]["same"] == rows["late_s"]["recorded"] == 0
    assert same.violations == ()


def test_the_same_run_twice_is_the_same(day, same):
    again = day.run(day.begun.policy, "same")
    assert (again.figures, again.curve) == (same.figures, same.curve)


def test_a_lower_cap_uses_less_and_says_by_how_much(day, same):
    policy = day.begun.policy
    lower = day.run(policy._replace(site=policy.site._replace(power_cap_w=30_000)))
    [row] = [one for one in backtest.compared(day.figures, same, [lower]) if one["figure"] == "energy_kwh"]
    [other] = row["others"]
    assert other["difference"] == pytest.approx(lower.figures["energy_kwh"] - same.figures["energy_kwh"], abs=0.06)
    assert other["difference"] < -20
    assert lower.figures["guards"] == 0


def test_a_shadow_site_is_run_as_if_it_were_obeyed(day, same):
    policy = day.begun.policy
    shadow = day.run(policy._replace(site=policy.site._replace(live=False)))
    assert shadow.figures == same.figures
    told = backtest.notes(
        day.begun._replace(policy=policy._replace(site=policy.site._replace(live=False))), day.outside
    )
    assert any("shadow" in one for one in told)


def test_a_run_is_all_a_process_is_handed(day, same):
    task = backtest.Run("same", day.begun.policy, ZONE, 120, day.outside, day.start)
    ran = backtest.run(pickle.loads(pickle.dumps(task)))
    assert ran.figures == same.figures


def test_what_has_to_be_known_is_noted(day):
    assert backtest.notes(day.begun, day.outside) == ()
    seen = (day.outside.seen[0], day.outside.seen[-1])
    told = backtest.notes(day.begun._replace(configs=3), day.outside._replace(seen=seen))
    assert told[0].startswith("The mine ran on 3 configs")
    assert told[1].startswith("1 stretches of 2.5 hours")


# -- figures --------------------------------------------------------------------------------------------------------


def row(at_s, watts, *, signal="run", inlet_c=20.0, price=None, site_w=None, starts=0):
    return Seen(at_s, watts, inlet_c, signal, price, site_w, starts)


@pytest.fixture
def policy():
    return Plant(wiring(10)).policy


def test_energy_and_money_hold_until_the_next_row(policy):
    seen = [row(0, 36_000, price=10.0), row(600, 18_000, price=20.0), row(1200, 0, price=20.0)]
    found = backtest.figures(seen, policy)
    assert (found["energy_kwh"], found["cost"]) == (9.0, 1.2)


def test_nothing_is_made_up_for_a_time_nobody_saw(policy):
    seen = [row(0, 36_000), row(outer.HOLE_S + 1, 36_000), row(outer.HOLE_S + 101, 36_000)]
    assert backtest.figures(seen, policy)["energy_kwh"] == 1.0
    assert backtest.figures(seen, policy)["cost"] is None


def test_power_over_the_floor_counts_once_the_time_to_obey_is_over(policy):
    seen = [row(at_s, 30_000, signal="off" if at_s >= 120 else "run") for at_s in range(0, 1200, 120)]
    seen.append(row(1200, 0, signal="off"))
    found = backtest.figures(seen, policy)
    assert found["late_s"] == 1200 - 480  # off at 120, obeyed by 420 at the latest; rows at 480 and later count
    assert found["curtailed_h"] == 0.3


def test_the_cap_is_held_by_the_meter_where_there_is_one(policy):
    capped = policy._replace(site=policy.site._replace(power_cap_w=35_000))
    seen = [row(0, 34_000, site_w=36_000), row(120, 34_000, site_w=34_500), row(240, 0)]
    assert backtest.figures(seen, capped)["over_cap_s"] == 120


def test_heat_is_a_margin_to_what_sheds_load(policy):
    shed_c = policy.rules["temperature"].shed_c
    seen = [row(0, 1, inlet_c=30.0), row(120, 1, inlet_c=36.5), row(240, 1, inlet_c=None)]
    found = backtest.figures(seen, policy)
    assert (found["inlet_max_c"], found["margin_k"], found["hot_s"]) == (36.5, shed_c - 36.5, 120)
    assert backtest.figures([row(0, 1, inlet_c=None)], policy)["margin_k"] is None


# -- the ground -----------------------------------------------------------------------------------------------------


@pytest.fixture
def ground(day):
    found = Ground(day.begun.policy, day.outside, day.start, ZONE, 120)
    found.clocks(day.begun.state, None)
    return found


def command(at, target, verb, lane):
    return Command(f"1.0.{at}", target, verb, lane, "1", 0, Reason("test", "test"))


def opening(ground, day):
    return ground.clocks(day.begun.state, None)


def test_every_wired_channel_of_an_endpoint_is_answered(ground, day):
    read = {one.key: one.value for one in ground.ask((Asked("redfish pdu1"),), None, opening(ground, day))}
    assert read["redfish pdu1:health"] == "ok"
    assert read["redfish pdu1/A1:switch"] == "on"
    assert 2500 < read["redfish pdu1/A1:power_w"] < 4000
    assert not any(key.startswith("roomalert") for key in read)


def test_commands_go_at_the_pace_of_their_lane_and_what_is_too_late_is_not_sent(ground, day):
    ground.lane_s = {"foreman mine": 2.0}
    many = [command(at, f"miner {spec.id}", "stop", "foreman mine") for at, spec in enumerate(ground.wiring.miners)]
    before = ground.now_s
    verdicts = [one.verdict for one in ground.act(many, opening(ground, day))]
    sent = verdicts.count(APPLIED)
    assert verdicts == [APPLIED] * sent + [NOT_SENT] * (len(many) - sent)
    width = ground.wiring.lanes["foreman mine"].width
    assert sent == min(len(many), 12 * width)
    assert ground.now_s - before == pytest.approx(2.0 * -(-sent // width))


def test_a_lane_that_was_silent_then_takes_no_command(ground, day):
    silent_s = day.outside.tracks["health foreman mine"].at_s[1]
    ground.now_s = float(silent_s - day.outside.since)
    [outcome] = ground.act([command(1, "miner a001", "stop", "foreman mine")], opening(ground, day))
    assert outcome.verdict == UNREACHABLE


def test_an_active_low_relay_is_told_and_read_the_other_way_round(day):
    policy = day.begun.policy
    fans = tuple(spec._replace(active_low=True) for spec in policy.wiring.fans)
    ground = Ground(policy._replace(wiring=policy.wiring._replace(fans=fans)), day.outside, day.start, ZONE, 120)
    ground.clocks(day.begun.state, None)
    key = f"{fans[0].switch}:switch"
    asked = (Asked("controlbyweb fans"),)
    assert {one.key: one.value for one in ground.ask(asked, None, opening(ground, day))}[key] == "off"
    ground.act([command(1, "fan 1", "on", "controlbyweb fans")], opening(ground, day))
    assert {one.key: one.value for one in ground.ask(asked, None, opening(ground, day))}[key] == "on"
    assert ground.world.fans.on[0] is False


def test_what_is_told_to_something_else_than_miners_and_fans_changes_nothing(ground, day):
    [outcome] = ground.act([command(1, "dummy_pool local", "on", "dummy_pool local")], opening(ground, day))
    assert outcome.verdict == APPLIED


def test_what_a_person_asked_for_is_asked_for_again_in_a_home_without_any_meter(tmp_path):
    _, config = at_home(tmp_path, "14:00 person miners stop for 20m\n", hours=1.5, only=("bitaxe",))
    part = Part(str(config.paths.db), 0, FOR_EVER_S)
    outside, begun = outer.recorded(part), outer.begin(part, FOR_EVER_S)
    assert [request.verb for _, request in outside.requests] == ["set-state", "clear-state"]
    task = backtest.Run("same", begun.policy, "America/Denver", 120, outside, Start(begun.state, begun.image))
    ran, then = backtest.run(task), backtest.figures(outside.seen, begun.policy)
    assert ran.figures["starts"] == then["starts"] > 0
    assert ran.figures["energy_kwh"] == pytest.approx(then["energy_kwh"], abs=0.1)
    assert ran.figures["inlet_max_c"] is None


# -- sweeps ---------------------------------------------------------------------------------------------------------


def test_a_sweep_names_every_combination():
    axes = [sweep.axis("cap.margin_pct = 3, 5"), sweep.axis("ramp.step_pct=5,10,5")]
    assert sweep.grid(axes) == (
        (("cap.margin_pct", "3"), ("ramp.step_pct", "5")),
        (("cap.margin_pct", "3"), ("ramp.step_pct", "10")),
        (("cap.margin_pct", "5"), ("ramp.step_pct", "5")),
        (("cap.margin_pct", "5"), ("ramp.step_pct", "10")),
    )
    assert sweep.grid([]) == ((),)


@pytest.mark.parametrize("text", ["cap.margin_pct", "margin=3", "cap.margin_pct=", "cap.margin_pct=,", "=3"])
def test_what_is_no_sweep_is_refused_with_an_example(text):
    with pytest.raises(ValueError, match=r"cap\.margin_pct=3,5,8"):
        sweep.axis(text)


def test_processes_side_by_side_give_every_result_once():
    assert dict(sweep.spread(abs, [-1, -2, -3], 2)) == {0: 1, 1: 2, 2: 3}
    assert dict(sweep.spread(abs, [-4], 2)) == {0: 4}
    assert dict(sweep.spread(abs, [], 2)) == {}


def test_what_a_process_raises_is_raised_here():
    with pytest.raises(ValueError, match="invalid literal"):
        list(sweep.spread(int, ["1", "x"], 2))


def test_a_dask_cluster_gives_what_this_machine_gives(day, same, tmp_path):
    distributed = pytest.importorskip("distributed", reason="the extra [dask] is not installed")
    cluster = distributed.LocalCluster(
        n_workers=1,
        threads_per_worker=1,
        processes=False,
        host="127.0.0.1",
        protocol="tcp",
        dashboard_address="127.0.0.1:0",
        local_directory=str(tmp_path),
    )
    try:
        tasks = [backtest.Run(name, day.begun.policy, ZONE, 120, day.outside, day.start) for name in ("one", "two")]
        found = dict(sweep.spread(backtest.run, tasks, 1, cluster.scheduler_address))
    finally:
        cluster.close()
    assert [found[at].figures for at in (0, 1)] == [same.figures] * 2


def test_a_cluster_that_is_not_there_is_one_sentence(monkeypatch):
    pytest.importorskip("distributed", reason="the extra [dask] is not installed")
    monkeypatch.setattr(sweep, "PATIENCE", "1s")
    with pytest.raises(sweep.SchedulerError, match="no Dask scheduler answers at tcp://127"):
        list(sweep.spread(abs, [1], 1, "tcp://127.0.0.1:1"))


# -- the drawing ----------------------------------------------------------------------------------------------------


def test_the_drawing_is_one_file_without_script_and_its_names_are_escaped():
    courses = [Course("<b>&", (0, 3600, 7200), (1000, None, 3000), (20.0, 21.0, None)), Course("none", (), (), ())]
    text = drawing("Back & forth", courses, Zone(0, "UTC"))
    tree = ET.fromstring(text)
    texts = [one.text for one in tree.iter("{http://www.w3.org/2000/svg}text")]
    assert {"<b>&", "none", "kW", "°C", "00:00"} <= set(texts)
    assert "<script" not in text
    assert "href" not in text


def test_a_drawing_without_any_temperature_has_one_plot():
    text = drawing("x", [Course("one", (0, 60), (5, 6), (None, None))], Zone(0, "UTC"))
    assert "°C" not in text


def test_another_config_with_a_value_over_it_is_what_the_sweep_runs(day):
    other = load(day.config.paths.config, {"cap": {"margin_pct": "20"}})
    assert other.policy.rules["cap"].margin_pct == 20
