"""The tick's journal: which events become messages, and how often lasting trouble is told."""

from core.plant import LOCAL, WALL, Plant, wiring

from mine_controller.core.model.clock import Clock
from mine_controller.core.model.reason import Event, Reason
from mine_controller.core.model.round import Round
from mine_controller.play import demo
from mine_controller.ports.journal import Journal
from mine_controller.ports.live import Live
from mine_controller.twin import coop


def messages(tmp_path, wall_s, *events):
    config = demo.write_config(tmp_path, coop.build(1, miners=8, pdus=1, extras=False))
    live = Live(config)
    plant = Plant(wiring(4))
    decision = plant.tick(rounds=1)
    this = Round(0, Clock(10_000, wall_s, local=LOCAL), (), (), plant.image, decision)
    return Journal(config, live.clocks, live.log)._messages(this, events)


def database(text="the disk is full"):
    return Event("database", "emergency", "store", Reason("store", "trouble", (("text", text),)))


def test_information_is_no_message_and_a_warning_is_one(tmp_path):
    info = Event("curtailed", "info", "site", Reason("x", "y"))
    warning = Event("fan_fault", "warning", "fan 1", Reason("x", "y"))
    assert [one.level for one in messages(tmp_path, WALL, info, warning)] == [1]


def test_lasting_database_trouble_is_one_message_an_hour(tmp_path):
    hour = WALL - WALL % 3600
    first = messages(tmp_path / "a", hour, database())
    again = messages(tmp_path / "b", hour + 3480, database())
    later = messages(tmp_path / "c", hour + 3600, database())
    other = messages(tmp_path / "d", hour, database("read-only"))
    assert first[0].key == again[0].key
    assert len({first[0].key, later[0].key, other[0].key}) == 3
