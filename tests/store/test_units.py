"""What the store keeps of single units: the `miners` table, and records that replay errands and efficiency exactly."""

import json
import sqlite3
from typing import Any

import pytest
from core.plant import request
from core.shelf import Shelf
from store import ledger

from mine_controller.core.decide import decide
from mine_controller.core.freeze import freeze
from mine_controller.core.model.book import Book
from mine_controller.core.model.command import Outcome
from mine_controller.core.model.decision import Decision
from mine_controller.core.model.image import Image
from mine_controller.core.model.reading import Reading
from mine_controller.core.model.round import Round
from mine_controller.core.money.bands import DEFAULTS
from mine_controller.core.rules.band import Options as BandOptions
from mine_controller.core.rules.tuning import Options as TuningOptions
from mine_controller.core.rules.tuning import Section, Task
from mine_controller.store.codec import sha
from mine_controller.store.history import FIGURES, mine_row, spread, telemetry, update_miners
from mine_controller.store.migrations import migrate
from mine_controller.store.money import rate_hs
from mine_controller.store.records import pack_record, record_id, unpack_record, unread
from mine_controller.store.state import ClockFacts, pack_state, unpack_state

FACTS = ClockFacts(1, "a", 1, 1)


@pytest.fixture
def db():
    found = sqlite3.connect(":memory:", isolation_level=None)
    migrate(found)
    yield found
    found.close()


def seen(shelf, db):
    update_miners(db, shelf.image.clock, shelf.state, shelf.image, shelf.policy)
    cursor = db.execute("SELECT * FROM miners ORDER BY id")
    return [dict(zip([column[0] for column in cursor.description], row, strict=True)) for row in cursor]


def test_the_miners_table_tells_what_software_saw_and_keeps_it_while_a_unit_is_silent(db):
    shelf = Shelf()
    shelf.more = [("02:00:00:00:00:00 model:text", "Gamma 601"), ("02:00:00:00:00:00 firmware:text", "v2.6.0")]
    shelf.ticks(3)
    first = seen(shelf, db)[0]
    assert (first["ip"], first["miner_type"], first["mac"]) == ("10.0.0.1", "bitaxe", "02:00:00:00:00:00")
    assert (first["model"], first["firmware"]) == ("Gamma 601", "v2.6.0")
    assert first["discovered_at"] == first["last_seen"] != ""
    shelf.more = [("02:00:00:00:00:00 firmware:text", "v2.7.1")]
    shelf.silent = {"b1"}
    shelf.ticks(5)
    later, silent = seen(shelf, db)[:2]
    assert (later["model"], later["firmware"]) == ("Gamma 601", "v2.7.1")
    assert later["discovered_at"] == first["discovered_at"] < later["last_seen"]
    assert silent["ip"] == "10.0.0.2"
    assert silent["last_seen"] < later["last_seen"]


def test_a_unit_that_fell_silent_is_not_counted_at_the_rate_it_told_last():
    """Its group tells no more than that its word is unknown: the rate it had two minutes ago is no rate of now."""
    shelf = Shelf()
    first, second = ("02:00:00:00:00:00:hashrate_ths", 1.2), ("02:00:00:00:00:01:hashrate_ths", 1.1)
    shelf.more = [first, second]

    def rates():
        site = mine_row(0, shelf.image, shelf.last(), shelf.policy)[FIGURES.index("hashrate_ths")]
        columns = json.loads(telemetry(shelf.image, shelf.policy, shelf.state)[1])["hashrate_ths"]
        return [*columns[:2], site]

    shelf.ticks(2)
    assert rates() == [1.2, 1.1, 2.3]
    shelf.silent, shelf.more = {"b0"}, [("02:00:00:00:00:00:word", None), second]
    shelf.ticks(1)
    assert rates() == [None, 1.1, 1.1]


def test_a_processor_that_fell_silent_earns_nothing_by_the_rate_it_told_last():
    shelf = Shelf()
    shelf.more = [("02:00:00:00:00:00:rate_hs", 2961.0)]
    shelf.ticks(2)
    unit = "bitaxe shelf/02:00:00:00:00:00"
    assert rate_hs(shelf.image, unit) == 2961
    shelf.silent, shelf.more = {"b0"}, [("02:00:00:00:00:00:word", None)]
    shelf.ticks(1)
    assert rate_hs(shelf.image, unit) is None


def test_a_board_of_kilohashes_is_kept_with_its_rate_and_not_as_one_that_hashes_nothing():
    shelf = Shelf()
    unit = "02:00:00:00:00:00"
    shelf.more = [(f"{unit}:hashrate_ths", 0.0), (f"{unit}:rate_hs", 971_630), (f"{unit}:fan_rpm", 3615)]
    shelf.ticks(2)
    columns = json.loads(telemetry(shelf.image, shelf.policy, shelf.state)[1])
    assert (columns["hashrate_ths"][0], columns["fan_rpm"][0]) == (9.7163e-07, 3615)
    assert mine_row(0, shelf.image, shelf.last(), shelf.policy)[FIGURES.index("hashrate_ths")] == 9.72e-07
    assert spread([9.7e-07, 9.9e-07]) == [9.7e-07, 9.8e-07, 9.9e-07]
    assert spread([0.0, 0.0]) == [0.0, 0.0, 0.0]
    assert spread([1.234, 1.235]) == [1.234, 1.23, 1.235]


def test_a_rate_that_nobody_tells_any_more_counts_as_long_as_it_may():
    """A driver that has lost its memory says nothing at all of who is silent."""
    shelf = Shelf()
    shelf.more = [("02:00:00:00:00:00:hashrate_ths", 1.2)]
    shelf.ticks(2)
    shelf.silent, shelf.more = {"b0"}, []
    shelf.ticks(2)
    assert json.loads(telemetry(shelf.image, shelf.policy, shelf.state)[1])["hashrate_ths"][0] == 1.2
    shelf.ticks(6)
    assert "hashrate_ths" not in json.loads(telemetry(shelf.image, shelf.policy, shelf.state)[1])


def test_hash_rates_are_recorded_where_a_decision_reads_them():
    rules = ledger.policy(2)
    asks = {name: rules._replace(site=rules.site._replace(strategy=name)) for name in ("wear", "efficiency", "mixed")}
    asks["bands"] = asks["wear"]._replace(rules={"band": BandOptions(sections=DEFAULTS)})
    asks["tuning"] = asks["wear"]._replace(rules={"tuning": TuningOptions(sections=(Task("shelf", Section()),))})
    assert unread(asks["wear"]) == {"hashrate_ths", "rate_hs"}
    assert unread(asks["efficiency"]) == unread(asks["mixed"]) == unread(asks["bands"]) == frozenset()
    assert unread(asks["tuning"]) == frozenset(), "a search looks at them whatever the strategy"
    this = ledger.make_tick(rules, Book(ledger.full_state(rules)), ledger.NOON).rounds[0]
    this = this._replace(readings=(*this.readings, Reading("foreman mine/x:hashrate_ths", 99.5, 1)))

    def kept(strategy: str) -> list[Any]:
        body = pack_record(this, FACTS, "", str, unread(asks[strategy]))
        back = unpack_record(record_id(ledger.NOON, 0), body, str)
        return [one.key for one in back.readings if one.quantity == "hashrate_ths"]

    assert kept("wear") == []
    assert len(kept("efficiency")) == 3


class Recorder(Shelf):
    """A shelf each of whose rounds is put into a record, taken out again, and decided anew."""

    last_image: Image | None = None
    heard: tuple[Reading, ...] = ()
    same = 0

    def readings(self, asked: set[str]) -> list[Reading]:
        found = super().readings(asked)
        self.heard = tuple(found)
        return found

    def act(self, decision: Decision) -> tuple[Outcome, ...]:
        assert self.image is not None
        this = Round(0, self.image.clock, self.heard, self.image.requests, self.image, decision, ())
        back = unpack_record(record_id(9, 0), pack_record(this, FACTS, "", str, unread(self.policy)), str)
        state, notes = unpack_state(json.loads(json.dumps(pack_state(self.state))))
        image = freeze(self.last_image, back.readings, self.wiring, back.clock, back.requests)
        assert notes == ()
        assert sha(decide(image, state, self.policy)) == back.decision_sha
        self.same += 1
        self.last_image = image
        return super().act(decision)


@pytest.mark.parametrize("strategy", ["wear", "efficiency", "mixed"])
def test_g11_a_recorded_round_with_errands_decides_the_same_again(strategy):
    """G11: state out of the store, readings and requests out of the record: the same decision, byte for byte."""
    shelf = Recorder(strategy=strategy)
    shelf.more = [("02:00:00:00:00:00:hashrate_ths", 1.09), ("02:00:00:00:00:00 firmware:text", "v1")]
    wishes = {5: request("errand", "b1", "restart"), 8: request("set-state", "mode.b2", "eco", number=2)}
    for number in range(24):
        shelf.requests = (wishes[number],) if number in wishes else ()
        shelf.tick()
    assert shelf.same >= 24
    assert shelf.errands() == [("b1", "restart", ""), ("b2", "mode", "eco")]
    assert (shelf.state.units["b0"].dj_th > 0) is (strategy != "wear")
