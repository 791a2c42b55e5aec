"""Miners that draw power and hash nothing, by their own word."""

import pytest
from core.plant import Plant, miner, wiring

IDLER = "m003"


class Saying(Plant):
    """A plant one of whose miners says this word, whatever it draws."""

    def __init__(self, word, **flags):
        wires = wiring(24)
        miners = tuple(one._replace(**flags) if one.id == IDLER else one for one in wires.miners)
        super().__init__(wires._replace(miners=miners))
        self.word = word

    def readings(self, asked):
        key = f"foreman mine/{miner(int(IDLER[1:])).mac}:word"
        told = super().readings(asked)
        return [one._replace(value=self.word) if one.key == key and self.word != "own" else one for one in told]

    def told(self):
        return [one for decision in self.decisions for one in decision.tellings if one.kind == "miner_idle"]

    def open(self):
        return [alarm["about"] for alarm in self.state.alarms.values() if alarm["kind"] == "miner_idle"]


@pytest.mark.parametrize("word", ["sleeping", "stopped", "error"])
def test_a_miner_that_draws_and_says_it_does_not_hash_is_told_after_half_an_hour(word):
    """It earns nothing, and its watts say that it runs: nobody starts it anew."""
    site = Saying(word)
    site.ticks(14)
    assert not site.told()
    site.ticks(4)
    (told,) = site.told()
    assert (told.what, told.severity, told.about) == ("raise", "warning", IDLER)
    assert dict(told.reason.numbers) == {"miner": IDLER, "watts": site.power[IDLER], "word": word}
    site.word = "own"
    site.ticks(5)
    assert not site.open()
    assert [one.what for one in site.told()] == ["raise", "clear"]


@pytest.mark.parametrize("word", ["hashing", "booting", "offline", None])
def test_one_that_hashes_boots_or_says_nothing_is_no_idler(word):
    site = Saying(word)
    site.ticks(20)
    assert not site.open()


def test_while_all_is_to_be_dark_one_that_draws_on_is_the_stops_own_matter():
    site = Saying("sleeping")
    site.ticks(4)
    site.signal, site.liars, site.welded = "off", {IDLER}, {IDLER}
    site.ticks(20)
    assert site.power[IDLER] > 3000
    assert not site.open()


def test_of_one_in_maintenance_nobody_is_told():
    site = Saying("error", flags=("maintenance",))
    site.ticks(20)
    assert not site.open()


def test_silence_of_who_tells_its_word_is_no_end_of_it():
    """The cloud was away for five hours: "over", and told anew when it was back, of one that never hashed."""
    site = Saying("sleeping")
    site.ticks(18)
    site.word = None
    site.ticks(20)
    assert site.open() == [IDLER]
    site.word = "sleeping"
    site.ticks(20)
    assert [one.what for one in site.told()] == ["raise"]


def test_a_stop_that_it_only_says_it_has_taken_neither_ends_it_nor_tells_it_anew():
    """One that lies was told as over at the beginning of each curtailment, and anew half an hour after each."""
    site = Saying("stopped")
    site.ticks(18)
    site.liars, site.welded = {IDLER}, {IDLER}
    for _ in range(2):
        site.signal = "off"
        site.ticks(10)
        site.signal = "run"
        site.ticks(20)
    assert site.power[IDLER] > 3000
    assert [one.what for one in site.told()] == ["raise"]
    site.word = "own"
    site.ticks(5)
    assert [one.what for one in site.told()] == ["raise", "clear"]


def test_one_that_a_stop_has_made_dark_is_idle_no_longer():
    site = Saying("stopped")
    site.ticks(18)
    site.signal = "off"
    site.ticks(10)
    assert site.power[IDLER] < 100
    assert not site.open()
