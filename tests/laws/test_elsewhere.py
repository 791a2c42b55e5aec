"""The laws of a weak source and of both homes: a handmade bad story for each, beside a good one that all let pass."""

from itertools import count

import pytest

from mine_controller.play.homes import HOMES
from mine_controller.play.lasting import OUTCOMES, judge
from mine_controller.play.outcomes import History, Sample, Ticked, Told
from mine_controller.play.places import Household, Priced, Weak, Wish
from mine_controller.play.priced import PRICED
from mine_controller.play.weak import WEAK, touches

NAMES = ("a01", "a02", "x01")
BLIND = Told("alarm-1.raise", "supply_blind", "raise", 2)


def source(*parts, told=(), **about):
    """A weak site of 20 miners: parts are (seconds, watts, what else is true of sample or source)."""
    out, at = [], 0.0
    for seconds, watts, more in parts:
        own = {name: value for name, value in more.items() if name in Weak._fields}
        rest = {name: value for name, value in more.items() if name not in Weak._fields}
        for _ in range(int(seconds // 10)):
            weak = Weak(60_000.0, could_w=watts)._replace(**own)
            sample = Sample(at, readable=False, miners_w=watts, total_w=watts + 1500, clear=False, weak=weak)
            out.append(sample._replace(starts=(0,) * 20)._replace(**rest))
            at += 10
    made = tuple(Ticked(float(at), at + 20.0, told=tuple(told) if at == 1200 else ()) for at in range(0, int(at), 120))
    return History(tuple(out), made, 3400.0, 68_000.0)._replace(**about)


def house(*parts, wishes=(), **about):
    """Two miners and a stranger's: parts are (seconds, what is true of them)."""
    out, clock = [], count(0, 10)
    for seconds, more in parts:
        fine = Household((True,) * 3, (True,) * 3, ("standard",) * 3, (0,) * 3, (0,) * 3)
        rigs = fine._replace(**more)
        one = Sample(0.0, readable=False, miners_w=500.0, clear=False, house=rigs)
        out += [one._replace(at_s=float(next(clock))) for _ in range(int(seconds // 10))]
    made = tuple(Ticked(float(at), at + 20.0) for at in range(0, int(out[-1].at_s), 120))
    asked = tuple(Wish(float(at), tuple(words.split())) for at, words in wishes)
    history = History(tuple(out), made, 100.0, 1000.0, wishes=asked, names=NAMES, strangers=("x01",))
    return history._replace(**about)


def tariff(*parts, wishes=(), **about):
    """A Bitaxe, an Avalon and an XMRig under a tariff of 10 pence: parts are (seconds, what is true of them)."""
    out, clock = [], count(0, 10)
    usual = Priced(10.0, 10.0, True, ("bitaxe", "avalon", "xmrig"), (True,) * 3, (True,) * 3, (True,) * 3,
                   ("standard", "medium", "standard"), ("dgb", "dgb", "xmr"), (0,) * 3)  # fmt: skip
    for seconds, more in parts:
        now = usual._replace(**more)
        one = Sample(0.0, readable=False, miners_w=500.0, clear=False, price_off=now.price >= 20, priced=now)
        out += [one._replace(at_s=float(next(clock))) for _ in range(int(seconds // 10))]
    made = tuple(Ticked(float(at), at + 20.0) for at in range(0, int(out[-1].at_s), 120))
    asked = tuple(Wish(float(at), tuple(words.split())) for at, words in wishes)
    history = History(tuple(out), made, 5.0, 300.0, wishes=asked, names=("a01", "a02", "a03"))
    return history._replace(**about)


def begun(samples, **starts):
    """Miner 1 starts at these seconds, the others never."""
    return samples._replace(
        samples=tuple(one._replace(starts=(sum(at <= one.at_s for at in starts["at"]), *(0,) * 19))
                      for one in samples.samples)
    )  # fmt: skip


STOP = ((120, "set-state miner.a01 stop"),)
DARK = {"works": (False, True, True)}
GOOD_WEAK = ((900, 50_000.0, {}), (120, 61_000.0, {}), (900, 40_000.0, {"given_w": 45_000.0}), (600, 50_000.0, {}))
BAD = {
    "O21": (
        lambda: source((600, 50_000.0, {}), (400, 50_000.0, {"given_w": 45_000.0})),
        lambda: source((600, 50_000.0, {}), (1000, 50_000.0, {"given_w": 45_000.0, "said": False})),
    ),
    "O22": (lambda: source((600, 50_000.0, {}), (300, 46_000.0, {"hz": 49.1, "lies": True})),),
    "O23": (
        lambda: begun(source((300, 30_000.0, {"hz": 49.5}), (900, 30_000.0, {})), at=(500,)),
        lambda: begun(source((300, 30_000.0, {"phases": 2}), (900, 30_000.0, {})), at=(700,)),
    ),
    "O24": (
        lambda: source((600, 50_000.0, {}), (500, 10_000.0, {"online": False, "idle_n": 9})),
        lambda: source((600, 50_000.0, {}), (2500, 50_000.0, {"lent_n": 1})),
    ),
    "O25": (lambda: source((600, 50_000.0, {}), (1500, 0.0, {"said": False})),),
    "O26": (lambda: begun(source((9000, 30_000.0, {})), at=(1000, 3000, 5000, 7000)),),
    "O27": (lambda: house((3600, DARK)),),
    "O28": (lambda: house((1800, {}), wishes=STOP),),
    "O29": (
        lambda: house((600, {}), (600, {"told": (0, 0, 1)})),
        lambda: house((600, {}), (600, {"stops": (0, 1, 0)}), wishes=STOP),
    ),
    "O30": (lambda: house((3600, {}), wishes=((120, "set-state mode.a02 eco"),)),),
    "O31": (lambda: tariff((3600, DARK)),),
    "O32": (lambda: tariff((1000, {}), (900, {"writes": (1, 0, 0)}), (900, {"writes": (2, 0, 0)})),),
    "O33": (
        lambda: tariff((4000, {"modes": ("eco", "medium", "standard")})),
        lambda: tariff((4000, {"pools": ("bch", "dgb", "xmr")})),
    ),
}
BLACK = {"works": (False,) * 3, "draws": (False,) * 3}
DEAR = {"price": 25.0, "then": 25.0}


@pytest.mark.parametrize(("name", "make"), [(name, make) for name, makes in BAD.items() for make in makes])
def test_the_checker_flags_its_handmade_bad_story(name, make):
    assert list({**WEAK, **HOMES, **PRICED}[name](make()))
    assert name in {found for found, _ in judge(make())}


def test_every_law_has_one():
    assert list(BAD) == [*WEAK, *HOMES, *PRICED] == list(OUTCOMES)[20:]
    assert list(OUTCOMES) == [f"O{n}" for n in range(1, 34)]


def test_good_stories_pass_them_all():
    assert judge(source(*GOOD_WEAK)) == ()
    eco = {"modes": ("standard", "eco", "standard")}
    off = {**DARK, **eco, "stops": (1, 0, 0)}
    wishes = ((100, "set-state mode.a02 eco"), (3000, "set-state miner.a01 stop"), (9000, "clear-state --all"))
    assert judge(house((600, {}), (2500, eco), (6500, off), (2000, {**eco, "stops": (1, 0, 0)}), wishes=wishes)) == ()
    cheap = {"price": 5.0, "then": 5.0, "modes": ("overclock", "high", "standard"), "pools": ("bch", "bch", "xmr")}
    written = {"writes": (2, 1, 0)}
    late = ((1700, {}), (100, DEAR), (5400, {**DEAR, **BLACK}), (2000, BLACK), (1600, {"writes": (1, 0, 0)}))
    assert judge(tariff(*late, (4000, {**cheap, **written}))) == ()


# -- the tolerances are no loopholes ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("about", "flagged"),
    [
        ({}, True),
        ({"lies": True}, False),  # nobody can know
        ({"heard": False}, False),  # nobody can be told
        ({"could_w": 0.0}, False),  # nobody obeys
        ({"fed": False}, False),
    ],
)
def test_o21_load_over_the_source_is_excused_only_where_nothing_can_be_done(about, flagged):
    made = source((600, 50_000.0, {}), (400, 50_000.0, {"given_w": 45_000.0, **about}))
    assert bool(list(WEAK["O21"](made))) is flagged


def test_o21_a_word_that_went_out_an_hour_ago_gives_no_second_grace():
    quiet = ((600, 50_000.0, {}), (700, 50_000.0, {"said": False}), (900, 40_000.0, {}))
    assert list(WEAK["O21"](source(*quiet, (300, 50_000.0, {"given_w": 45_000.0}))))


def test_o22_a_step_down_is_enough():
    fallen = source((600, 50_000.0, {}), (120, 46_000.0, {"hz": 49.1}), (300, 30_000.0, {"hz": 49.3}))
    assert not list(WEAK["O22"](fallen))


def test_o23_what_starts_by_itself_when_it_is_fed_again_is_nobodys_fault():
    made = begun(source((300, 30_000.0, {"phases": 2}), (900, 30_000.0, {})), at=(400,))
    assert list(WEAK["O23"](made))
    assert not list(WEAK["O23"](made._replace(touched=(300.0,))))


def test_a_phase_that_is_back_as_another_goes_starts_who_hangs_on_it():
    lost = [{"phases": 2, "lost": frozenset({phase})} for phase in (2, 2, 0)]
    made = source(*((10, 30_000.0, about) for about in lost))
    assert list(touches(made.samples)) == [made.samples[-1].at_s]


@pytest.mark.parametrize(("told", "flagged"), [((), True), ((BLIND,), False), ((BLIND._replace(level=1),), True)])
def test_o25_only_an_emergency_is_told(told, flagged):
    made = source((600, 50_000.0, {}), (1500, 0.0, {"said": False}), told=told)
    assert bool(list(WEAK["O25"](made))) is flagged


def test_o26_who_is_ill_is_not_counted():
    ill = {"ill": frozenset({0})}
    assert not list(WEAK["O26"](begun(source((9000, 30_000.0, ill)), at=(1000, 3000, 5000, 7000))))


@pytest.mark.parametrize(
    "about", [{"fit": (False, True, True)}, {"room_c": 36.0}], ids=["something is wrong with it", "an oven"]
)
def test_o27_a_miner_that_can_not_run_need_not(about):
    assert not list(HOMES["O27"](house((3600, {**DARK, **about}))))


def test_o28_what_is_held_for_four_hours_may_run_after_them():
    assert not list(HOMES["O28"](house((14_400, DARK), (3600, {}), wishes=STOP)))
    assert list(HOMES["O28"](house((14_000, DARK), (3600, {}), wishes=STOP)))


def test_o28_a_wish_from_while_the_clock_stepped_may_have_been_refused():
    assert not list(HOMES["O28"](house((1800, {}), wishes=STOP, missed=(150.0,))))


@pytest.mark.parametrize(("words", "flagged"), [("quarantine a01", True), ("quarantine a02", False)])
def test_o28_quarantine_holds_who_is_named(words, flagged):
    made = house((1800, {"works": (True, False, True)}), wishes=((120, words),))
    assert bool(list(HOMES["O28"](made))) is flagged


@pytest.mark.parametrize(
    ("about", "flagged"),
    [
        ({}, True),
        ({"then": 25.0}, False),  # it would stop again at once
        ({"told": False}, False),  # nobody knows what it costs
        ({"fit": (False, True, True)}, False),
        ({"room_c": 36.0}, False),
    ],
)
def test_o31_a_board_that_can_not_run_need_not(about, flagged):
    assert bool(list(PRICED["O31"](tariff((3600, {**DARK, **about}))))) is flagged


def test_o31_after_three_restarts_in_an_hour_nothing_has_to_start_for_a_while():
    """PRO8."""
    for boots, flagged in ((2, True), (3, False)):
        made = tariff((6000, DARK), missed=tuple(60.0 + 800 * n for n in range(boots)))
        assert bool(list(PRICED["O31"](made))) is flagged


def test_o23_a_phase_that_was_mended_as_the_tick_began_was_seen_by_nobody():
    def late(mended_s):
        parts = ((300, 30_000.0, {}), (mended_s, 30_000.0, {"phases": 2}), (900, 30_000.0, {}))
        return list(WEAK["O23"](begun(source(*parts)._replace(touched=()), at=(930,))))

    assert late(80)
    assert not late(60), "the tick of 360 s reads three phases"


def test_o31_what_a_person_holds_dark_is_dark_until_it_is_cleared():
    wishes = ((60, "set-state strategy off"), (9000, "clear-state --all"))
    assert not list(PRICED["O31"](tariff((9500, DARK), (3600, {}), wishes=wishes)))
    assert list(PRICED["O31"](tariff((9500, {}), (3600, DARK), wishes=wishes)))


@pytest.mark.parametrize("stopped_s", [180, 200])
def test_o19_each_board_stops_when_its_slot_begins_to_be_dear(stopped_s):
    made = tariff((3600, {}), (stopped_s, {**DEAR, "draws": (True, False, False)}), (1800, {**DEAR, **BLACK}))
    assert bool(list(OUTCOMES["O19"](made))) is (stopped_s > 180)
    ill = tariff((3600, {"fit": (False, True, True)}), (stopped_s, {**DEAR, "draws": (True, False, False)}), (60, DEAR))
    assert not list(OUTCOMES["O19"](ill)), "a moment ago nobody could tell it anything"


def test_o32_towards_a_dearer_band_it_may_be_written_at_once():
    made = tariff((1000, {}), (900, {"writes": (1, 0, 0)}), (900, {"writes": (2, 0, 0), "price": 15.0, "then": 15.0}))
    assert not list(PRICED["O32"](made))


def test_o32_mode_and_pool_are_one_write():
    made = tariff((1000, {}), (60, {"writes": (1, 0, 0)}), (1800, {"writes": (2, 0, 0)}))
    assert not list(PRICED["O32"](made))


def test_o33_an_edge_belongs_to_the_dearer_band():
    assert not list(PRICED["O33"](tariff((4000, {"price": 7.0, "then": 7.0}))))
    eco = {"modes": ("eco", "low", "standard")}
    assert not list(PRICED["O33"](tariff((4000, {"price": 12.0, "then": 12.0, **eco}))))
