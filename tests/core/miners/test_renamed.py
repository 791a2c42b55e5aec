"""A miner by another name in fleet.csv is the same miner: its books, its holds and what is under way follow it."""

from core.plant import policy, request
from core.shelf import Shelf

from mine_controller.core.miners.renamed import follow
from mine_controller.core.model.state import Chase, Errand, MinerBook, Override, State, Unit
from mine_controller.core.wording.words import sentence

MACS = [f"02:00:00:00:00:{at:02x}" for at in range(4)]


def shelf():
    """One that ran for a while, so that it knows its units."""
    boards = Shelf()
    boards.ticks(12)
    return boards


def call(boards, *names):
    """Fleet.csv as edited: the same units in their order, by other names; None: it lists this one no more."""
    specs = [spec._replace(id=name) for spec, name in zip(boards.wiring.miners, names, strict=True) if name is not None]
    was = {spec.mac: spec.id for spec in boards.wiring.miners}
    for book in (boards.power, boards.mode, boards.pool, boards.at):
        rows = dict(book)
        book.clear()
        book.update({spec.id: rows[was[spec.mac]] for spec in specs})
    boards.wiring = boards.wiring._replace(miners=tuple(specs))
    boards.policy = boards.policy._replace(wiring=boards.wiring)


def told(boards):
    return [sentence(event.reason) for event in boards.events("renamed")]


def test_one_that_was_put_aside_stays_off_under_its_new_name():
    boards = shelf()
    boards.requests = (request("quarantine", "b1", reason="its fan rattles"),)
    boards.ticks(2)
    assert boards.power["b1"] < 6
    call(boards, "b0", "shelf1", "b2", "b3")
    boards.ticks(12)
    assert boards.power["shelf1"] < 6
    assert boards.state.miners["shelf1"].quarantined == "put there by owner: its fan rattles"
    assert "b1" not in boards.state.miners
    assert told(boards) == ["shelf1 was called b1: its wear, and what people hold of it, stay with it"]
    assert not boards.events("list_shrunk")


def test_one_that_was_put_aside_stays_off_when_its_line_comes_back_with_another_name():
    """`miners remove`, and some ticks later `discover --add`: it was a new machine, without quarantine, and started."""
    boards = shelf()
    boards.requests = (request("quarantine", "b1", reason="its fan rattles"),)
    boards.ticks(2)
    every, power = boards.wiring.miners, dict(boards.power)
    call(boards, "b0", None, "b2", "b3")
    boards.ticks(3)
    boards.wiring = boards.wiring._replace(miners=every)
    boards.power["b1"], boards.mode["b1"], boards.pool["b1"], boards.at["b1"] = power["b1"], "eco", "main", "10.0.0.2"
    call(boards, "b0", "shelf1", "b2", "b3")
    boards.ticks(12)
    assert boards.power["shelf1"] < 6
    assert boards.state.miners["shelf1"].quarantined == "put there by owner: its fan rattles"
    assert "b1" not in boards.state.units
    assert told(boards) == ["shelf1 was called b1: its wear, and what people hold of it, stay with it"]


def test_of_those_that_left_the_list_who_they_were_is_kept_and_it_is_told_once():
    boards = shelf()
    call(boards, "b0", None, None, "b3")
    boards.ticks(9)
    assert len(boards.events("list_shrunk")) == 1
    assert boards.state.units["b1"] == Unit(mac=MACS[1])


def test_a_whole_fleet_renamed_is_no_list_that_shrank_and_keeps_what_was_learned():
    boards = shelf()
    call(boards, "1", "2", "3", "4")
    boards.ticks(2)
    assert not boards.events("list_shrunk")
    assert {name: unit.run_dw for name, unit in boards.state.units.items()} == dict.fromkeys("1234", 180)
    assert not boards.events("moved")


def test_names_that_move_on_by_one_take_their_books_with_them():
    boards = shelf()
    boards.requests = (request("quarantine", "b1"),)
    boards.ticks(2)
    call(boards, "b0", "b2", "b3", "b4")  # a row was put in above them
    boards.ticks(2)
    assert [name for name, book in sorted(boards.state.miners.items()) if book.quarantined] == ["b2"]
    assert sorted(boards.state.units) == ["b0", "b2", "b3", "b4"]


def test_a_new_control_board_keeps_the_books_of_its_name():
    boards = shelf()
    books = boards.state.miners["b1"]
    miners = boards.wiring.miners
    boards.wiring = boards.wiring._replace(miners=(miners[0], miners[1]._replace(mac="02:00:00:00:00:99"), *miners[2:]))
    boards.policy = policy(boards.wiring)._replace(rules=boards.policy.rules, site=boards.policy.site)
    boards.ticks(2)
    assert boards.state.miners["b1"].starts == books.starts
    assert boards.state.units["b1"].mac == "02:00:00:00:00:99"
    assert told(boards) == []
    assert not boards.events("stranger_left")


def test_holds_errands_chases_and_what_rules_know_go_with_it():
    units = {f"b{at}": Unit(mac=mac) for at, mac in enumerate(MACS)}
    state = State(
        memory={"failover": {"moved": {"b1": "main"}}, "wear": {"b1": 1}},
        miners={"b1": MinerBook(starts=7), "shelf1": MinerBook(starts=1)},
        chases={"miner b1": Chase("stop", 0, 1, 5), "fan 1": Chase("on", 0, 1, 5)},
        overrides=(
            Override("miner.b1", "stop", "output", 0, "anna", "", 1),
            Override("mode.b1", "eco", "output", 0, "anna", "", 2),
            Override("mode.b0", "eco", "output", 0, "anna", "", 3),
            Override("miner.shelf1", "run", "output", 0, "anna", "", 4),
        ),
        last={
            "no_stop": {"bitaxe shelf": ["b0", "b1"]},
            "no_start": ["b1"],
            "writers": {"b1": 9},
            "boot_id": "b1",
            "shares": {"marks": [[9, {"b0": [4, 0], "b1": [5, 1]}]], "bad": {"b1": [6.0, 50]}},
        },
        errands=(Errand("b1", "restart", "", 5, 1),),
        settling={"b1": 60},
        units=units,
    )
    specs = Shelf().wiring.miners
    renamed = (specs[0], specs[1]._replace(id="shelf1"), *specs[2:])
    after, events = follow(state, renamed)
    assert [event.about for event in events] == ["shelf1"]
    assert after.memory == {"failover": {"moved": {"shelf1": "main"}}, "wear": {"b1": 1}}
    assert after.miners == {"shelf1": MinerBook(starts=7)}
    assert set(after.chases) == {"miner shelf1", "fan 1"}
    assert [one.key for one in after.overrides] == ["miner.shelf1", "mode.shelf1", "mode.b0"]
    assert after.overrides[0].value == "stop"
    assert after.last == {
        "no_stop": {"bitaxe shelf": ["b0", "shelf1"]}, "no_start": ["shelf1"], "writers": {"shelf1": 9},
        "boot_id": "b1", "shares": {"marks": [[9, {"b0": [4, 0], "shelf1": [5, 1]}]], "bad": {"shelf1": [6.0, 50]}},
    }  # fmt: skip
    assert after.errands[0].miner == "shelf1"
    assert after.settling == {"shelf1": 60}
    assert after.units["shelf1"].mac == MACS[1]
    assert follow(after, renamed) == (after, ())


def test_what_was_asked_of_one_that_left_is_not_told_to_the_one_that_has_its_name_now():
    """A list cleared of its first row and numbered anew: the restart, and what b0 said of itself, were b1's then."""
    asked = Errand("b0", "limit", "2000", 5, 1, why="busy")
    state = State(
        errands=(asked, Errand("b0", "mode", "eco", 0, 1), Errand("b1", "restart", "", 6, 1)),
        last={
            "no_stop": {"bitaxe shelf": ["b0", "b2"]},
            "no_start": ["b0", "b1"],
            "unasked": {"b1": [[5, "off"]], "b0": [[6, "on"]]},
        },
        units={f"b{at}": Unit(mac=mac) for at, mac in enumerate(MACS)},
    )
    first, second, third, _fourth = Shelf().wiring.miners
    after, events = follow(state, (second._replace(id="b0"), third._replace(id="b1")))
    assert [(one.miner, one.verb) for one in after.errands] == [("b0", "restart")]
    assert after.last == {
        "no_stop": {"bitaxe shelf": ["b1"]}, "no_start": ["b0"], "unasked": {"b0": [[5, "off"]]},
    }  # fmt: skip
    [failed] = [event for event in events if event.kind == "errand_failed"]
    assert sentence(failed.reason) == "b0 did not take limit 2000 (not_sent): it is no longer in fleet.csv"
    assert dict(failed.reason.numbers)["request"] == 5
    other, _ = follow(state, (first, second._replace(id="off"), third))
    assert other.last["unasked"] == {"off": [[5, "off"]], "b0": [[6, "on"]]}, "a word is no name"
    done, events = follow(state._replace(errands=(asked._replace(sent_s=3, answer="applied", command="c"),)),
                          (second._replace(id="b0"),))  # fmt: skip
    assert (done.errands, [event.kind for event in events]) == ((), ["renamed", "errand_done"])


def test_nothing_is_made_where_no_name_changed():
    state = State(units={f"b{at}": Unit(mac=mac) for at, mac in enumerate(MACS)})
    assert follow(state, Shelf().wiring.miners)[0] is state
    assert follow(State(), Shelf().wiring.miners) == (State(), ())


def test_a_miner_renamed_during_a_window_goes_back_to_the_mode_it_had_before():
    row = {"was": "standard", "put": ["eco"], "shut_s": 0}
    state = State(
        units={"b0": Unit(mac=MACS[0])}, memory={"schedule": {"open": ["night"], "before": {"mode": {"b0": row}}}}
    )
    spec = Shelf().wiring.miners[0]._replace(id="shed")
    moved, _ = follow(state, (spec,))
    assert moved.memory["schedule"] == {"open": ["night"], "before": {"mode": {"shed": row}}}
