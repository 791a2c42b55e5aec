"""Damaged configs: refused, or taken for exactly what their text says (CFG1)."""
# ruff: noqa: RUF001 - letters that look like others are what is tried here

import random
from pathlib import Path

import pytest
from damage.own import differences

from mine_controller.config.load import build_config
from mine_controller.config.model import ConfigError
from mine_controller.config.source import Source
from mine_controller.play import demo
from mine_controller.twin.config_text import config_text

START = 1_789_000_000
NOWHERE = Path("/nowhere/config.txt")
SITES = sorted(demo.SITES)
ROWS = 13
NASTY = (
    "nan",
    "inf",
    "-0",
    "1e9",
    "1_000",
    "１２",
    "0x10",
    "١٢",
    "12 # old",
    "12 ; old",
    "",
    "yes",
    "no",
    "CHANGE-ME",
    "%(x)s",
    "${HOME}",
    "a, a",
    ",",
    "=",
    "[end]",
    "\u2028",
    "\x00",
    "\t",
    "\ufeff",
    "\u200b",
    "999999999999999",
    "-1",
    "0.0000000001",
    "http://user:pw@host/",
    "env:NOWHERE",
    "file:/etc/hostname",
    "'quoted'",
    '"quoted"',
    "\\n",
    "é",
    "12,5",
    "12.",
    ".5",
    "True",
    "on",
    "127.0.0.1",
    "127.0.0.256",
    "#",
    ";",
    "[",
    "]",
)


def texts(site):
    text, fleet = config_text(demo.SITES[site](1, START), "/nowhere")
    return text, "\n".join(fleet.split("\n")[:ROWS]) + "\n"


def taken(config, fleet):
    """The config, or None where it is refused; a refusal always has a reason."""
    try:
        return build_config(Source(NOWHERE, config, fleet, 0o600), {})
    except ConfigError as refused:
        problems = refused.problems
    assert problems
    assert all(problem.text for problem in problems)
    return None


def judged(config, fleet):
    """True when it was taken; fails when it was taken for something else."""
    loaded = taken(config, fleet)
    if loaded is None:
        return False
    assert differences(loaded, config.decode("utf-8"), fleet.decode("utf-8")) == []
    return True


@pytest.mark.parametrize("site", SITES)
def test_the_second_reading_agrees_with_the_first_on_a_whole_config(site):
    text, fleet = texts(site)
    assert judged(text.encode(), fleet.encode())


def test_the_second_reading_sees_a_config_that_is_taken_wrongly():
    text, fleet = texts("coop-container")
    loaded = taken(text.encode(), fleet.encode())
    for old, new in (("power_cap_kw = 1000", "power_cap_kw = 1001"), ("relays = 10", "relays = 11"), ("A2,", "A3,")):
        one, other = text.replace(old, new, 1), fleet.replace(old, new, 1)
        assert (one, other) != (text, fleet)
        assert differences(loaded, one, other), old
    for line in ("\n[signal]\ngrace_s = 300\n", "\n[roomalert attic]\nurl = http://10.0.0.1\n"):
        assert differences(loaded, text.replace("\n[wiring]", line + "\n[wiring]"), fleet), line
    assert differences(loaded, text, fleet + "a999,02:4d:43:99:00:00,foreman mine,,,,,,,,\n")


def prefixes(site, step):
    """Which prefixes of config.txt are taken, of every `step`th byte and every end of a line."""
    text, fleet = (one.encode() for one in texts(site))
    whole = len(text.rstrip())
    sizes = {at for at in range(len(text)) if at % step == 0 or text[at : at + 1] == b"\n" or at > whole - 200}
    return [size for size in sorted(sizes) if size < whole and taken(text[:size], fleet)]


@pytest.mark.parametrize("site", SITES)
def test_no_config_cut_off_anywhere_is_taken(site):
    """CFG1."""
    assert prefixes(site, 5) == []


@pytest.mark.soak
@pytest.mark.parametrize("site", SITES)
def test_no_config_cut_off_at_any_byte_is_taken(site):
    assert prefixes(site, 1) == []


def mutate(dice, text):
    """One to three damages of a text, as editors, disks and tired people make them."""
    for _ in range(dice.choice((1, 1, 1, 2, 3))):
        text = dice.choice(DAMAGES)(dice, text)
    return text


def _lines(change):
    def damage(dice, text):
        lines = text.split("\n")
        change(dice, lines, dice.randrange(len(lines)))
        return "\n".join(lines)

    return damage


def _value(dice, lines, at):
    written = [number for number, line in enumerate(lines) if "=" in line and line[:1] != "#"]
    at = dice.choice(written) if written else at
    key, equals, value = lines[at].partition("=")
    lines[at] = f"{key}{equals} {dice.choice((*NASTY, value.strip() + dice.choice(NASTY)))}"


def _digit(dice, lines, at):
    spots = [(number, place) for number, line in enumerate(lines) for place, c in enumerate(line) if c.isdigit()]
    if spots:
        at, place = dice.choice(spots)
        lines[at] = lines[at][:place] + dice.choice("0123456789.-") + lines[at][place + 1 :]


def _swap(dice, lines, at):
    other = dice.randrange(len(lines))
    lines[at], lines[other] = lines[other], lines[at]


def _flip(dice, text):
    raw = bytearray(text.encode("utf-8", "surrogateescape"))
    spot = dice.randrange(len(raw) * 8)
    raw[spot // 8] ^= 1 << spot % 8
    return raw.decode("utf-8", "surrogateescape")


def _insert(dice, text):
    at = dice.randrange(len(text))
    return text[:at] + dice.choice(NASTY) + text[at:]


def _cut_out(dice, text):
    at = dice.randrange(len(text))
    return text[:at] + text[at + dice.choice((1, 2, 10, 100, 400)) :]


DAMAGES = (
    _flip,
    _insert,
    _cut_out,
    _lines(_value),
    _lines(_value),
    _lines(_digit),
    _lines(_digit),
    _lines(_swap),
    _lines(lambda dice, lines, at: lines.pop(at)),
    _lines(lambda dice, lines, at: lines.insert(dice.randrange(len(lines)), lines[at])),
    _lines(lambda dice, lines, at: lines.__setitem__(at, lines[at].upper())),
    _lines(lambda dice, lines, at: lines.__setitem__(at, lines[at] + (lines.pop() if at + 1 < len(lines) else ""))),
    lambda dice, text: text.replace("\n", "\r\n"),
    lambda dice, text: "\ufeff" + text,
    lambda dice, text: text[: dice.randrange(len(text))] + "\n[end]\n",
)


def damaged(site, seed, count):
    """(taken, refused) of so many damaged configs; every fourth has its fleet.csv damaged instead."""
    text, fleet = texts(site)
    dice, accepted = random.Random(f"{site} {seed}"), 0
    for number in range(count):
        one, other = (text, mutate(dice, fleet)) if number % 4 == 3 else (mutate(dice, text), fleet)
        accepted += judged(one.encode("utf-8", "surrogateescape"), other.encode("utf-8", "surrogateescape"))
    return accepted, count - accepted


@pytest.mark.parametrize("site", SITES)
def test_a_damaged_config_is_refused_or_means_what_it_says(site):
    """CFG1, CFG2."""
    accepted, refused = damaged(site, 1, 700 if site == "coop-container" else 200)
    assert accepted > 20, "damage that changes no more than a figure is taken for that figure"
    assert refused > 100


@pytest.mark.soak
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", range(2, 5))
@pytest.mark.parametrize("site", SITES)
def test_two_thousand_damaged_configs_of_each_site(site, seed):
    accepted, refused = damaged(site, seed, 2000)
    assert accepted > 200
    assert refused > 1000
