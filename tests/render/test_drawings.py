import re

import pytest
import sample

from mine_controller.render import svg
from mine_controller.render.files import found
from mine_controller.render.given import History
from mine_controller.render.text import Zone, clean, masked, span, temperature, watts
from mine_controller.render.trends import charts


def test_a_scale_clamps_what_lies_outside():
    scale = svg.Scale(0, 50, 400, flip=True)
    assert [scale.at(value) for value in (-5, 0, 25, 50, 99)] == [400, 400, 200, 0, 0]
    assert svg.Scale(5, 5, 100).at(7) == 0


@pytest.mark.parametrize("high", [0, 0.4, 1, 7, 43, 999, 1000, 1001, 450_000])
def test_round_ticks_reach_over_the_highest_value(high):
    ticks = svg.nice(high)
    assert ticks[0] == 0
    assert ticks[-1] >= high
    assert 2 <= len(ticks) <= 6


def test_a_line_stays_open_where_nothing_is_known():
    scale = svg.Scale(0, 10, 10, flip=True)
    assert svg.line((0, 1, 2, 3, 9), (1, 2, None, 4, 5), scale, 3) == "M0 9L1 8M3 6M9 5"
    assert svg.area((0, 1, 2), (1, None, 2), scale, 3) == "M0 10L0 9V10ZM2 10L2 8V10Z"


def test_stairs_hold_each_count_until_the_next():
    assert svg.stairs((0, 5, 10), (2, 4, None), svg.Scale(0, 4, 4, flip=True), 9) == "M0 4V2H5V0V4Z"


def test_equal_words_make_one_span_and_silence_none():
    spans = svg.spans((0, 2, 4, 6, 90), ("a", "a", None, "b", "b"), 10)
    assert spans == (svg.Span("a", 0, 4), svg.Span("b", 6, 1), svg.Span("b", 90, 1))


def test_an_empty_history_says_so_and_a_day_of_nothing_draws_nothing():
    zone = Zone(0, "UTC")
    assert charts(History(), sample.facts(), zone, sample.NOW)["empty"]
    ats = tuple(range(sample.NOW - 3600, sample.NOW, 120))
    nothing = (None,) * len(ats)
    day = charts(History(ats, *(nothing,) * 6), sample.facts(), zone, sample.NOW)
    assert day["power"]["line"] == day["inlet"]["line"] == day["fans"]["area"] == ""
    assert {row["power"] for row in day["rows"]} == {"unknown"}


def test_curtailment_is_shaded_and_the_hour_table_has_a_row_an_hour():
    day = charts(sample.history("RUNNING"), sample.facts(), Zone(sample.CDT, "CDT"), sample.NOW)
    assert [shade["kind"] for shade in day["shades"]] == ["curtail"]
    assert len(day["signal_off"]) == 1
    assert 24 <= len(day["rows"]) <= 25
    assert day["rows"][0]["hour"] == "14:00"


def test_a_strangers_text_is_one_short_line():
    assert clean("a\x00\u202eb\r\nc\u200b  d") == "a b c d"
    assert len(clean("x" * 5000)) == 120
    assert clean("") == ""
    assert clean("no answer in 6.0 s, last known 1443 s ago") == "no answer in 6.0 s, last known 24 min ago"


def test_addresses_are_masked_and_times_are_not():
    assert masked("from 10.1.2.3:4028 at 14:02:10") == "from [hidden] at 14:02:10"
    for wallet in (
        "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "1BoatSLRHtKNngkdXEeobR76b53LETtpyT",
        "DLgVZdJ8yGv8hKLEZvJqTKHvm6Y2aZkRtF", "dgb1qw508d6qejxtdg4y5r3zarvary0c5xw7kq2w9x5",
        "qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a", "LhK2kQwiaAvhjWY799cZvMyYwnQAcxkarr",
        "44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DBLWs3H7otXft3XjrpDtQGv7SqSsaBYBb98uNbr2VBBEt7f2wfn3RVGQBEP3A",
    ):  # fmt: skip
        assert masked(f"config pool x.user {wallet}.rig1 -> done") == "config pool x.user [hidden].rig1 -> done"
    plain = "Denver garage, 4028 answered, Longest_name_without_any_space_in_it, 4.12.0, L7_of_the_last_row"
    assert masked(plain) == plain
    assert masked("see https://mine.example/a?b=c now") == "see [hidden] now"


def test_numbers_are_written_for_people():
    assert watts(None) == temperature(None, "C") == span(None) == "unknown"
    assert watts(0) == "0\u00a0W"
    assert watts(-0.3) == "0\u00a0W"
    assert (temperature(-0.04, "C"), temperature(-17.79, "F")) == ("0.0\u00a0°C", "0.0\u00a0°F"), "nought has no minus"
    assert watts(3_401) == "3,401\u00a0W"
    assert watts(946_312) == "946.3\u00a0kW"
    assert [span(value) for value in (12, 240, 4_800, 280_000)] == [
        "12\u00a0s",
        "4\u00a0min",
        "80\u00a0min",
        "3\u00a0d 5\u00a0h",
    ]


def test_times_are_shown_where_the_mine_stands():
    zone = Zone(-5 * 3600, "CDT")
    assert zone.iso(sample.NOW) == "2026-07-14T14:02:57-05:00"
    assert zone.near(sample.NOW - 60, sample.NOW) == "14:01:57"
    assert zone.near(sample.NOW - 86_400, sample.NOW) == "Mon 13 Jul 14:02"


def _luminance(colour):
    digits = colour.lstrip("#")
    digits = "".join(one * 2 for one in digits) if len(digits) == 3 else digits
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one, other):
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_every_text_colour_reads_on_its_grounds_in_light_and_dark():
    style = (found("www") / "style.css").read_text()
    palettes = [
        dict(re.findall(r"--([\w-]+): (#\w+);", block))
        for block in re.findall(r":root \{(.*?)\n\s*\}", style, re.DOTALL)[:2]
    ]
    assert len(palettes) == 2
    tones = ("good", "move", "contract", "warn", "bad", "quiet")
    grounds = ("desk", "sheet", "inset", *(f"{tone}-bg" for tone in tones))
    for palette in palettes:
        pairs = [(ink, ground) for ink in ("ink", "soft") for ground in grounds]
        pairs += [(tone, ground) for tone in tones for ground in ("sheet", "inset", f"{tone}-bg")]
        pairs.append(("on-tone", "bad"))
        assert [pair for pair in pairs if _contrast(palette[pair[0]], palette[pair[1]]) < 4.5] == []


def test_nothing_in_the_style_is_wider_than_a_phone():
    style = (found("www") / "style.css").read_text()
    assert not re.findall(r"(?<!max-)(?<!min-)\bwidth: (?:[4-9]\d\d|\d{4,})px", style)
    bare = [
        one for one in re.findall(r"repeat\((?:\d+|auto-fi\w+), ([^()]+?)\)", style) if not one.startswith("minmax")
    ]
    assert bare == []
    for wide in re.findall(r"minmax\((\d+(?:\.\d+)?)rem", style):
        assert float(wide) <= 18


def test_a_column_that_was_never_recorded_is_unknown():
    day = charts(History((sample.NOW - 60, sample.NOW), power_w=(1, 2)), sample.facts(), Zone(0, "UTC"), sample.NOW)
    assert day["power"]["known"] == 2
    assert day["inlet"]["known"] == 0
    assert day["rows"][0]["modes"] == "unknown"
