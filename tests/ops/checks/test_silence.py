"""Sections whose every miner is off at its outlet."""

from types import SimpleNamespace

import pytest

from mine_controller.config.model import Endpoint
from mine_controller.core.model.book import Book
from mine_controller.core.model.clock import Clock
from mine_controller.core.model.image import Image, Miners
from mine_controller.core.model.reading import Value
from mine_controller.core.model.state import State
from mine_controller.core.model.wiring import MinerSpec
from mine_controller.ops import doctor
from mine_controller.ops.checks.check import Machine
from mine_controller.ops.checks.silence import dark

DESK = "avalon desk"


def config(*outlets, **options):
    miners = tuple(MinerSpec(f"a{at}", "", DESK, 140, 3, outlet=outlet) for at, outlet in enumerate(outlets))
    desk = Endpoint("avalon", "desk", SimpleNamespace(**(options or {"hosts": ("127.9.0.1",)})), True, 0, 1)
    return SimpleNamespace(endpoints={DESK: desk}, policy=SimpleNamespace(wiring=SimpleNamespace(miners=miners)))


def book(**switches):
    read = {f"http_pdu {name}:switch": Value(value, at_s) for name, (value, at_s) in switches.items()}
    silent = {f"{DESK}:health": Value(None, 1000, "hung up without an answer")}
    return Book(State(), Image(Clock(1000, 50_000, tick_s=120), read | silent, {}, (), Miners(), {}, ()), ())


@pytest.mark.parametrize(
    ("switches", "found"),
    [
        ({"p1": ("off", 1000), "p2": ("off", 900)}, {DESK}),
        ({"p1": ("off", 1000), "p2": ("on", 1000)}, set()),
        ({"p1": ("off", 1000), "p2": (None, 1000)}, set()),
        ({"p1": ("off", 1000), "p2": ("off", 700)}, set()),  # too old: somebody may have switched it on
        ({"p1": ("off", 1000)}, set()),
    ],
)
def test_a_section_is_dark_when_each_of_its_outlets_was_lately_read_off(switches, found):
    assert dark(config("http_pdu p1", "http_pdu p2"), book(**switches), 50_030) == found


def test_a_miner_without_an_outlet_and_a_cloud_are_never_dark():
    seen = book(p1=("off", 1000))
    assert dark(config("http_pdu p1", ""), seen, 50_030) == frozenset()
    assert dark(config("http_pdu p1", url="https://cloud.example"), seen, 50_030) == frozenset()
    assert dark(config("http_pdu p1"), seen, 60_000) == frozenset()  # nothing has been read for hours
    assert dark(config("http_pdu p1"), Book(State(), None, ()), 50_030) == frozenset()


@pytest.mark.parametrize(("value", "verdict"), [("off", "ok"), ("on", "fail")])
def test_the_doctor_fails_no_section_whose_miners_are_off_at_their_plugs(tmp_path, value, verdict):
    """In every dear half hour a home with a Nano behind a plug was told that something failed."""
    site = doctor.Site(config("http_pdu p1"), book(p1=(value, 1000)), 50_030, Machine(tmp_path), None, ask_now=False)
    (check,) = doctor._devices(site)
    assert (check.verdict, "off at its outlet" in check.text) == (verdict, value == "off")
