"""What follows from the wiring is made once a wiring, and anew for another."""

from core.plant import wiring

from mine_controller.core.once import Once, each


def test_the_very_same_miners_get_what_was_made_before_and_equal_ones_their_own():
    calls = []

    def count(miners):
        calls.append(miners)
        return len(miners)

    known, few = Once(count), wiring(2).miners
    assert [known(few), known(few), known(wiring(3).miners), known(few)] == [2, 2, 3, 2]
    assert len(calls) == 3
    assert known(()) == 0


def test_each_is_one_for_each_in_their_order():
    miners = wiring(3).miners
    assert Once(each(lambda spec: spec.id))(miners) == tuple(spec.id for spec in miners)
