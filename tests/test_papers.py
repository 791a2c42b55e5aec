"""Figures in the papers are those of the declarations: who changes a default finds the sentence that tells it."""

from pathlib import Path
from typing import Any

import pytest

from mine_controller.core.alarms.advice import ADVICE
from mine_controller.core.alarms.catalogue import KINDS
from mine_controller.core.option import fill
from mine_controller.core.rules import cold, ramp, run_on, signal, temperature, uplinks, wear

DOCS = Path(__file__).resolve().parents[1] / "docs"
HEAT, COLD, WEAR = fill(temperature.Options), fill(cold.Options), fill(wear.Options)
SIGNAL, RAMP, RUN_ON, UPLINKS = fill(signal.Options), fill(ramp.Options), fill(run_on.Options), fill(uplinks.Options)
TIMES = {1: "once", 2: "twice", 3: "three times"}
OFF = sorted(name for name, kind in KINDS.items() if not kind.on)

# Page and what must stand in it, made of what counts where a config says nothing.
FIGURES: dict[str, tuple[str, str]] = {
    "warn": ("operating.md", f"| inlet {HEAT.warn_c:g} °C | warning"),
    "shed": ("operating.md", f"| {HEAT.shed_c:g} °C | load goes down"),
    "stop": ("operating.md", f"above {HEAT.stop_c:g} °C twice, or {HEAT.hardware_c:g} °C once"),
    "reset": (
        "operating.md",
        (
            f"after {HEAT.reset_s // 60} min below {HEAT.reset_c:g} °C, or after an hour below {HEAT.warn_c:g} °C with "
            f"every miner dark; both together {TIMES[HEAT.resets_a_day]} in 24 h, then by `resume` (below "
            f"{HEAT.shed_c:g} °C)"
        ),
    ),
    "rest": ("troubleshooting.md", f"after an hour below {HEAT.warn_c:g} °C in which every miner was dark"),
    "alarms of heat": (
        "troubleshooting.md",
        f"{KINDS['temperature_warning'].threshold:g} and {KINDS['temperature_danger'].threshold:g} °C whatever it says",
    ),
    "blind inlet": (
        "operating.md",
        f"after {HEAT.blind_shed_s // 60} min half the load; after {HEAT.blind_stop_s // 60} min all off",
    ),
    "window": ("operating.md", f"at {COLD.start_min_c:g} to {COLD.start_max_c:g} °C inlet"),
    "wear": (
        "operating.md",
        (
            f"off at least {WEAR.min_off_s // 60} min, at most {WEAR.starts_a_day} starts a day (small boards, which "
            f"are read once a minute at most: {WEAR.small_starts_a_day})"
        ),
    ),
    "obey": ("operating.md", f"`obey_within_s` = {SIGNAL.obey_within_s} s"),
    "blind signal": ("operating.md", f"After {SIGNAL.grace_s} s it curtails"),
    "release": (
        "operating.md",
        f"at least {SIGNAL.release_hold_s // 60} minutes dark, up to {SIGNAL.jitter_s // 60} minutes of chance delay",
    ),
    "run-on": ("operating.md", f"Fans run on for {RUN_ON.run_on_s // 60} minutes"),
    "ramp": ("troubleshooting.md", "it pauses for half an hour" if RAMP.hold_s == 1800 else f"{RAMP.hold_s} s"),
    "offline": ("uplinks.md", f"({UPLINKS.down_s} s unless you write another; 120 here) `offline` is told"),
    "off at first": (
        "troubleshooting.md",
        "`humidity_high`, `profit_low`, `price_high` and `price_low` are off until you write",
    ),
}


@pytest.mark.parametrize("what", FIGURES)
def test_what_a_paper_says_is_what_counts(what: Any) -> None:
    page, text = FIGURES[what]
    assert text in " ".join((DOCS / page).read_text().split())


def test_no_advice_tells_a_temperature_that_a_site_may_have_set_otherwise() -> None:
    """The off-grid template sheds at 39 °C, and its page said 38."""
    assert [name for name, told in ADVICE.items() if "°C" in " ".join(told).replace("°F for °C", "")] == []


def test_an_hour_of_rest_and_the_alarms_that_are_off_at_first_are_what_the_papers_say() -> None:
    assert HEAT.rest_s == 3600
    assert OFF == ["humidity_high", "price_high", "price_low", "profit_low"]


def test_what_is_advised_against_too_much_power_starts_no_more_miners() -> None:
    """`lower nominal_w` did: a miner planned for less leaves room for more of them under the same cap."""
    _, _, owner = ADVICE["over_cap"]
    assert "nominal_w" not in owner
    assert "[cap] margin_pct" in owner
