"""The page in a real browser: nothing is cut off on any screen, and no stranger's text runs."""

import html
import json
import re
import shutil
import subprocess

import pytest
import sample
from test_page import EVIL, hostile
from test_shelf import book, spec, unit, wiring

from mine_controller.core.words import sentence
from mine_controller.render import page, view, write
from mine_controller.render.given import History

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine"),
    pytest.mark.timeout(180),
]
WIDTHS = (320, 768, 1440)
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--allow-file-access-from-files",
    "--virtual-time-budget=4000",
]
# Measures each frame once it has loaded and leaves the figures in the document for --dump-dom.
PROBE = """
addEventListener("load", () => {
  const out = [...document.querySelectorAll("iframe")].map((frame) => {
    const doc = frame.contentDocument;
    doc.querySelectorAll("details").forEach((one) => { one.open = true; });
    const wide = doc.documentElement.clientWidth;
    const clipped = (one) => one.closest(".scroll, svg, .hide, .skip, .defs");
    const over = [...doc.body.querySelectorAll("*")].filter(
      (one) => !clipped(one) && one.getBoundingClientRect().right > wide + 1);
    return { name: frame.name, wide, scroll: doc.documentElement.scrollWidth, styled: doc.styleSheets.length,
             over: over.slice(0, 3).map((one) => one.tagName + "." + one.className),
             alien: doc.querySelectorAll("img, iframe, object, embed").length, hit: frame.contentWindow.hit || 0 };
  });
  document.getElementById("out").textContent = JSON.stringify(out);
});
"""


def house():
    """Cards of a small site, one of them hostile, and a stranger."""
    specs = [spec(f"a{at:02}") for at in range(1, 13)]
    told = {key: value for one in specs[:9] for key, value in unit(one, mode="standard", firmware__="v2.14.1").items()}
    texts = dict.fromkeys(("model__", "firmware__", "fan__", "pool__", "trouble__", "address"), EVIL + "w" * 80)
    told |= unit(specs[9], **texts) | unit(spec("x01"), **texts)
    wired = wiring(*specs)
    return view.view(book(wired, told), sample.facts(0, wiring=wired), History(), sentence, sample.NOW)


def pages():
    for kind in sample.KINDS:
        past = History() if kind == "INIT" else sample.history(kind)
        yield kind, view.view(sample.book(kind), sample.facts(), past, sentence, sample.NOW)
    yield "hostile", view.view(*hostile(), sentence, sample.NOW)
    yield "home", house()


def test_no_page_is_wider_than_its_screen_and_nothing_strange_runs(tmp_path):
    frames = []
    for name, shown in pages():
        text = page.render(shown).replace("alert(", "window.hit=(")
        write.show(tmp_path, {f"{name}.html": text})
        frames += [
            f'<iframe name="{name} {width}" src="{name}.html" width="{width}" height="900"></iframe>'
            for width in WIDTHS
        ]
    probe = f'<!doctype html><pre id="out"></pre>{"".join(frames)}<script>{PROBE}</script>'
    (tmp_path / "probe.html").write_text(probe)
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom"]
    said = subprocess.run(
        [*command, (tmp_path / "probe.html").as_uri()], capture_output=True, text=True, timeout=150, check=True
    )
    out = json.loads(html.unescape(re.search(r'<pre id="out">(.*?)</pre>', said.stdout, re.DOTALL)[1]))
    assert len(out) == len(WIDTHS) * (len(sample.KINDS) + 2)
    assert [one for one in out if one["scroll"] > one["wide"] or one["over"]] == []
    assert [one for one in out if one["hit"] or one["alien"] or one["styled"] != 1] == []
