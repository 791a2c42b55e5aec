"""The pages on paper, printed by a real browser: everything on them, no menus, and black on white also in the dark."""

import re
import subprocess
import zlib

import pytest
from browser import CHROMIUM, DARK, FLAGS, Opened, served
from drawn import given, slow
from test_browser import drawn, put, young

pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine"),
    pytest.mark.timeout(180),
]
MENU = "debug.html"  # only the menu leads there
COLOURS = "((of) => [of.backgroundColor, of.color])(getComputedStyle(document.body))"
NAMES = ("index.html", "fleet.html")


def streams(pdf):
    """Every packed stream of the file, unpacked."""
    for found in re.finditer(rb"/FlateDecode[^>]{0,99}>>\s*stream\r?\n", pdf):
        begins = found.end()
        yield zlib.decompressobj().decompress(pdf[begins : pdf.index(b"endstream", begins)])


def inks(pdf):
    """Every colour that something is filled with, as (red, green, blue) of 0..1."""
    number = rb"(\d*\.?\d+)"
    for body in streams(pdf):
        for one in re.findall(number + rb" " + number + rb" " + number + rb" rg\b", body):
            yield tuple(float(part) for part in one)


def texts(pdf):
    """How often text is shown."""
    return sum(len(re.findall(rb"T[jJ]\b", body)) for body in streams(pdf))


def links(pdf):
    """Where one could go from there."""
    return {one.decode().rpartition("/")[2] for one in re.findall(rb"/URI\s*\((.*?)\)", pdf)}


def printed(folder, name, *more, style=lambda text: text):
    put(folder, {"index.html": drawn("RUNNING", 60), **slow(given(count=60))}, "", [])
    sheet = folder / "style.css"
    sheet.write_text(style(sheet.read_text()))
    out = folder / "out.pdf"
    with served(folder) as address:
        flags = (f"--print-to-pdf={out}", "--no-pdf-header-footer", "--virtual-time-budget=4000")
        command = [CHROMIUM, *FLAGS, *more, *flags, f"--user-data-dir={folder / 'profile'}", address + name]
        subprocess.run(command, capture_output=True, timeout=150, check=True)
    return out.read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_a_printed_page_has_its_content_and_no_menu(tmp_path, name):
    pdf = printed(tmp_path, name)
    assert pdf.startswith(b"%PDF")
    assert texts(pdf) > 100
    assert MENU not in links(pdf)


def test_the_menu_would_be_seen_on_paper_if_it_were_there(tmp_path):
    pdf = printed(tmp_path, "index.html", style=lambda text: text.replace(".nav, .sift", ".sift"))
    assert MENU in links(pdf)


@pytest.mark.parametrize("name", NAMES)
def test_whoever_reads_in_the_dark_prints_black_on_white(tmp_path, name):
    (tmp_path / "dark").mkdir()
    (tmp_path / "light").mkdir()
    dark, light = printed(tmp_path / "dark", name, DARK), printed(tmp_path / "light", name)
    assert set(inks(dark)) == set(inks(light))
    assert (1.0, 1.0, 1.0) in set(inks(dark)), "paper"
    assert min(sum(one) for one in inks(dark)) < 0.5, "and ink on it"


def test_a_browser_that_prints_in_the_dark_is_told_the_light_colours_too(tmp_path):
    """Chromium prints everything light by itself; others leave that to the page."""
    put(tmp_path, {"index.html": young(drawn("RUNNING", 5))}, "", [])
    opened = Opened(tmp_path / "profile")
    dark = [{"name": "prefers-color-scheme", "value": "dark"}]
    try:
        with served(tmp_path) as address:
            opened.go(address + "index.html")
            opened.ask("Emulation.setEmulatedMedia", media="screen", features=dark)
            on_screen = opened.value(COLOURS)
            opened.ask("Emulation.setEmulatedMedia", media="print", features=dark)
            on_paper = opened.value(COLOURS)
    finally:
        opened.close()
    assert on_screen == ["rgb(12, 17, 22)", "rgb(230, 237, 241)"]
    assert on_paper == ["rgb(255, 255, 255)", "rgb(18, 32, 42)"]
