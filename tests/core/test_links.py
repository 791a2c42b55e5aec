"""One way to the internet, probe by probe: down when proven, up again after minutes of good ones, never by silence."""

from core.plant import Plant, wiring

from mine_controller.core.links import JITTER_S, Pace, Probe, all_down_since, probe, watch
from mine_controller.core.model.reading import Value
from mine_controller.core.model.wiring import EndpointSpec, UplinkSpec

PACE = Pace(confirm=3, good_probes=4, good_s=300, max_loss_pct=20.0, max_latency_ms=800.0)


class Line:
    def __init__(self, **was):
        self.kept, self.now, self.told = dict(was), 10_000, []

    def see(self, good, *, passed_s=100, seen_s=None):
        self.now += passed_s
        before = dict(self.kept)
        seen = Probe(good, self.now if seen_s is None else seen_s, "it is down")
        self.kept, event = watch("fibre", before, seen, PACE, self.now)
        self.told += [event] if event else []
        return event.kind if event else ""


def test_a_line_is_down_with_the_probe_that_proves_it_and_told_since_the_first():
    line = Line()
    assert [line.see(False) for _ in range(5)] == ["", "", "uplink_down", "", ""]
    assert dict(line.told[0].reason.numbers) == {"link": "fibre", "why": "it is down", "for_s": 200}
    assert (line.kept["up"], line.kept["bad_s"], line.kept["bad"]) == (0, 10_100, 5)


def test_a_good_probe_ends_the_bad_row():
    line = Line()
    told = [line.see(good) for good in (False, False, True, False, False, False)]
    assert told == [""] * 5 + ["uplink_down"]
    assert line.kept["bad_s"] == 10_400


def test_a_line_is_up_again_after_as_many_probes_and_seconds_as_it_takes():
    line = Line(up=0, bad=9, bad_s=9_000)
    assert [line.see(True) for _ in range(4)] == ["", "", "", "uplink_up"]
    assert dict(line.told[0].reason.numbers) == {"link": "fibre", "for_s": 1400}
    assert (line.kept["up"], line.kept["bad"], line.kept["bad_s"]) == (1, 0, 0)
    assert line.see(True) == ""


def test_probes_in_quick_succession_are_no_minutes():
    line = Line(up=0, bad_s=9_000)
    assert [line.see(True, passed_s=60) for _ in range(5)] == [""] * 5
    assert line.see(True, passed_s=300 - 240 - JITTER_S - 1) == ""
    assert line.see(True, passed_s=1) == "uplink_up"


def test_a_bad_probe_or_none_at_all_ends_the_good_row():
    for broken in (False, None):
        line = Line(up=0, bad_s=9_000)
        told = [line.see(good) for good in (True, True, True, broken, True, True, True)]
        assert told == [""] * 7
        assert line.see(True) == "uplink_up"


def test_a_line_that_was_never_judged_is_up_with_its_first_good_probe_and_nobody_is_told():
    line = Line()
    assert line.see(True) == ""
    assert line.kept["up"] == 1
    assert line.kept["first_s"] == 10_100


def test_the_same_probe_read_again_is_no_second_one():
    line = Line()
    for _ in range(5):
        line.see(False, seen_s=10_050)
    assert (line.kept["bad"], line.told) == (1, [])


def test_no_probe_is_neither_good_nor_bad():
    line = Line(up=1, at_s=9_990)
    for _ in range(9):
        line.see(None)
    assert (line.kept.get("bad"), line.kept["up"], line.told) == (None, 1, [])


# -- what a probe is ------------------------------------------------------------------------------------------------

LINK = UplinkSpec("fibre", "ping out/1")


def look(word="up", age_s=0, every_s=0, why="", **figures):
    plant = Plant(wiring(2))
    plant.tick()
    wires = plant.wiring._replace(
        uplinks=(LINK,), endpoints={**plant.wiring.endpoints, "ping out": EndpointSpec("ping out", every_s=every_s)}
    )
    at_s = plant.image.clock.plant_s - age_s
    told = {"link": word, **figures}
    channels = {f"ping out/1:{name}": Value(value, at_s, "", why) for name, value in told.items()}
    image = plant.image._replace(channels={**plant.image.channels, **channels})
    view = type("Seen", (), {"image": image, "wiring": wires, "now_s": image.clock.plant_s})
    return probe(view, LINK, PACE)


def test_a_probe_is_good_up_to_its_limits():
    assert look(loss_pct=20.0, latency_ms=800.0).good is True
    assert look(loss_pct=20.1).why == "20.1 % of the probes get lost"
    assert look(latency_ms=801.0).why == "801 ms to the other side"
    assert look(word="down").why == "it is down"


def test_a_probe_counts_for_two_of_its_turns_and_no_longer():
    assert look(age_s=240).good is True
    assert look(age_s=241).good is None
    assert look(age_s=1200, every_s=600).good is True
    assert look(age_s=1201, every_s=600).good is None
    assert look(why="timed out").why == "timed out"


def test_an_old_figure_beside_a_fresh_word_is_not_held_against_it():
    assert look(loss_pct="lots").good is True


# -- all of them ----------------------------------------------------------------------------------------------------


def since(silent_s=600, **links):
    return all_down_since(links, tuple(UplinkSpec(name, f"ping {name}/1") for name in ("a", "b")), silent_s, 10_000)


def test_no_way_is_left_since_the_last_one_went():
    assert since(a={"up": 0, "bad_s": 8000}, b={"up": 0, "bad_s": 9000}) == 9000
    assert since(a={"up": 0, "bad_s": 8000}, b={"up": 1, "at_s": 9990}) == 0


def test_a_line_nobody_judges_goes_with_the_others_and_never_by_itself():
    assert since(a={"up": 0, "bad_s": 8000}, b={"up": 1, "at_s": 9400}) == 8000
    assert since(a={"up": 0, "bad_s": 8000}, b={"up": 1, "at_s": 9401}) == 0
    assert since(a={"up": 0, "bad_s": 8000}, b={"first_s": 9401}) == 0
    assert since(a={"at_s": 1}, b={"at_s": 1}) == 0
