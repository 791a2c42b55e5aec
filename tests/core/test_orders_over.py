"""What of a chase is over, and what then is forgotten: `compare` on plain columns."""

import pytest
from core.order_desk import ALL_OFF, WHY, sent, view
from core.plant import Plant, wiring

from mine_controller.core import choose as room
from mine_controller.core.compare import compare
from mine_controller.core.forecast import Deadline
from mine_controller.core.model.decision import Envelope
from mine_controller.core.model.reading import Value
from mine_controller.core.model.reason import Wish
from mine_controller.core.model.state import Chase, FanBook, MinerBook
from mine_controller.core.model.wiring import Lane, Path


def settled(chase, *, at=0, envelope=None, **changes):
    seen = view(**changes)
    name = f"miner m00{at}"
    seen = seen._replace(state=seen.state._replace(chases={name: chase(seen.now_s)}))
    found = compare(seen, envelope or Envelope(start_miners=0), room.choose(seen, Envelope(start_miners=0)), None)
    return name in found.chases, [target for target, _ in found.done], found


def test_a_stop_is_proven_by_watts_that_are_newer_than_it():
    newer = view(running=False).image.miners.power_at[0]
    assert settled(lambda _: Chase("stop", 0, 1, 1, newer - 1), running=False)[:2] == (False, ["miner m000"])
    assert settled(lambda _: Chase("stop", 0, 1, 1, newer), running=False)[:2] == (True, [])
    assert settled(lambda _: Chase("stop", 0, 0, 1, None), running=False)[:2] == (False, ["miner m000"])


def test_a_stop_wanted_no_longer_is_let_go_once_it_can_not_come_true_any_more():
    proof_s = wiring(1).miners[0].paths[0].proof_s
    for ago_s, kept in ((proof_s + 120, True), (proof_s + 121, False)):
        assert settled(lambda now_s, ago_s=ago_s: Chase("stop", 0, 1, 1, now_s - ago_s))[0] is kept
    assert settled(lambda _: Chase("stop", 0, 0, 1, None))[0] is False


def test_a_start_is_proven_at_half_of_its_power():
    nominal_w = 3400
    for watts, done in ((nominal_w // 2, ["miner m000"]), (nominal_w // 2 - 1, [])):
        found = settled(lambda now_s: Chase("run", 0, 1, now_s - 60, now_s - 60), power_w=(watts, 25, 25, 25))
        assert found[1] == done


def test_a_start_that_takes_too_long_has_failed_unless_nobody_was_told_or_can_see():
    patience_s = 2 * wiring(1).miners[0].ramp_patience_s + 600

    def after(waited_s, told=(), **changes):
        found = settled(lambda now_s: Chase("run", 0, 1, now_s - waited_s, now_s - 30, *told),
                        running=False, **changes)  # fmt: skip
        return found[0], found[2].failed

    assert after(patience_s) == (True, ())
    assert after(patience_s + 1) == (False, ("m000",))
    assert after(patience_s + 1, power_w=(None, 25, 25, 25)) == (False, ())
    assert after(patience_s + 1, told=("unreachable",)) == (False, ())

    def unsent(ago_s):
        return settled(lambda now_s: Chase("run", 0, 0, now_s - ago_s), running=False, address=(None,) * 4)

    assert (unsent(240)[0], unsent(241)[0], unsent(241)[2].failed) == (True, False, ())


def mapped_wrong(after_s=601, *, word="hashing", outlet="off", running=False, book=None):
    """Who is found on another outlet, so long after the first of four went dark."""
    seen = view(running=running)
    book = book or MinerBook(on=False, last_stop_s=seen.now_s - after_s)
    words, outlets = (word, None, None, None), (outlet, "off", "off", "off")
    changed = view(running=running, word=words, word_at=(seen.now_s,) * 4, outlet=outlets, miners={"m000": book})
    return compare(changed, Envelope(), room.choose(changed, Envelope()), None).mapped_wrong


def test_pdu3_a_miner_that_hashes_on_minutes_after_its_outlet_went_dark_is_on_another_one():
    assert mapped_wrong() == ("m000",)
    assert mapped_wrong(600) == ()


@pytest.mark.parametrize(
    "other",
    [
        {"word": "sleeping"},
        {"word": None},
        {"outlet": "on"},
        {"outlet": None},
        {"running": True},
        {"book": MinerBook(on=True, last_stop_s=1)},
        {"book": MinerBook(on=False, last_stop_s=1, quarantined="told before")},
    ],
)
def test_pdu3_what_says_nothing_against_the_map(other):
    assert mapped_wrong(**other) == ()


def test_pdu3_each_wrong_map_is_told_with_its_outlet_wherever_its_miner_stands_in_the_list():
    seen = view(running=False)
    late = MinerBook(on=False, last_stop_s=seen.now_s - 601)
    books = {"m001": late._replace(quarantined="told before"), "m002": late, "m003": late}
    columns = {"word": ("hashing",) * 4, "word_at": (seen.now_s,) * 4, "outlet": ("on", "off", "off", "off")}
    changed = view(running=False, miners=books, **columns)
    found = compare(changed, Envelope(), room.choose(changed, Envelope()), None)
    assert found.mapped_wrong == ("m002", "m003")
    told = [(one.kind, one.severity, one.about, dict(one.reason.numbers)) for one in found.events]
    assert told == [
        ("outlet_map", "warning", name, {"miner": name, "outlet": changed.wiring.miners[at].outlet})
        for at, name in ((2, "m002"), (3, "m003"))
    ]


def test_a_miner_that_is_not_ours_keeps_nobody_elses_stop_back():
    wires = wiring(3)
    foreign = wires._replace(miners=(wires.miners[0]._replace(paths=()), *wires.miners[1:]))
    told, _ = sent(view(wires=foreign), ALL_OFF)
    assert [target for target, _, _ in told] == ["miner m001", "miner m002"]


def test_a_chase_whose_miner_or_path_is_gone_from_the_config_is_dropped():
    assert settled(lambda _: Chase("stop", 2, 1, 1, 5))[0] is False
    assert settled(lambda now_s: Chase("stop", 1, 1, now_s, now_s))[0] is True
    assert settled(lambda _: Chase("stop", 0, 1, 1, 5), at=9)[0] is False


def test_what_is_looked_at_again_is_what_was_told_something():
    seen = view()
    _, found = sent(seen, ALL_OFF, Deadline(seen.now_s + 600))
    assert found.look.at_s == seen.now_s + 8
    assert found.look.what == ("redfish pdu1",)
    shadow = seen._replace(site=seen.site._replace(live=False))
    assert sent(shadow, ALL_OFF)[1].look is None
    metered = Plant(wiring(4, meter=True))
    metered.meter = 20_000
    _, found = sent(view(plant=metered), ALL_OFF)
    assert found.look.what == ("redfish pdu1", "sel735 meter")
    quiet = view(plant=metered)
    again = Envelope(fans_min=9, wishes=(Wish(0, "look roomalert intake", 20, WHY),))
    assert sent(quiet, again)[1].look == (quiet.now_s + 20, ("roomalert intake",))
    assert sent(quiet, Envelope(fans_min=9))[1].look is None


def test_a_gentle_path_through_another_service_needs_its_own_word_of_the_unit():
    wires = wiring(1)
    spec = wires.miners[0]
    cloud = Path("cloud mine", 40, gentle=True)
    spec = spec._replace(paths=(spec.paths[0], cloud, spec.paths[1]))
    wires = wires._replace(miners=(spec,), lanes={**wires.lanes, "cloud mine": Lane("cloud mine")})
    lost = {"wires": wires, "address": (None,)}
    assert sent(view(**lost), ALL_OFF)[0] == [("miner m000", "off", "redfish pdu1")]
    known = view(**lost)
    told = {f"cloud mine/{spec.mac}:address": Value("42", known.now_s)}
    assert sent(view(**lost, channels=told), ALL_OFF)[0] == [("miner m000", "stop", "cloud mine")]


def test_a_stop_that_finds_nobody_is_kept_as_begun_and_not_sent():
    gentle = ALL_OFF._replace(how="gentle", reasons=())
    seen = view(address=(None,) * 4)
    told, found = sent(seen, gentle)
    assert told == []
    assert found.chases == {f"miner m00{at}": Chase("stop", 0, 0, seen.now_s) for at in range(4)}


def test_a_chase_above_what_may_be_used_now_begins_anew_at_the_bottom():
    seen = view()
    high = {"miner m000": Chase("stop", 1, 1, seen.now_s - 50, seen.now_s - 5, "accepted")}
    gentle = ALL_OFF._replace(how="gentle", reasons=())
    told, found = sent(view(chases=high), gentle)
    assert ("miner m000", "stop", "foreman mine") in told
    again = found.chases["miner m000"]
    assert (again.rung, again.tries, again.began_s, again.answer) == (0, 1, seen.now_s - 50, "")


def test_overdue_jobs_are_asked_for_five_a_round_the_oldest_first():
    seen = view(8)
    ago = {f"miner m00{at}": 14 + at for at in range(8)}
    open_ = {name: Chase("stop", 0, 1, 1, seen.now_s - ago_s, "accepted", f"t{ago_s}") for name, ago_s in ago.items()}
    open_ |= {"miner m007": open_["miner m007"]._replace(ticket=None), "pool x": Chase("on", 0, 1, 1, 5, ticket="p")}
    _, found = sent(view(8, chases=open_), ALL_OFF, Deadline(seen.now_s + 600))
    asked = [what for what in found.look.what if what.startswith("ticket:")]
    assert asked == [f"ticket:foreman mine/t{ago_s}" for ago_s in (20, 19, 18, 17, 16)]
    few = {name: open_[name] for name in ("miner m000", "miner m001")}
    _, found = sent(view(8, chases=few), ALL_OFF, Deadline(seen.now_s + 600))
    assert [what for what in found.look.what if what.startswith("ticket:")] == ["ticket:foreman mine/t15"]


@pytest.mark.parametrize(("short_s", "again"), [(1, False), (0, True)])
def test_an_outlet_that_stays_off_is_switched_on_again_after_the_patience_of_its_miner(short_s, again):
    seen, patience_s = view(running=False), wiring(1).miners[0].ramp_patience_s
    sent_s = seen.now_s - patience_s + short_s
    open_ = {"miner m000": Chase("run", 1, 1, sent_s, sent_s)}
    told, _ = sent(view(running=False, outlet=("off",) * 4, chases=open_), Envelope(start_miners=0))
    assert told == ([("miner m000", "on", "redfish pdu1")] if again else [])


@pytest.mark.parametrize(
    ("ago_s", "look_s"), [(0, 22), (16, 6), (17, 5), (18, 5), (30, 5), (65, 5), (66, None), (900, None)]
)
def test_a_fan_that_spins_up_is_looked_at_when_it_can_prove_itself_and_not_for_ever(ago_s, look_s):
    seen = view()
    books = {**seen.fans, "1": FanBook("starting", seen.now_s - ago_s)}
    found = sent(view(fans=books), Envelope(fans_min=9))[1]
    expected = None if look_s is None else (seen.now_s + look_s, ("iotawatt fans",))
    assert found.look == expected


@pytest.mark.parametrize(("tries", "lane"), [(1, "redfish pdu1"), (2, "redfish pdu1"), (3, None)])
def test_a_cut_overtakes_a_gentle_stop_under_way_but_not_the_word_after_a_failed_outlet(tries, lane):
    seen = view(1)
    open_ = {"miner m000": Chase("stop", 0, tries, seen.now_s - 20, seen.now_s - 5)}
    told, _ = sent(view(1, chases=open_), ALL_OFF._replace(how="cut"))
    assert [one[2] for one in told] == ([lane] if lane else [])


def ways(*, sent_s, rung, tries=1):
    """A unit with its own way, a service and an outlet that is dead; its own way has lost it. What it is told now."""
    spec = wiring(1).miners[0]
    cloud = Path("cloud mine", 40, gentle=True)
    wires = wiring(1)
    spec = spec._replace(paths=(spec.paths[0], cloud, spec.paths[1]))
    wires = wires._replace(miners=(spec,), lanes={**wires.lanes, "cloud mine": Lane("cloud mine")})
    now_s = view(1).now_s
    channels = {
        f"cloud mine/{spec.mac}:address": Value("42", now_s),
        "redfish pdu1:health": Value(None, 1, "", "no answer"),
    }
    at_s = None if sent_s is None else now_s - sent_s
    open_ = {"miner m000": Chase("stop", rung, tries, now_s - 60, at_s)}
    told, found = sent(view(wires=wires, address=(None,), channels=channels, chases=open_), ALL_OFF)
    return told, found.chases["miner m000"].rung


def test_cmd_a_stop_whose_outlet_died_goes_on_by_the_first_way_that_still_knows_the_unit():
    """Its own way would send into the blue, and nobody would hear it."""
    assert ways(sent_s=5, rung=2) == ([("miner m000", "stop", "cloud mine")], 1)


def test_a_word_under_way_is_waited_for_although_its_unit_can_not_be_found_any_more():
    assert ways(sent_s=5, rung=0) == ([], 0)


@pytest.mark.parametrize(("ticket", "told"), [("t1", [("miner m000", "off", "redfish pdu1")]), ("t2", [])])
def test_a_job_that_its_service_calls_failed_is_followed_by_the_outlet_at_once(ticket, told):
    now_s = view(1).now_s
    seen = view(1, chases={"miner m000": Chase("stop", 0, 1, now_s - 20, now_s - 5, "accepted", "t1")})
    seen = seen._replace(image=seen.image._replace(tickets={f"foreman mine/{ticket}": "failed"}))
    assert sent(seen, ALL_OFF)[0] == told
