"""A page that stood open while the program was upgraded, in a real browser."""

import re
import time

import pytest
from browser import CHROMIUM, Opened, served
from test_browser import drawn, put, young

pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine"),
    pytest.mark.timeout(180),
]
SCRIPT = "document.querySelector('script[src*=\"script.js\"]')?.getAttribute('src')"
SOON_S = 20


@pytest.fixture
def opened(tmp_path):
    """A page made before the upgrade, left open, and the one made after it in its place."""
    text = re.sub(r'data-refresh="\d+"', 'data-refresh="1"', young(drawn("RUNNING", 5)))
    new = re.search(r'"(script\.js[^"]*)"', text)[1]
    put(tmp_path, {"index.html": text.replace(f'"{new}"', '"script.js?before"')}, "", [])
    tab = Opened(tmp_path / "profile")
    try:
        with served(tmp_path) as address:
            tab.go(address + "index.html")
            put(tmp_path, {"index.html": re.sub(r'data-written="\d+"', 'data-written="1"', text)}, "", [])
            yield tab, new
    finally:
        tab.close()


def seen(tab, code, wanted):
    """What an expression comes to, asked until it is that or for long enough."""
    ends = time.monotonic() + SOON_S
    while (found := told(tab, code)) != wanted and time.monotonic() < ends:
        time.sleep(0.05)
    return found


def told(tab, code):
    """None while the page is being loaded anew."""
    try:
        return tab.value(code)
    except AssertionError as error:
        if "navigated" not in str(error):
            raise
        return None


def test_a_tab_left_open_over_an_upgrade_goes_on_with_the_new_script_and_style(opened):
    """It took each new page over and kept what it had begun with: on a screen on the wall, for months."""
    tab, new = opened
    assert seen(tab, SCRIPT, new) == new


def test_who_is_typing_is_not_interrupted_by_it(opened):
    tab, new = opened
    tab.value("{ const one = document.createElement('input'); document.body.append(one); one.focus(); true }")
    assert seen(tab, "document.getElementById('page')?.dataset.written", "1") == "1"
    assert tab.value(SCRIPT) == "script.js?before"
    tab.value("document.activeElement.blur()")
    assert seen(tab, SCRIPT, new) == new


def test_what_is_kept_for_when_there_is_no_line_is_the_newest_alone(opened):
    """Under each address its own, the oldest first, and that was shown."""
    tab, new = opened
    assert seen(tab, SCRIPT, new) == new
    tab.value("navigator.serviceWorker.ready.then(() => true)")
    tab.go(tab.value("location.href") + "?again")
    assert seen(tab, "Boolean(navigator.serviceWorker.controller)", True)
    tab.go(tab.value("location.href") + "&again")
    kept = """caches.open("minectl-1").then((kept) => kept.keys()).then((all) =>
      all.map((one) => one.url.split("/").pop()).filter((name) => /^(script|style)/.test(name)).sort().join(" "))"""
    assert seen(tab, kept, "script.js style.css") == "script.js style.css"
