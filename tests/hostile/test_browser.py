"""A hundred strings that want to run, in every field a device fills, in a real browser: each is text (SEC1)."""

import html
import json
import re
import shutil

import pytest
import sample
import test_page
from browser import CHROMIUM, look
from hostile.corpus import HIT, XSS
from test_shelf import book, spec, unit, wiring

from mine_controller.core.wording.words import sentence
from mine_controller.render import page, view, write
from mine_controller.render.cards import SMALL
from mine_controller.render.given import History

pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine"),
    pytest.mark.timeout(300),
]
EACH = 10  # pages that are one string in every place; all hundred stand side by side in the cards
TEXTS = ("model__", "firmware__", "fan__", "pool__", "trouble__", "address", "word", "mode", "pool")
PROBE = """
const seen = (frame) => {
  const doc = frame.contentDocument;
  doc.querySelectorAll("details").forEach((one) => { one.open = true; });
  const all = [...doc.querySelectorAll("*")];
  const attributes = all.flatMap((one) => [...one.attributes].map((each) => each.name + "=" + each.value));
  all.forEach((one) => ["mouseover", "focus", "click", "toggle"].forEach(
    (name) => one.tagName == "A" || one.dispatchEvent(new Event(name))));
  return { name: frame.name, hit: frame.contentWindow.hit || 0, scripts: doc.scripts.length,
           text: doc.body.innerText.length,
           alien: doc.querySelectorAll(
             "img, iframe, object, embed, video, audio, base, form:not(.sv-dialog form), math, marquee").length,
           on: attributes.filter((one) =>
             /^on|^style=|^srcdoc|^formaction|=\\\\s*(javascript|data):/i.test(one)).length };
};
addEventListener("load", () => {
  const out = [...document.querySelectorAll("iframe")].map(seen);
  document.getElementById("out").textContent = JSON.stringify({ own: window.hit || 0, out });
});
"""


def cards(texts):
    """A house small enough for cards, whose every unit says one of the strings wherever a unit says anything."""
    specs = [spec(f"a{at:03}") for at in range(len(texts))]
    told = {}
    for one, text in zip(specs, texts, strict=True):
        told |= unit(one, **dict.fromkeys(TEXTS, text))
    wired = wiring(*specs)
    return view.view(book(wired, told), sample.facts(0, wiring=wired), History(), sentence, sample.NOW)


def everywhere(monkeypatch, text):
    """A container in which every text of the outside is this one."""
    monkeypatch.setattr(test_page, "EVIL", text)
    return view.view(*test_page.hostile(), sentence, sample.NOW)


def looked_at(folder, pages):
    """What the browser makes of the pages, by name."""
    for name, text in pages.items():
        write.show(folder, [(f"{name}.html", text)])
    frames = "".join(f'<iframe name="{name}" src="{name}.html" width="1200" height="900"></iframe>' for name in pages)
    (folder / "probe.html").write_text(f'<!doctype html><pre id="out"></pre>{frames}<script>{PROBE}</script>')
    probe = (folder / "probe.html").as_uri()  # without a server there is no policy that would hide a hole
    text = look(probe, folder / "profile", "--allow-file-access-from-files")
    shutil.rmtree(folder / "profile", ignore_errors=True)
    return json.loads(html.unescape(re.search(r'<pre id="out">(.*?)</pre>', text, re.DOTALL)[1]))


def inert(seen, count):
    assert seen["own"] == 0
    assert len(seen["out"]) == count
    assert [one for one in seen["out"] if one["hit"] or one["alien"] or one["on"]] == []
    assert {one["scripts"] for one in seen["out"]} == {2}
    assert min(one["text"] for one in seen["out"]) > 500


def test_a_hundred_strings_in_every_field_of_a_device_are_text(tmp_path, monkeypatch):
    """SEC1: all hundred in the cards of units, and the gravest tenth of them everywhere at once."""
    assert len(set(XSS)) >= 100
    pages = {f"cards{at}": page.render(cards(XSS[at : at + SMALL])) for at in range(0, len(XSS), SMALL)}
    some = XSS[:: len(XSS) // EACH][:EACH]
    pages |= {f"site{at}": page.render(everywhere(monkeypatch, text)) for at, text in enumerate(some)}
    assert sum(text.count("window.hit") for text in pages.values()) > 3 * len(XSS)
    inert(looked_at(tmp_path, pages), len(pages))


@pytest.mark.soak
def test_each_of_the_hundred_strings_everywhere_at_once(tmp_path, monkeypatch):
    for first in range(0, len(XSS), EACH):
        some = XSS[first : first + EACH]
        folder = tmp_path / str(first)
        folder.mkdir()
        pages = {f"site{at}": page.render(everywhere(monkeypatch, text)) for at, text in enumerate(some)}
        inert(looked_at(folder, pages), len(some))


def test_the_browser_does_see_a_string_that_runs(tmp_path):
    seen = looked_at(tmp_path, {"bad": f"<!doctype html><p>{'x' * 600}<img src=x onerror={HIT}><script>{HIT}</script>"})
    (bad,) = seen["out"]
    assert (bad["alien"], bad["on"]) == (1, 1)
    assert bad["hit"] == 1
