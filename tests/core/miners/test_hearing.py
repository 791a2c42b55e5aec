"""What a unit told before it fell silent is old news, however young."""

import pytest

from mine_controller.core.miners.hearing import told_now
from mine_controller.core.model.reading import Value

UNIT, RATE = "bitaxe shelf/02:00:00:00:00:01", ":hashrate_ths"
GONE = "no answer in 8.0 s"


@pytest.mark.parametrize(
    ("rate", "word", "now"),
    [
        (Value(1.2, 900), Value("hashing", 900), True),
        (Value(1.2, 900), Value("hashing", 900, "", GONE), False),  # silent: its word is unknown, the rest stays
        (Value(1.2, 960), Value("hashing", 900, "", "gives no state"), True),  # it answers, but for its word
        (Value(1.2, 900), Value("error", 945), True),  # read by parts, within one look
        (Value(1.2, 900), Value("error", 946), False),  # it answers, and tells no rate any more
        (Value(1.2, 900, "", GONE), Value("hashing", 900), False),
        (Value(None, 0, "", "gives no rate"), Value("hashing", 900), False),
        (Value(1.2, 900), None, True),  # of what never gives a word only age can tell
        (None, Value("hashing", 900), False),
    ],
)
def test_a_value_counts_as_now_when_it_came_with_the_last_word(rate, word, now):
    channels = {key: one for key, one in ((UNIT + RATE, rate), (f"{UNIT}:word", word)) if one is not None}
    assert told_now(channels, UNIT, RATE) is now
