"""The overview on a phone: no word in pieces, and whatever somebody typed makes no page wider than its screen."""

import pytest
import sample
from browser import CHROMIUM, Opened, served
from test_bands import economy
from test_bands import page as priced
from test_browser import drawn, house, young

from mine_controller.core.wording.words import sentence
from mine_controller.render import page, view, write

pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine"),
    pytest.mark.timeout(180),
]
WIDE = 360
LONG = "W" * 60
# Words of at most twelve letters that stand on more than one line.
IN_PIECES = """(() => {
  const found = [], texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const one = texts.currentNode, around = one.parentElement;
    if (around.closest("svg, .hide, .skip, .old, .plain-ok, code, noscript, details")) { continue; }
    for (const word of one.data.matchAll(/[\\w.,:%]{2,12}/g)) {
      const range = document.createRange();
      range.setStart(one, word.index);
      range.setEnd(one, word.index + word[0].length);
      const lines = new Set(Array.from(range.getClientRects(), (box) => Math.round(box.top)));
      if (lines.size > 1) { found.push(word[0] + ": " + around.textContent.trim().slice(0, 60)); }
    }
  }
  return found;
})()"""


def typed():
    """A page on which a person's words have no blank."""
    made = sample.book("CURTAILED", 62)
    held = tuple(one._replace(reason=LONG, value=LONG) for one in made.state.overrides)
    made = made._replace(state=made.state._replace(overrides=held))
    site = sample.facts(62, name=LONG, config_note=LONG, untold_note=LONG)
    return page.render(view.view(made, site, sample.history("CURTAILED"), sentence, sample.NOW))


@pytest.fixture(scope="module")
def phone(tmp_path_factory):
    """Says what comes of a piece of code in a page on a phone."""
    folder = tmp_path_factory.mktemp("phone")
    pages = {kind: drawn(kind, 62) for kind in sample.KINDS}
    pages |= {"home": page.render(house()), "priced": priced(economy()), "typed": typed()}
    write.show(folder, ((f"{name}.html", young(text)) for name, text in pages.items()))
    tab = Opened(folder / "profile")

    def see(name, code):
        tab.ask("Emulation.setDeviceMetricsOverride", width=WIDE, height=800, deviceScaleFactor=1, mobile=False)
        tab.go(f"{address}{name}.html")
        return tab.value(code)

    try:
        with served(folder) as address:
            yield see
    finally:
        tab.close()


@pytest.mark.parametrize("name", ["RUNNING", "CURTAILING", "EMERGENCY", "INIT", "home", "priced"])
def test_no_short_word_stands_in_pieces(phone, name):
    """`in 2 h 2 min` of the next change of band stood in a column one letter wide."""
    assert phone(name, IN_PIECES) == []


def test_words_without_a_blank_make_no_page_wider_than_its_screen(phone):
    """A link in a person's reason, and the site's name: the page could be pushed sideways."""
    assert phone("typed", "document.documentElement.scrollWidth") <= WIDE
