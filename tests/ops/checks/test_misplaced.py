"""Miners that asic-rs reads and must not command are told of before anybody has to stop them."""

from types import SimpleNamespace

import pytest

from mine_controller.core.model.book import Book
from mine_controller.core.model.reading import Value
from mine_controller.core.model.state import Chase, State
from mine_controller.core.model.wiring import MinerSpec
from mine_controller.ops.checks.misplaced import misplaced


def found(firmwares, group="asic shed"):
    miners = [SimpleNamespace(id=f"m{at}", group=group, mac=f"02:00:00:00:00:{at:02}") for at in range(len(firmwares))]
    channels = {
        f"{group}/02:00:00:00:00:{at:02} firmware:text": Value(told, 1) for at, told in enumerate(firmwares) if told
    }
    config = SimpleNamespace(policy=SimpleNamespace(wiring=SimpleNamespace(miners=miners)))
    return list(misplaced(config, Book(State(), SimpleNamespace(channels=channels))))


@pytest.mark.parametrize(
    ("firmware", "kind"),
    [("AvalonMiner Stock 24041001", "avalon"), ("AntMiner Stock 1", "antminer"), ("LuxOS 2025.4", "antminer")],
)
def test_a_unit_whose_kind_is_ours_is_named_with_the_section_it_belongs_to(firmware, kind):
    (check,) = found([firmware, "Auradine Stock 1.1", None])
    assert (check.verdict, check.remedy) == ("fail", f"move them into a section [{kind} ...]")
    assert check.text == "m0: read through asic-rs and not commanded, a stop included"


def test_many_are_counted():
    (check,) = found(["AvalonMiner Stock 1"] * 9)
    assert check.text.startswith("m0, m1, m2, m3, m4, m5 and 3 more: ")


def test_whom_asic_rs_may_command_and_other_sections_are_not_named():
    assert found(["VNish 1.2.6", "Auradine Stock 1.1"]) == []
    assert found(["AvalonMiner Stock 1"], "avalon shed") == []


NANO = MinerSpec("a01", "02:00:00:00:00:01", "avalon lan", 3300, 150)
HASHES = {"word": "hashing", "hashrate_ths": 6.5, "power_w": 146}


def sized(spec=NANO, chase=None, settling=0, **told):
    config = SimpleNamespace(policy=SimpleNamespace(wiring=SimpleNamespace(miners=[spec])))
    channels = {f"{spec.group}/{spec.mac}:{name}": Value(one, 1) for name, one in {**HASHES, **told}.items()}
    state = State(chases={"miner a01": chase} if chase else {}, settling={"a01": settling})
    return list(misplaced(config, Book(state, SimpleNamespace(channels=channels, clock=SimpleNamespace(plant_s=100)))))


def test_who_hashes_at_the_watts_of_a_stopped_one_is_named_with_what_counts():
    """A Nano 3S in a section with the figures of an A15."""
    (check,) = sized()
    assert (check.verdict, check.remedy) == ("fail", "move them into a section with their own nominal_w and standby_w")
    assert check.text.startswith("a01: hashing, and counted as off, because by [avalon lan] only a stopped one draws")
    assert "(nominal_w 3300, standby_w 150): no stop is sent" in check.text


def test_a_start_that_it_has_no_command_for_hides_it_not():
    assert sized(chase=Chase("run", 0, 1, 90, answer="unsupported"))


@pytest.mark.parametrize(
    "more",
    [
        {"spec": NANO._replace(nominal_w=140, standby_w=5)},
        {"power_w": 496},
        {"power_w": None},
        {"word": "sleeping"},
        {"word": "booting"},
        {"hashrate_ths": 0.0},
        {"settling": 101},
        {"chase": Chase("run", 0, 1, 90, answer="applied")},
    ],
)
def test_who_is_of_that_size_or_stopped_or_on_the_way_is_not_named(more):
    assert sized(**more) == []
