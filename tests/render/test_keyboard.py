"""Without a mouse: Tab reaches all that can be used on every page, one sees where one is, and the menu can be skipped.

The keys go to a real Chromium as keys do, so the order, and what is left out of it, are the browser's own.
"""

import re

import pytest
from browser import CHROMIUM, Opened, served
from drawn import EVERY_PAGE, given, slow
from test_browser import drawn, house, put, young

from mine_controller.render import page

pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine"),
    pytest.mark.timeout(180),
]
MOST = 400  # keys until a page that lets nobody out counts as a trap
# Numbers everything that can be used and seen, then tells after each key where the focus is and how it is shown.
NUMBERED = """(() => {
  const used = [...document.querySelectorAll(
    "a[href], button, input, select, textarea, summary, [tabindex='0']")].filter((one) =>
    one.getAttribute("tabindex") !== "-1" && !one.disabled && one.type !== "hidden" &&
    one.checkVisibility({ visibilityProperty: true }));
  used.forEach((one, at) => { one.dataset.at = at; });
  const still = document.createElement("style");
  still.textContent = "* { transition: none !important; animation: none !important; }";
  document.head.append(still);
  window.was = used.map((one) => look(one));
  function look(one) {
    const of = getComputedStyle(one);
    const thin = of.outlineStyle === "none" || parseFloat(of.outlineWidth) < 2;
    return (thin ? "" : of.outlineStyle + of.outlineWidth) + of.boxShadow;
  }
  window.look = look;
  return used.map((one) => one.outerHTML.slice(0, 90));
})()"""
HERE = """(() => {
  const one = document.activeElement;
  if (!one || one === document.body) return null;
  const box = one.getBoundingClientRect();
  const at = one.dataset.at === undefined ? -1 : Number(one.dataset.at);
  return { at, shown: at < 0 || look(one) !== was[at], inside: box.width > 0 && box.height > 0 && box.right > 0
           && box.bottom > 0 && box.left < innerWidth && box.top < innerHeight, what: one.outerHTML.slice(0, 90) };
})()"""
# What the keyboard passes over (a cell of the drawn wall) must be named elsewhere too.
PASSED = """[...document.querySelectorAll("[tabindex='-1']:not(main)")].filter((one) =>
  !document.querySelector(`a[href="${one.getAttribute("href")}"]:not([tabindex])`)).map((one) => one.outerHTML)"""
WHERE = """[location.hash, document.activeElement.id, document.activeElement.tagName]"""


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """(a tab, the address of a folder with every page)."""
    folder = tmp_path_factory.mktemp("pages")
    pages = {"index.html": drawn("EMERGENCY", 20), "home.html": page.render(house()), **slow(given(count=4))}
    put(folder, {name: still(text) for name, text in pages.items()}, "", [])
    (folder / "status.json").unlink()  # one that is newer than the page makes it replace itself after a second
    tab = Opened(folder / "profile")
    try:
        with served(folder) as address:
            yield tab, address
    finally:
        tab.close()


def still(text):
    """Of now, and not to be loaded again by itself in the middle of a walk."""
    return re.sub(r'data-(refresh|late|old)="\d+"', r'data-\1="99999"', young(text))


def press(tab, key, code):
    for kind in ("rawKeyDown", "keyUp"):
        tab.ask("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)


def walked(tab):
    """Where each Tab leads, until the focus leaves the page or comes round."""
    steps = []
    for _ in range(MOST):
        press(tab, "Tab", 9)
        here = tab.value(HERE)
        if here is None or (steps and here["at"] == steps[0]["at"]):
            return steps
        steps.append(here)
    raise AssertionError("Tab never comes to an end")


@pytest.mark.parametrize("name", ["index.html", "home.html", *EVERY_PAGE])
def test_tab_reaches_every_link_and_control_in_their_order_and_shows_where_it_is(seen, name):
    tab, address = seen
    tab.go(address + name)
    used = tab.value(NUMBERED)
    assert len(used) > 8
    steps = walked(tab)
    assert [one["what"] for one in steps if one["at"] < 0] == [], "nothing else takes the focus"
    assert tab.value(PASSED) == []
    missed = set(range(len(used))) - {one["at"] for one in steps}
    assert [used[at] for at in sorted(missed)] == []
    assert [one["at"] for one in steps] == list(range(len(used))), "in the order of the text"
    assert [one["what"] for one in steps if not one["shown"]] == []
    assert [one["what"] for one in steps if not one["inside"]] == [], "it is scrolled to"


@pytest.mark.parametrize("name", ["index.html", *EVERY_PAGE])
def test_the_first_key_shows_a_way_past_the_menu_and_it_leads_there(seen, name):
    tab, address = seen
    tab.go(address + name)
    tab.value(NUMBERED)
    press(tab, "Tab", 9)
    first = tab.value(HERE)
    assert 'class="skip"' in first["what"]
    assert first["inside"]
    tab.ask("Input.dispatchKeyEvent", type="keyDown", key="Enter", code="Enter", windowsVirtualKeyCode=13, text="\r")
    tab.ask("Input.dispatchKeyEvent", type="keyUp", key="Enter", code="Enter", windowsVirtualKeyCode=13)
    assert tab.value(WHERE) == ["#main", "main", "MAIN"]
    press(tab, "Tab", 9)
    assert tab.value('document.activeElement.closest("main, footer") !== null'), "the menu lies behind"


def test_details_are_opened_by_the_keyboard_and_what_is_in_them_is_reached(seen):
    tab, address = seen
    tab.go(address + "index.html")
    tab.value('document.querySelector("#d-fans summary").focus()')
    tab.ask("Input.dispatchKeyEvent", type="keyDown", key="Enter", code="Enter", windowsVirtualKeyCode=13, text="\r")
    tab.ask("Input.dispatchKeyEvent", type="keyUp", key="Enter", code="Enter", windowsVirtualKeyCode=13)
    assert tab.value('document.querySelector("#d-fans").open') is True
    press(tab, "Tab", 9)
    assert tab.value('document.activeElement.closest("#d-fans .scroll") !== null'), "a wide table can be scrolled"


def test_a_focus_that_can_not_be_seen_would_be_found(seen):
    tab, address = seen
    tab.go(address + "events.html")
    tab.value(NUMBERED)
    tab.value('document.querySelector("nav a").style.outline = "0"')
    assert [one["what"] for one in walked(tab) if not one["shown"]]
