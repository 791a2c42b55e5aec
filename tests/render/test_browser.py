"""The pages in a real browser: nothing is cut off on any screen, anybody can read them, no stranger's text runs."""

import importlib.util
import json
import re
import time
from pathlib import Path

import pytest
import sample
from browser import CHROMIUM, DARK, Opened, asked, look, served, told
from drawn import EVERY_PAGE, given, slow
from test_page import EVIL, hostile
from test_shelf import book, spec, unit, wiring

from mine_controller.core.modes import MODES
from mine_controller.core.wording.words import sentence
from mine_controller.play import pages as server
from mine_controller.render import files as shipped
from mine_controller.render import page, view, write
from mine_controller.render.given import History

pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine"),
    pytest.mark.timeout(180),
]
AXE = importlib.util.find_spec("axe_core_python")
WIDTHS = (320, 768, 1440)
# Measures each frame once it has loaded and leaves the figures in the document.
PROBE = """
addEventListener("load", async () => {
  const measured = [...document.querySelectorAll("iframe")].map((frame) => {
    const doc = frame.contentDocument;
    doc.querySelectorAll("details").forEach((one) => { one.open = true; });
    const wide = doc.documentElement.clientWidth;
    const clipped = (one) => one.closest(".scroll, svg, .hide, .skip, .defs, .plain-ok");
    const over = [...doc.body.querySelectorAll("*")].filter(
      (one) => !clipped(one) && one.getBoundingClientRect().right > wide + 1);
    return { name: frame.name, wide, scroll: doc.documentElement.scrollWidth, styled: doc.styleSheets.length,
             over: over.slice(0, 3).map((one) => one.tagName + "." + one.className),
             alien: doc.querySelectorAll("img, iframe, object, embed").length, hit: frame.contentWindow.hit || 0,
             text: doc.body.innerText.length, letters: parseFloat(getComputedStyle(doc.body).fontSize) };
  });
  document.getElementById("out").textContent = JSON.stringify(measured);
});
"""
AXE_PROBE = """
addEventListener("load", async () => {
  const out = [];
  for (const frame of document.querySelectorAll("iframe")) {
    const inside = frame.contentWindow;
    frame.contentDocument.querySelectorAll("details").forEach((one) => { one.open = true; });
    await new Promise((done) => {
      const script = frame.contentDocument.createElement("script");
      script.src = "axe.min.js";
      script.onload = done;
      frame.contentDocument.head.append(script);
    });
    const found = await inside.axe.run(inside.document, { runOnly: TAGS, resultTypes: ["violations"], iframes: false });
    out.push({ name: frame.name, checked: found.passes.length, wrong: found.violations.map((one) =>
      one.id + ": " + one.nodes.slice(0, 2).map((node) => node.html.slice(0, 160) + " " +
        node.any.slice(0, 1).map((why) => why.message).join()).join(" | ")) });
  }
  document.getElementById("out").textContent = JSON.stringify(out);
});
"""


def house():
    """Cards of a small site, one of them hostile, and a stranger."""
    specs = [spec(f"a{at:02}") for at in range(1, 13)]
    heard = {key: value for one in specs[:9] for key, value in unit(one, mode="standard", firmware__="v2.14.1").items()}
    texts = dict.fromkeys(("model__", "firmware__", "fan__", "pool__", "trouble__", "address"), EVIL + "w" * 80)
    heard |= unit(specs[9], **texts) | unit(spec("x01"), **texts)
    wired = wiring(*specs)
    return view.view(book(wired, heard), sample.facts(0, wiring=wired), History(), sentence, sample.NOW)


def drawn(kind, count=280):
    past = History() if kind == "INIT" else sample.history(kind)
    return page.render(view.view(sample.book(kind, count), sample.facts(count), past, sentence, sample.NOW))


def overviews():
    for kind in sample.KINDS:
        yield kind, drawn(kind)
    for count in (0, 1, 160, 1000):
        yield f"{count} miners", drawn("RUNNING", count)
    yield "hostile", page.render(view.view(*hostile(), sentence, sample.NOW))
    yield "home", page.render(house())


def in_mode(mode):
    """A page in a mode no sample has."""
    made = sample.book("RUNNING", 12)
    made = made._replace(decision=made.decision._replace(mode=mode))
    return page.render(view.view(made, sample.facts(12), History(), sentence, sample.NOW))


def young(text):
    """The same page as if the mine had been read just now."""
    return re.sub(r'data-at="\d+"', f'data-at="{int(time.time())}"', text)


def put(folder, pages, probe, frames):
    """Pages, a status.json of now, and a probe with frames of (name, file, width, attributes)."""
    now_s = int(time.time())
    write.show(folder, {**pages, "status.json": json.dumps({"tick_at": now_s, "written_at": now_s})}.items())
    for other in folder.glob("service*.js"):
        other.write_text("")  # what the service lays over the pages has tests of its own
    framed = [
        f'<iframe name="{name}" src="{file}" width="{width}" height="900" {more}></iframe>'
        for name, file, width, more in frames
    ]
    (folder / "probe.js").write_text(probe)
    (folder / "probe.html").write_text(
        f'<!doctype html><script src="probe.js"></script><pre id="out"></pre>{"".join(framed)}'
    )


@pytest.fixture(scope="module")
def framing():
    """The demo's headers forbid being framed, as they should: the tests' own pages are allowed to."""
    kept = server.CSP
    server.CSP = kept.replace("frame-ancestors 'none'", "frame-ancestors 'self'")
    yield
    server.CSP = kept


def measured(folder, pages, more="", *flags, widths=WIDTHS):
    frames = [(f"{name} {width}", file, width, more) for name, file in pages for width in widths]
    put(folder, {}, PROBE, frames)
    with served(folder) as address:
        return told(look(address + "probe.html", folder / "profile", *flags))


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts on", "scripts off"])
def test_no_page_is_wider_than_its_screen_and_nothing_strange_runs(tmp_path, framing, scripts):
    pages = dict(overviews()) if scripts else {"RUNNING": drawn("RUNNING"), "home": page.render(house())}
    pages |= {name: text for name, text in slow(given()).items() if "/" not in name}
    pages["evil miner"] = slow(given(hostile()))["miner.html"]
    files = {f"f{at}.html": text.replace("alert(", "window.hit=(") for at, text in enumerate(pages.values())}
    write.show(tmp_path, files.items())
    out = measured(tmp_path, zip(pages, files, strict=True), "" if scripts else 'sandbox="allow-same-origin"')
    assert len(out) == len(WIDTHS) * len(pages)
    assert [one for one in out if one["scroll"] > one["wide"] or one["over"]] == []
    assert [one for one in out if one["hit"] or one["alien"] or one["styled"] < 1 or one["text"] < 200] == []


def test_whoever_has_letters_twice_as_large_gets_them_and_no_page_is_wider_for_it(tmp_path, framing):
    pages = {"EMERGENCY": drawn("EMERGENCY", 62), "home": page.render(house()), **slow(given(count=60))}
    files = {f"f{at}.html": young(text) for at, text in enumerate(pages.values())}
    write.show(tmp_path, files.items())
    widths = (360, 768, 1280)
    usual = measured(tmp_path, zip(pages, files, strict=True), widths=widths)
    large = "--blink-settings=defaultFontSize=32,defaultFixedFontSize=26"
    out = measured(tmp_path, zip(pages, files, strict=True), "", large, widths=widths)
    assert {one["letters"] for one in usual if one["wide"] < 1000} == {15}
    assert {one["letters"] for one in out if one["wide"] < 1000} == {30}
    assert [one for one in out if one["scroll"] > one["wide"] or one["over"]] == []


def checked(folder, pages, scheme=(), tags=("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice")):
    """What axe finds on these pages, by page."""
    files = {f"f{at}.html": young(text) for at, text in enumerate(pages.values())}
    probe = AXE_PROBE.replace("TAGS", json.dumps(tags))
    put(folder, files, probe, [(name, file, 1000, "") for name, file in zip(pages, files, strict=True)])
    (folder / "axe.min.js").write_bytes((Path(AXE.origin).parent / "axe.min.js").read_bytes())
    with served(folder) as address:
        out = told(look(address + "probe.html", folder / "profile", *scheme, budget_ms=60_000))
    assert {one["name"] for one in out} == set(pages)
    assert all(one["checked"] for one in out)
    return [f"{one['name']}: {text}" for one in out for text in one["wrong"]]


@pytest.mark.skipif(AXE is None, reason="axe-core-python is not installed")
def test_axe_finds_nothing_on_any_page(tmp_path, framing):
    pages = {"EMERGENCY": drawn("EMERGENCY", 62), "home": page.render(house())}
    pages |= {name: text for name, text in slow(given(count=5)).items() if name in EVERY_PAGE}
    assert checked(tmp_path, pages) == []


@pytest.mark.skipif(AXE is None, reason="axe-core-python is not installed")
def test_axe_finds_every_text_clear_enough_in_the_dark(tmp_path, framing):
    pages = {"EMERGENCY": drawn("EMERGENCY", 5), "CURTAILED": drawn("CURTAILED", 5), "home": page.render(house())}
    pages |= {name: text for name, text in slow(given(count=3)).items() if name in ("fleet.html", "report.html")}
    assert checked(tmp_path, pages, [DARK], ["color-contrast"]) == []


@pytest.mark.soak
@pytest.mark.skipif(AXE is None, reason="axe-core-python is not installed")
@pytest.mark.parametrize("scheme", [[], [DARK]], ids=["light", "dark"])
def test_axe_finds_nothing_in_any_mode_nor_with_many_miners(tmp_path, framing, scheme):
    pages = {kind: drawn(kind, 20) for kind in sample.KINDS} | {"160": drawn("RUNNING", 160)}
    pages |= {mode: in_mode(mode) for mode in MODES if mode not in pages}
    assert checked(tmp_path, pages, scheme) == []


@pytest.mark.skipif(AXE is None, reason="axe-core-python is not installed")
def test_axe_would_find_a_fault(tmp_path, framing):
    faulty = young(drawn("RUNNING", 5)).replace("<h1 ", '<img src="icon.svg"><h1 ')
    assert any("image-alt" in text for text in checked(tmp_path, {"faulty": faulty}))


def test_nothing_is_asked_of_another_host_and_nothing_moves_while_it_loads(tmp_path):
    text = young(drawn("RUNNING", 160))
    watch = """new PerformanceObserver((list) => {
      const sum = list.getEntries().reduce((all, one) => all + one.value, Number(document.body.dataset.moved || 0));
      document.body.dataset.moved = sum;
    }).observe({ type: "layout-shift", buffered: true });
    document.body.dataset.moved = 0;"""
    put(tmp_path, {"index.html": text.replace("</body>", '<script src="watch.js"></script></body>')}, "", [])
    (tmp_path / "watch.js").write_text(watch)
    log = tmp_path / "net.json"
    with served(tmp_path) as address:
        seen = look(address + "index.html", tmp_path / "profile", f"--log-net-log={log}")
        urls = asked(log)
        assert urls
    assert {url for url in urls if not url.startswith(address)} == set()
    for name in ("style.css", "script.js", "status.json"):
        assert any(url.endswith(name) for url in urls), name
    moved = float(re.search(r'data-moved="([\d.e-]+)"', seen)[1])
    assert moved < 0.01


def test_a_page_turns_red_by_itself_when_only_the_web_server_lives(tmp_path):
    write.show(tmp_path, {"index.html": drawn("RUNNING", 5), **slow(given(count=5))}.items())
    old = {"tick_at": sample.NOW, "written_at": sample.NOW}
    (tmp_path / "status.json").write_text(json.dumps(old))
    with served(tmp_path) as address:
        for name in ("index.html", "fleet.html"):
            seen = look(address + name, tmp_path / "profile")
            assert re.search(r"<html[^>]*class=\"[^\"]*is-old", seen), name
            assert "This page is old. The mine was last read" in seen


def test_a_slow_page_of_a_mine_that_was_read_just_now_is_not_red(tmp_path):
    put(tmp_path, {"fleet.html": of_age(slow(given(count=5))["fleet.html"], 600)}, "", [])
    with served(tmp_path) as address:
        seen = look(address + "fleet.html", tmp_path / "profile")
    assert "is-old" not in seen
    assert "is-late" not in seen
    assert re.search(r'id="age"[^>]*>mine read \d+ s ago<', seen), "the page itself may be ten minutes old"


KEPT = """(async () => {
  await navigator.serviceWorker.ready;
  const kept = await caches.open("minectl-1");
  return (await kept.keys()).map((one) => new URL(one.url).pathname).sort();
})()"""


def test_the_last_view_is_there_without_a_line_and_is_red(tmp_path):
    """The service worker keeps it; with the server gone the page comes from there and tells its own age."""
    put(tmp_path, {"index.html": drawn("RUNNING", 5)}, "", [])
    page_seen = Opened(tmp_path / "profile")
    try:
        with served(tmp_path) as address:
            page_seen.go(address + "index.html")
            kept = page_seen.value(KEPT)
        assert {"/", "/index.html", "/style.css", "/script.js"} <= set(kept)
        assert not any("status.json" in one for one in kept), "how old the mine is never comes from what was kept"
        page_seen.go(address + "index.html")
        assert page_seen.value("document.getElementById('mode').textContent") == "RUNNING"
        red = "new Promise((done) => { const look = () => document.documentElement.classList.contains('is-old')"
        assert page_seen.value(red + " ? done(true) : requestAnimationFrame(look); look(); })") is True
    finally:
        page_seen.close()


def test_the_list_of_miners_is_sorted_and_searched(tmp_path):
    put(tmp_path, slow(given(count=12)), "", [])
    act = """addEventListener("load", () => {
      document.querySelectorAll("th .sort")[2].click();
      document.querySelectorAll("th .sort")[2].click();
      const form = document.querySelector("form.sift");
      form.elements.text.value = "a00";
      form.dispatchEvent(new Event("input", { bubbles: true }));
    });"""
    (tmp_path / "act.js").write_text(act)
    text = (tmp_path / "fleet.html").read_text()
    (tmp_path / "fleet.html").write_text(text.replace("</head>", '<script src="act.js" defer></script></head>'))
    with served(tmp_path) as address:
        seen = look(address + "fleet.html", tmp_path / "profile")
    body = seen[seen.index("<tbody>") : seen.index("</tbody>")]
    rows = re.findall(r'<tr data-miner="(a\d+)"[^>]*?( hidden="")?>', body)
    watts = [int(one) for one in re.findall(r'class="num" data-n="(-?\d+)">(?:[\d,]+.W|unknown)', body)]
    assert watts == sorted(watts, reverse=True)
    assert {name for name, hidden in rows if not hidden} == {f"a{at:03}" for at in range(10)}
    assert ">10 of 12</output>" in seen


def of_age(text, ago_s, refresh_s=0.1):
    """The same page as if it had been made so long ago, which looks again for a newer one at once."""
    at = int(time.time()) - ago_s
    text = re.sub(r'data-at="\d+" data-written="\d+"', f'data-at="{at}" data-written="{at}"', text)
    return re.sub(r'data-refresh="\d+"', f'data-refresh="{refresh_s}"', text)


def opened(left_open, name, age_s):
    """The page of so many seconds' age in the browser: its tab and its file."""
    tab, address, folder = left_open
    page_file = folder / name
    page_file.write_text(of_age(page_file.read_text(), age_s))
    tab.go(address + name)
    return tab, page_file


@pytest.fixture
def left_open(tmp_path):
    """(a tab, the address of a folder with every page, the folder); the mine was read just now."""
    put(tmp_path, {"index.html": drawn("RUNNING", 12), **slow(given(count=12))}, "", [])
    tab = Opened(tmp_path / "profile")
    try:
        with served(tmp_path) as address:
            yield tab, address, tmp_path
    finally:
        tab.close()


def until(tab, code):
    """Wait until that holds in the page, by its own clock."""
    return tab.value(
        f"new Promise((done) => {{ const look = () => {code} ? done(true) : setTimeout(look, 50); look(); }})"
    )


AGE = "document.getElementById('age').textContent"
SAID = "document.getElementById('old').textContent"
IS = "document.documentElement.className"


def test_a_list_left_open_renews_itself_and_stays_as_it_was_sorted_and_searched(left_open):
    tab, address, folder = left_open
    page_file = folder / "fleet.html"
    text = page_file.read_text()
    page_file.write_text(of_age(text, 7200))
    tab.go(address + "fleet.html")
    tab.value("""document.querySelectorAll("th .sort")[0].click(); document.querySelectorAll("th .sort")[0].click();
      const form = document.querySelector("form.sift"); form.elements.text.value = "a00"; form.elements.text.focus();
      form.dispatchEvent(new Event("input", { bubbles: true }));""")
    page_file.write_text(of_age(text, 5).replace("</main>", "<p id=news>news</p></main>"))
    assert until(tab, "document.getElementById('news')")
    shown = "[...document.querySelectorAll('tbody tr:not([hidden])')].map((one) => one.dataset.miner)"
    assert tab.value(shown) == [f"a{at:03}" for at in range(9, -1, -1)]
    assert tab.value("document.activeElement.name + document.activeElement.value") == "texta00"
    assert tab.value("document.getElementById('sifted').textContent") == "10 of 12"
    tab.value("document.activeElement.value = 'a011'; "
              "document.activeElement.dispatchEvent(new Event('input', { bubbles: true }))")  # fmt: skip
    assert tab.value(shown) == ["a011"], "the search is of the new rows"


@pytest.mark.parametrize("held", ["th:nth-child(3) .sort", "tbody tr:nth-child(5) a", ".scroll:has(.sortable)"])
def test_whoever_has_no_mouse_stays_where_he_was_when_a_list_renews_itself(left_open, held):
    """On a button, a row's name, or what is scrolled: not at the top of the page again, every ten minutes."""
    tab, address, folder = left_open
    page_file = folder / "fleet.html"
    text = page_file.read_text()
    page_file.write_text(of_age(text, 7200))
    tab.go(address + "fleet.html")
    tab.value(f"document.querySelector({held!r}).focus()")
    at = "document.activeElement.outerHTML.slice(0, 80)"
    was = tab.value(at)
    page_file.write_text(of_age(text, 5).replace("</main>", "<p id=news>news</p></main>"))
    assert until(tab, "document.getElementById('news')")
    assert tab.value(at) == was


def test_a_list_that_is_not_made_anew_says_how_old_it_is_beside_the_mine(left_open):
    """Hours old, it must not look as young as the mine was read."""
    tab, page_file = opened(left_open, "fleet.html", 7200)
    assert until(tab, f"/^made 2 h ago, mine read \\d+ s ago$/.test({AGE})")
    assert "is-late" in tab.value(IS)
    page_file.write_text(of_age(page_file.read_text(), 660))
    tab.go(left_open[1] + "fleet.html")
    assert until(tab, f"/^mine read/.test({AGE})"), "made a little late"
    assert "is-late" not in tab.value(IS)


def test_an_open_page_of_a_miner_that_left_says_so(left_open):
    tab, page_file = opened(left_open, "miner.html", 700)
    assert until(tab, f"/^mine read/.test({AGE})")
    assert "is-old" not in tab.value(IS)
    page_file.unlink()
    assert tab.value(f"new Promise((done) => setTimeout(() => done({SAID}), 600))") == "", "after a boot it comes again"
    every = page_file.with_name("fleet.html")
    every.write_text(re.sub(r'data-miner="a000"', "", every.read_text()))
    assert until(tab, f"{SAID}.startsWith('This page is gone: fleet.csv lists this miner no more')")
    assert "is-old" in tab.value(IS)


@pytest.mark.parametrize("name", ["index.html", "fleet.html"])
def test_a_page_that_a_wrong_clock_dated_ahead_is_never_called_young(left_open, name):
    """Its age would be 0 s until that day comes, however long nobody reads the mine."""
    tab, address, folder = left_open
    page_file = folder / name
    page_file.write_text(of_age(page_file.read_text(), -86_400))
    ahead = int(time.time()) + 86_400
    (folder / "status.json").write_text(json.dumps({"tick_at": ahead, "written_at": ahead}))
    tab.go(address + name)
    assert until(tab, f'{SAID} === "This page is dated 24 h ahead of the clock: how old it is can\'t be told."')
    assert "is-old" in tab.value(IS)
    assert tab.value(AGE) == "dated ahead"


def test_a_first_page_whose_newer_one_does_not_come_tells_its_own_age(left_open):
    """Over a slow line the kept view is shown beside a status.json that came: what stands there is still old."""
    tab, _ = opened(left_open, "index.html", 7200)
    assert until(tab, f"{SAID} === 'This page is 2 h old, and the newer one does not come: load it again.'")
    assert tab.value(AGE) == "2 h old"


def test_what_a_red_page_says_hides_none_of_its_foot(left_open):
    tab, address, folder = left_open
    page_file = folder / "index.html"
    page_file.write_text(of_age(page_file.read_text(), 7200))
    tab.ask("Emulation.setDeviceMetricsOverride", width=320, height=640, deviceScaleFactor=1, mobile=False)
    tab.go(address + "index.html")
    assert until(tab, "document.documentElement.classList.contains('is-old')")
    ends = """(() => { scrollTo(0, document.documentElement.scrollHeight);
      const box = (of) => document.querySelector(of).getBoundingClientRect();
      return [box("footer").bottom, box("#old").top]; })()"""
    foot, banner = tab.value(ends)
    assert foot <= banner


def test_logging_in_where_no_service_runs_says_so(left_open):
    """A web server that shows files alone, as the demo's does, has the button too."""
    tab, address, folder = left_open
    (folder / "service.js").write_bytes((shipped.found("www") / "service.js").read_bytes())
    tab.go(address + "index.html")
    assert until(tab, "document.querySelector('#service-slot button')")
    tab.value("""document.querySelector("#service-slot button").click();
      document.getElementById("sv-token").value = "minectl_x";
      document.querySelector(".sv-dialog form").requestSubmit()""")
    said = "document.querySelector('.sv-wrong').textContent"
    assert until(tab, f"{said} === 'minectl serve does not run behind this page: start it, or use the command line'")


def test_that_a_page_is_old_is_said_in_a_place_that_screen_readers_listen_to_before(left_open):
    """A live region that is hidden until it speaks is not read out."""
    tab, address, folder = left_open
    page_file = folder / "index.html"
    page_file.write_text(young(page_file.read_text()))
    tab.go(address + "index.html")
    heard = [one["role"]["value"] for one in tab.ask("Accessibility.getFullAXTree")["nodes"] if not one["ignored"]]
    assert "status" in heard
    assert tab.value("document.getElementById('old').getBoundingClientRect().height") == 0, "and nothing is seen of it"
