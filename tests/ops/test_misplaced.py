"""Miners that asic-rs reads and must not command are told of before anybody has to stop them."""

from types import SimpleNamespace

import pytest

from mine_controller.core.model.book import Book
from mine_controller.core.model.reading import Value
from mine_controller.core.model.state import State
from mine_controller.ops.misplaced import misplaced


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
